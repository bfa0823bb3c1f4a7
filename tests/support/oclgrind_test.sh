#!/bin/sh
# Does oclgrind.sh fail for wrong kernels, and for no others?
#
#   oclgrind_test.sh WRONG_KERNELS WHOLE_WRITES     the program and the library of that name
#
# After each kernel a correct one runs, in another context. Exit 77: no Oclgrind here.
set -u
here=$(dirname "$0")
program=$1 library=$2
passed=0 failed=0

if ! command -v oclgrind >/dev/null; then
    echo "SKIP: oclgrind is not installed; tools/deps test installs it"
    exit 77
fi

# expect well|TEXT [options of oclgrind.sh] PROGRAM KERNEL: succeeds, or fails and reports the text
expect() {
    wanted=$1
    shift
    output=$(timeout "$limit" "$here/oclgrind.sh" "$@" 2>&1)
    status=$?
    case $wanted:$status:$output in
    well:0:) passed=$((passed + 1)) ;;
    well:* | *:0:*) wrong "$@" ;;
    *:*:*"$wanted"*) passed=$((passed + 1)) ;;
    *) wrong "$@" ;;
    esac
}
wrong() {
    echo "$*: expected '$wanted', got status $status: $output"
    failed=$((failed + 1))
}

limit=60
expect well "$program" right
expect 'data race' "$program" race
expect 'Invalid write' "$program" bounds
expect well --uninitialized "$library" "$program" right
expect 'Invalid write' --uninitialized "$library" "$program" bounds
expect 'Uninitialized value' --uninitialized "$library" "$program" unwritten
limit=5
expect 'Invalid write' "$program" bounds hang
echo "$passed passed, $failed failed, 0 skipped"
[ $failed -eq 0 ]
