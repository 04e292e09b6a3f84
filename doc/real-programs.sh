#!/bin/sh
# SPDX-License-Identifier: MIT
# real-programs.sh - gawk, jq and Tcl from Debian's sources on memlog's collected
# heap, as doc/real-programs.md tells: fetched, built plain and wrapped, their own
# test suites run, a long workload measured. Not part of make check.
#
#   doc/real-programs.sh DIRECTORY [gawk|jq|tcl]...
#
# Needs a built tree (or MEMLOG_TREE with one), dpkg-dev, curl or apt-get with
# Debian's keyring, and what the programs need: libonig-dev, zlib1g-dev,
# libreadline-dev, autoconf, libtool, flex, bison, locales (for localedef's files).
# MEMLOG_* in the environment goes to the wrapped program's suite.
set -eu
tree=${MEMLOG_TREE:-$(cd "$(dirname "$0")/.." && pwd)}
test $# -ge 1 || { sed -n '3,12p' "$0" >&2; exit 2; }
mkdir -p "$1"
work=$(cd "$1" && pwd)
shift
test $# -ge 1 || set -- gawk jq tcl
jobs=$(nproc)
cd "$work"

# --- what is linked in ------------------------------------------------------------
${CC:-cc} -O2 -fPIC -c -I"$tree/src/api" "$tree/wrap/memlog_wrap.c" -o memlog_wrap.o
wrap="$work/memlog_wrap.o $(tr '\n' ' ' <"$tree/wrap/memlog.wrap")"
wrap="$wrap -L$tree/.libs -lmemlog -Wl,-rpath -Wl,$tree/.libs"

# --- sources: apt-get with lists of its own, so that the system's stay as they are ----
fetch() {
    test ! -d "$1" || return 0
    mkdir -p apt/lists/partial apt/cache/archives/partial
    echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" \
        "http://deb.debian.org/debian bookworm main" >apt/sources.list
    cat >apt/apt.conf <<END
Dir::Etc::sourcelist "$work/apt/sources.list";
Dir::Etc::sourceparts "-";
Dir::State::lists "$work/apt/lists";
Dir::Cache "$work/apt/cache";
END
    test -s apt/updated || { APT_CONFIG=$work/apt/apt.conf apt-get -q update && echo yes >apt/updated; }
    APT_CONFIG=$work/apt/apt.conf apt-get -q source "$1"
    mv "$1"-[0-9]*/ "$1"
}

# figures NAME COMMAND...: seconds and peak RSS of a command that says nothing.
figures() {
    what=$1
    shift
    /usr/bin/time -f "$what: %e s, %U s user, %M KiB peak" "$@" >/dev/null
}

# compare PROGRAM COMMAND...: plain, then wrapped with a log, which tells how often
# it has collected and the longest pause. @ in the command is plain or memlog.
compare() {
    program=$1
    shift
    for build in plain memlog memlog-stop; do
        log=$work/$program-$build.log
        rm -f "$log"
        mode=concurrent
        test $build != memlog-stop || mode=stop
        command=$(echo "$*" | sed "s/@/${build%-stop}/g")
        MEMLOG_FILE=$log MEMLOG_GC=$mode MEMLOG_INTERVAL=500ms MEMLOG_COLUMNS=NumGC,pause_longest_ns \
            figures "$program $build" sh -c "$command"
        test ! -f "$log" || awk '!/^#/ && NF { n++; if ($2 > a) a = $2; if ($3 > s) s = $3
              if (n == 4) early = $3; gc = $4; pause = $5 }
            END { printf "  %d samples: Alloc at most %.1f MiB, Sys %.1f MiB after 1.5 s and %.1f at most, %d collections, longest pause %.2f ms\n",
                  n, a / 1048576, early / 1048576, s / 1048576, gc, pause / 1e6 }' "$log"
    done
}

# --- gawk ----------------------------------------------------------------------------
# readline calls the xmalloc of the program that links it, and frees what it gets
# with the C library's free: gawk's is hidden from it.
gawk() {
    fetch gawk
    echo '{ local: xmalloc; xrealloc; xcalloc; xzalloc; };' >hide.map
    for build in plain memlog; do
        libs=-lm
        test $build = plain || libs="$libs $wrap -Wl,--version-script=$work/hide.map"
        test -d gawk-$build || {
            mkdir gawk-$build
            (cd gawk-$build && ../gawk/configure -q --without-mpfr --disable-pma --disable-nls &&
                make -s -j"$jobs" -C support && make -s -j"$jobs" gawk LIBS="$libs" &&
                make -s -j"$jobs" -C extension) >gawk-$build.out 2>&1
        }
        make -k -C gawk-$build/test check >gawk-$build.check 2>&1 || true
        echo "gawk $build: $(grep -E 'TESTS? (PASSED|FAILED)' gawk-$build.check)"
    done
    compare gawk "gawk-@/gawk -f $tree/doc/real-programs.awk"
}

# --- jq --------------------------------------------------------------------------------
jq() {
    fetch jq
    for build in plain memlog; do
        libs=-lonig
        test $build = plain || libs="$libs $wrap"
        test -d jq-$build || {
            cp -r jq jq-$build
            (cd jq-$build && autoreconf -fi &&
                ./configure -q --disable-docs --disable-maintainer-mode --disable-shared --disable-valgrind &&
                make -s -j"$jobs" && rm jq && make -s LIBS="$libs") >jq-$build.out 2>&1
        }
        NO_VALGRIND=1 make -C jq-$build check >jq-$build.check 2>&1 || true
        echo "jq $build: $(grep -E '^# (PASS|FAIL)' jq-$build.check | tr '\n' ' ')" \
            "$(cat jq-$build/tests/*.log | awk '/tests passed/ { a += $1; b += $3 } END { print a " of " b }')"
    done
    test -f stream.json || awk 'BEGIN { for (i = 0; i < 300000; i++)
        printf "{\"id\":%d,\"name\":\"name %d\",\"tags\":[\"a%d\",\"b\",\"c\"],\"at\":{\"x\":%d.5,\"y\":-%d}}\n", i, i, i % 97, i, i }' >stream.json
    compare jq "jq-@/jq -c '.tags |= map(ascii_upcase + \"!\") | .at.z = (.at.x * .at.y) | .name |= (split(\" \") | join(\"-\"))' stream.json"
}

# --- Tcl -------------------------------------------------------------------------------
# PURIFY: without Tcl's own allocators, which keep what they have once got.
tcl() {
    fetch tcl8.6
    for build in plain memlog; do
        purify= libs='-ldl -lz -lpthread -lm'
        test $build = plain || purify=-DPURIFY libs="$libs $wrap"
        test -d tcl-$build || {
            mkdir tcl-$build
            (cd tcl-$build && CC="${CC:-cc} $purify" ../tcl8.6/unix/configure -q --enable-threads --disable-shared &&
                make -j"$jobs" tclsh tcltest LIBS="$libs" &&
                rm -rf dltest.marker dltest/*.so && make -s -C dltest) >tcl-$build.out 2>&1
        }
        (cd tcl-$build && TCL_LIBRARY=$work/tcl8.6/library TCLLIBPATH=$work/tcl-$build/pkgs \
            ./tcltest "$work/tcl8.6/tests/all.tcl") </dev/null >tcl-$build.check 2>&1 || true
        grep '^all.tcl' tcl-$build.check | sed "s/^all.tcl:/tcl $build:/"
        grep -E '^==== .* FAILED$' tcl-$build.check || true
    done
    TCL_LIBRARY=$work/tcl8.6/library
    export TCL_LIBRARY
    compare tcl "tcl-@/tclsh $tree/doc/real-programs.tcl"
}

for program; do
    case $program in
        gawk | jq | tcl) $program ;;
        *) echo "no such program: $program" >&2; exit 2 ;;
    esac
done
