#!/bin/sh
# Use the library as its users do: install, query pkg-config, compile, run. Also: the library must export
# exactly what the public headers declare.
#   installed.sh BUILD_DIR CC [CXX]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$1 cc=$2 cxx=${3:-}
passed=0 failed=0 skipped=0
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

result() {
    if [ "$1" -eq 0 ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $2"
    fi
}
# Compile installed.c as a user would, and run it.
use() {
    # shellcheck disable=SC2046 # flags are words
    "$@" "$here/installed.c" -o "$root/program" $(pkg-config --cflags --libs clr-cl) &&
        LD_LIBRARY_PATH=$libdir "$root/program"
}

DESTDIR=$root meson install -C "$build" --no-rebuild --quiet >/dev/null
pc=$(find "$root" -name clr-cl.pc)
[ -n "$pc" ] || {
    echo "no clr-cl.pc was installed"
    exit 1
}
libdir=$(dirname "$(dirname "$pc")")
export PKG_CONFIG_PATH="${pc%/*}" PKG_CONFIG_SYSROOT_DIR="$root"

status=0
use "$cc" -std=c11 || status=1
result $status "a C program that uses the installed library"

if [ -n "$cxx" ]; then
    status=0
    use "$cxx" -x c++ -std=c++11 || status=1
    result $status "the same as C++"
else
    echo "SKIP: no C++ compiler"
    skipped=$((skipped + 1))
fi

# The example program trains, and the command evaluates what it saved.
command=$(find "$root" -path '*/bin/clr-cl')
golden=$(cd "$here/../golden" && pwd)
export LD_LIBRARY_PATH="$libdir" XDG_CACHE_HOME="$root/cache"
if "${command:-clr-cl}" devices >/dev/null 2>&1; then
    status=0
    # shellcheck disable=SC2046 # flags are words
    "$cc" -std=c11 -Wall -Wextra -Werror "$here/../../examples/train.c" -o "$root/train" \
        $(pkg-config --cflags --libs clr-cl) -lm &&
        (cd "$root" && ./train "$golden/tiny-within/net.prototxt" "$golden/tiny-data" 120 >trained.txt) &&
        "${command:-clr-cl}" eval --net "$golden/tiny-within/net.prototxt" --data "$golden/tiny-data" \
            --weights "$root/weights.safetensors" --quiet >"$root/evaluated.txt" &&
        accuracy=$(sed -n 's/^120: loss .*, accuracy \(.*\)/\1/p' "$root/trained.txt") &&
        [ -n "$accuracy" ] && grep -qF "$accuracy" "$root/evaluated.txt" || status=1
    "$root/train" quick "$golden/tiny-data" ten 2>"$root/usage.txt" && status=1
    grep -q '^usage: ' "$root/usage.txt" || status=1
    result $status "the example program trains what the command evaluates"
else
    echo "SKIP: no OpenCL device: the example program"
    skipped=$((skipped + 1))
fi

# Functions that the headers declare, symbols that the library has. Three headers are for the command alone.
includes=$(find "$root" -path '*/include/clr' -type d)
status=0
for name in file_kind lab solver; do
    [ ! -e "$includes/$name.h" ] || status=1
    cp "$here/../../include/clr/$name.h" "$includes"
done
result $status "headers for the command alone are not installed"
printf '#include <clr/%s.h>\n' clr file_kind lab solver | "$cc" -E -P -I "${includes%/clr}" - | sed 's/[;{}]/\n/g' |
    sed -n 's/.*[^a-z0-9_]\(clr_[a-z0-9_]*\) *(.*/\1/p' | LC_ALL=C sort -u >"$root/declared"
nm -D --defined-only "$libdir/libclr-cl.so" | awk '{print $3}' | LC_ALL=C sort -u >"$root/exported"
status=0
diff "$root/declared" "$root/exported" >"$root/difference" || status=1
sed -n 's/^< /declared and not exported: /p; s/^> /exported and not declared: /p' "$root/difference"
result $status "the library exports what its headers declare"

# The command finds the library beside itself, wherever both are.
status=0
mv "$root" "$root-moved"
env -u LD_LIBRARY_PATH "$root-moved${command#"$root"}" --version | grep -q 'clr-cl' || status=1
mv "$root-moved" "$root"
result $status "the installed command reports its version from another place"

known=$(find "$root" -path '*/share/clr-cl/known/h100-quick.json')
status=0
"${command:-clr-cl}" bench compare "${known:-none}" --known | grep -q 'NVIDIA H200' || status=1
result $status "the installed reports can be compared with"

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
