#!/bin/sh
# Run a device test on Oclgrind's simulated device, which reports data races and accesses out of bounds; it
# does not tell by its exit status, so a report that is not empty fails the test. The reports go through a
# pipe: every context opens its log anew, which would leave of a file no more than the last context's.
set -u
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
mkfifo "$dir/reports" || exit 1

cat "$dir/reports" >"$dir/log" &
exec 3>"$dir/reports" # open until the end, or the first context that closes it would end the reading
oclgrind --data-races --check-api --log "$dir/reports" "$@" 3>&-
status=$?
exec 3>&-
wait
if [ -s "$dir/log" ]; then
    echo "Oclgrind reports ($(wc -l <"$dir/log") lines):"
    head -n 60 "$dir/log"
    [ $status -ne 0 ] || status=1
fi
exit $status
