#!/bin/sh
# Run a device test on Oclgrind's simulated device, which reports data races and accesses out of bounds; it
# does not tell by its exit status, so a report that is not empty fails the test.
#
#   oclgrind.sh PROGRAM [ARGUMENTS]
#   oclgrind.sh --uninitialized LIBRARY PROGRAM [ARGUMENTS]    report values that nobody wrote instead of
#                                                              races; LIBRARY is whole_writes.c
#
# The reports go through a pipe: every context opens its log anew, which would leave of a file no more than
# the last context's. They are shown also where a time limit ends the test.
set -u
dir=$(mktemp -d) || exit 1
reader=

finish() {
    status=$?
    exec 3>&-
    [ -z "$reader" ] || wait "$reader" || status=1 # reports that could not be kept
    if [ -s "$dir/log" ]; then
        echo "Oclgrind reports ($(wc -l <"$dir/log") lines):"
        head -n 60 "$dir/log"
        [ $status -ne 0 ] || status=1
    fi
    rm -rf "$dir"
    exit $status
}
trap finish EXIT
trap 'exit 143' INT TERM

mkfifo "$dir/reports" || exit 1
cat "$dir/reports" >"$dir/log" &
reader=$!
exec 3>"$dir/reports" # open until the end, or the first context that closes it would end the reading
if [ "$1" = --uninitialized ]; then
    library=$2
    shift 2
    # Not optimized: for such values Oclgrind 21.10 knows no `freeze`, and leaves a kernel with one undone.
    # In a cache of their own: a program's place there does not depend on what only Oclgrind knows.
    # shellcheck disable=SC2016 # LD_PRELOAD is what oclgrind makes of it
    XDG_CACHE_HOME=$dir oclgrind --uninitialized --build-options -cl-opt-disable --log "$dir/reports" \
        sh -c 'LD_PRELOAD=$0:$LD_PRELOAD exec "$@"' "$library" "$@" 3>&-
else
    oclgrind --data-races --log "$dir/reports" "$@" 3>&-
fi
