# Completion for bash: clr-cl itself lists what may follow, from its tables of options.
_clr_cl() {
    local current=${COMP_WORDS[COMP_CWORD]} before=() word last=
    # bash splits words at ':' and '='.
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        if [[ ($word == :* || $last == *:) && ${#before[@]} != 0 ]]; then
            before[-1]+=$word
        elif [[ $word != = ]]; then
            before+=("$word")
        fi
        last=$word
    done
    [[ $current != = ]] || current=
    mapfile -t COMPREPLY < <("${COMP_WORDS[0]/#~\//$HOME/}" "${before[@]}" --complete "$current" 2>/dev/null)
}
complete -o default -F _clr_cl clr-cl
