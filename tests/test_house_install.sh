#!/bin/sh
# SPDX-License-Identifier: MIT
# test_house_install.sh - what is installed is enough: the program of README.md
# builds against it with pkg-config alone, with the shared library and with the
# archive, runs, and leaves a log. Installed by way of DESTDIR, too, and
# uninstalled without a trace.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
need pkg-config pkg-config
not_sanitized "a program would need the same sanitizer"

# One tree can't be installed from twice at a time.
install() {
  (cd "$top_builddir" && ${MAKE:-make} -s "$@") >"$work/make.out" 2>&1 ||
    fail "make $*: $(cat "$work/make.out")"
}
prefix=$(sed -n 's/^prefix = //p' "$top_builddir/Makefile")

install install DESTDIR="$work/stage"
root=$work/stage$prefix
find "$work/stage" -name memlog.pc >"$work/pc"
test "$(grep -c . "$work/pc")" = 1 || fail "not one memlog.pc: $(cat "$work/pc")"
pc=$(dirname "$(cat "$work/pc")")
for file in include/memlog.h include/memlog_stats.h share/man/man1/memlog-run.1 \
  share/man/man3/memlog_calloc.3 share/man/man5/memory.log.5 share/zsh/site-functions/_memlog \
  share/bash-completion/completions/memlog.bash share/fish/vendor_completions.d/memlog.fish; do
  test -f "$root/$file" || fail "$file is not installed"
done
cmp "$root/include/memlog.h" "$top_srcdir/src/api/memlog.h" || fail "another memlog.h is installed"
# Nothing refers to the place where it was built, unless that is where it goes.
case $prefix in
  "$top_builddir"*) ;;
  *) grep -rlF "$top_builddir" "$pc" "$root/include" && fail "the build's folder stands in it" ;;
esac

# The first C program of README.md.
awk '/^```c$/ && !seen { inside = seen = 1; next } /^```/ { inside = 0 } inside' \
  "$top_srcdir/README.md" >"$work/program.c"
grep -q memlog_log_start "$work/program.c" || fail "README.md has no C program that starts a log"

PKG_CONFIG_SYSROOT_DIR=$work/stage
PKG_CONFIG_LIBDIR=$pc
export PKG_CONFIG_SYSROOT_DIR PKG_CONFIG_LIBDIR
version=$(pkg-config --modversion memlog) || fail "pkg-config does not know memlog"
grep -q "^PACKAGE_VERSION = $version\$" "$top_builddir/Makefile" || fail "the version is '$version'"
flags=$(pkg-config --cflags --libs memlog) || fail "pkg-config has no flags for memlog"
lib=$(echo "$flags" | tr ' ' '\n' | sed -n 's/^-L//p' | head -1)
static=$(pkg-config --static --libs-only-l memlog | sed 's/-lmemlog//')

# run PROGRAM: in an empty folder, with nothing set. It leaves a good log.
run() {
  mkdir "$work/$1.run" || exit 99
  (cd "$work/$1.run" && LD_LIBRARY_PATH=$lib "../$1") >"$work/$1.out" 2>&1 ||
    fail "$1 ends with $?: $(cat "$work/$1.out")"
  test ! -s "$work/$1.out" || fail "$1 says: $(cat "$work/$1.out")"
  awk '!/^#/ && NF { n++; if (NF != 3 || $2 > $3 || $1 < last) bad = 1; last = $1 }
    END { exit !(n >= 2 && !bad) }' "$work/$1.run/memory.log" ||
    fail "$1 has left: $(cat "$work/$1.run/memory.log")"
  grep -qx '# end reason=exit' "$work/$1.run/memory.log" || fail "$1 has left no end"
}

# shellcheck disable=SC2086 # several words on purpose
if $CC -Wall -Werror "$work/program.c" -o "$work/shared" $flags 2>"$work/said"; then
  readelf -d "$work/shared" | grep -q 'NEEDED.*libmemlog\.so\.0' ||
    fail "not linked with the shared library"
  run shared
else
  fail "README.md's program: $(cat "$work/said")"
fi

# The pages: what pkg-config says is enough, and memlog finds its module where it was installed to.
if test -f "$pc/memlog-http.pc"; then
  cat >"$work/pages.c" <<'END'
#include <memlog_http.h>
int main(void) { return -memlog_http_start("127.0.0.1:0") + -memlog_http_stop(); }
END
  # shellcheck disable=SC2046 # several words on purpose
  $CC -Wall -Werror "$work/pages.c" -o "$work/pages" $(pkg-config --cflags --libs memlog-http) 2>"$work/said" ||
    fail "a program with pages: $(cat "$work/said")"
  LD_LIBRARY_PATH=$lib "$work/pages" 2>"$work/said" || fail "a program with pages ends with $?: $(cat "$work/said")"
  "$root/bin/memlog" run -o "$work/run.log" --http 127.0.0.1:0 true 2>"$work/said" ||
    fail "memlog run --http, installed: $(cat "$work/said")"
  grep -q 'pages at http://127.0.0.1:[1-9]' "$work/said" || fail "memlog run --http, installed: $(cat "$work/said")"
fi

if test -f "$lib/libmemlog.a"; then
  # shellcheck disable=SC2046,SC2086
  if $CC -Wall -Werror $(pkg-config --cflags memlog) "$work/program.c" -o "$work/archive" \
    "$lib/libmemlog.a" $static 2>"$work/said"; then
    ! readelf -d "$work/archive" | grep -q libmemlog || fail "linked with the shared library"
    run archive
  else
    fail "README.md's program with the archive: $(cat "$work/said")"
  fi
fi

# An unchanged program on the collected heap, as wrap/memlog_wrap.c tells.
wrap=$root/share/memlog/wrap
case $(pkg-config --variable=wrapdir memlog) in
  *"$prefix/share/memlog/wrap") ;;
  *) fail "wrapdir is '$(pkg-config --variable=wrapdir memlog)'" ;;
esac
cat >"$work/plain.c" <<'END'
#include <stdlib.h>
int main(void) { return malloc(1) == NULL; }
END
# shellcheck disable=SC2046,SC2086
if $CC -O2 -fPIC -c $(pkg-config --cflags memlog) "$wrap/memlog_wrap.c" -o "$work/wrap.o" \
  2>"$work/said" && $CC "$work/plain.c" "$work/wrap.o" $(cat "$wrap/memlog.wrap") $flags \
  -o "$work/wrapped" 2>>"$work/said"; then
  nm -u "$work/wrapped" | grep -q memlog_malloc || fail "malloc is not memlog's"
  (cd "$work" && MEMLOG_FILE=memory.log LD_LIBRARY_PATH=$lib ./wrapped) || fail "wrapped: $?"
  test -s "$work/memory.log" || fail "wrapped has left no log"
else
  fail "an unchanged program: $(cat "$work/said")"
fi

install uninstall DESTDIR="$work/stage"
find "$work/stage" -type f >"$work/rest"
test ! -s "$work/rest" || fail "uninstall leaves $(cat "$work/rest")"
finish
