#!/bin/sh
# Run a device test on Oclgrind's simulated device, which reports data races and accesses out of bounds. Its exit
# status does not show them, so a report that is not empty fails the test.
#
#   oclgrind.sh PROGRAM [ARGUMENTS]
#   oclgrind.sh --uninitialized LIBRARY PROGRAM [ARGUMENTS]    report values that nothing wrote instead of
#                                                              races; LIBRARY is whole_writes.c
#
# The reports go through a pipe: every context opens its log anew, so a file would have the last context's only.
# They are shown also where a time limit ends the test.
set -u
dir=$(mktemp -d) || exit 1
reader=

finish() {
    status=$?
    exec 3>&-
    [ -z "$reader" ] || wait "$reader" || status=1 # reports that could not be read
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
exec 3>"$dir/reports" # open until the end: else the first context that closes the pipe would end the reading
if [ "$1" = --uninitialized ]; then
    library=$2
    shift 2
    # Not optimized: Oclgrind 21.10 does not support `freeze` for such values, and skips a kernel that has one.
    # In a cache of their own: the key of a cached program does not include Oclgrind's own options.
    # shellcheck disable=SC2016 # LD_PRELOAD is what oclgrind makes of it
    XDG_CACHE_HOME=$dir oclgrind --uninitialized --build-options -cl-opt-disable --log "$dir/reports" \
        sh -c 'LD_PRELOAD=$0:$LD_PRELOAD exec "$@"' "$library" "$@" 3>&-
else
    oclgrind --data-races --log "$dir/reports" "$@" 3>&-
fi
