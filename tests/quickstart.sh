#!/bin/sh
# Does tools/quickstart do all that it says, and do the commands that it ends with work as printed? Gives it a relative
# folder whose name has a space and a quote, then pastes these commands into a shell somewhere else.
# The last line is "N passed, N failed, N skipped".
set -u
cd "$(dirname "$0")/.." || exit 1
. tests/check.sh
out="$work/it's here"
run() {
    tools=$PWD/tools && (cd "$work" && "$tools/quickstart" "it's here" >out)
}
made() {
    for figure in range.png runs.png; do
        [ "$(head -c 4 "$out/$figure" | tail -c 3)" = PNG ] && grep -qF "$out/$figure" "$work/out" || return 1
    done
}
commands() {
    sed -n '/^To try next:$/,$s/^  //p' "$work/out"
}
three() {
    commands | awk '{print} END {exit NR != 3}'
}
paste() {
    mkdir "$work/elsewhere" && cd "$work/elsewhere" || return 1
    commands | sh -ex && [ -s "$out/rates.png" ]
}
check "tools/quickstart runs" run
check "its figures are where it says" made
check "it ends with three commands" three
check "they work as printed, in another folder" paste
finish
