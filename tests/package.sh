#!/bin/sh
# Are the Debian packages built, installed, used and removed? As root, on a machine without clr-cl.
# The last line is "N passed, N failed, N skipped".
set -u
cd "$(dirname "$0")/.." || exit 1
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null || dpkg-query -W clr-cl >/dev/null 2>&1; then
    echo "SKIP: packages are installed by root, on Debian, where clr-cl is not installed"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi
. tests/check.sh
use() {
    cd "$work" || return 1
    man -w clr-cl && clr-cl --version && clr-cl devices && clr-cl net show lenet &&
        clr-cl train --net lenet --data fashion-mnist --policy fixed --lr 0.01 --iterations 3 --out run &&
        clr-cl eval run && clr-cl plot run run -o run.png && [ -s run.png ] &&
        [ -f /usr/share/bash-completion/completions/clr-cl ]
}
compile() {
    # shellcheck disable=SC2046 # a list of words
    cc -std=c11 -o "$work/example" /usr/share/doc/libclr-cl-dev/examples/train.c $(pkg-config --cflags --libs clr-cl) \
        -lm &&
        cd "$work" && ./example lenet fashion-mnist 2
}
gone() {
    for left in /usr/bin/clr-cl /usr/include/clr /usr/lib/*/libclr-cl* /usr/lib/*/pkgconfig/clr-cl.pc \
        /usr/share/clr-cl /usr/share/man/man1/clr-cl.1* /usr/share/bash-completion/completions/clr-cl \
        /usr/share/zsh/vendor-completions/_clr-cl /usr/share/doc/clr-cl /usr/share/doc/libclr-cl*; do
        [ ! -e "$left" ] || return 1
    done
}
# The files that README.md shows or links to.
links() {
    sed -n 's/](/\n](/gp' README.md | sed -n 's/^](\([^):#]*\)).*/\1/p' >"$work/links"
    while read -r file; do
        [ -f "/usr/share/doc/clr-cl/$file" ] || return 1
    done <"$work/links"
}
check "the packages are built, without errors of lintian" tools/package "$work/packages"
check "they are installed" apt-get install -y --no-install-recommends "$work"/packages/*.deb
check "the command works" use
check "what README.md names is installed beside it" links
check "the example program is compiled and runs" compile
check "they are removed" apt-get purge -y clr-cl libclr-cl-dev 'libclr-cl0*'
check "nothing is left" gone
finish
