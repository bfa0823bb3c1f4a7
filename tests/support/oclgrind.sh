#!/bin/sh
# Run a device test on Oclgrind's simulated device, which reports data races and accesses out of bounds; it
# does not tell by its exit status, so a report that is not empty fails the test.
set -u
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT

oclgrind --data-races --check-api --log "$log" "$@"
status=$?
if [ -s "$log" ]; then
    echo "Oclgrind reports ($(wc -l <"$log") lines):"
    head -n 60 "$log"
    [ $status -ne 0 ] || status=1
fi
exit $status
