# For scripts that test with check(), to be sourced: work, a folder to write in, which is removed at the end; counts.
# shellcheck shell=sh
work=$(mktemp -d) passed=0 failed=0
chmod 755 "$work"
trap 'rm -rf "$work"' EXIT

# check "WHAT IS TRUE" COMMAND…: one case. What the command prints is shown if it fails.
check() {
    what=$1
    shift
    if "$@" >"$work/log" 2>&1; then
        passed=$((passed + 1))
    else
        echo "FAILED: $what"
        tail -n 30 "$work/log"
        failed=$((failed + 1))
    fi
}
# The last line, and the exit status.
finish() {
    echo "$passed passed, $failed failed, 0 skipped"
    [ "$failed" = 0 ]
}
