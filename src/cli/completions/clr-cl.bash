# Completion for bash: clr-cl itself lists what may follow, from its tables of options.
_clr_cl() {
    local current=${COMP_WORDS[COMP_CWORD]} words
    if ((COMP_CWORD == 1)); then
        words=$("${COMP_WORDS[0]}" --complete clr-cl "$current" 2>/dev/null)
    else
        words=$("${COMP_WORDS[0]}" "${COMP_WORDS[1]}" --complete "${COMP_WORDS[COMP_CWORD - 1]}" "$current" 2>/dev/null)
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}
complete -o default -F _clr_cl clr-cl
