#!/bin/sh
# A public header compiles alone, and twice, without a warning.
#   alone.sh HEADER STANDARD INCLUDE… -- COMPILER…
set -eu
header=$1 standard=$2
shift 2
flags=
while [ "$1" != -- ]; do
    flags="$flags -I$1"
    shift
done
shift
case $standard in
c++*) language=c++ ;;
*) language=c ;;
esac
# shellcheck disable=SC2086 # a list of flags without spaces in them
printf '#include <clr/%s>\n#include <clr/%s>\nint unused;\n' "$header" "$header" |
    "$@" -x $language "-std=$standard" -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror \
        -fsyntax-only $flags -
