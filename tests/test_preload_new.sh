#!/bin/sh
# SPDX-License-Identifier: MIT
# test_preload_new.sh - C++ programs: all forms of new and delete, bad_alloc and handlers,
# with the C++ library linked, in a plug-in of a program in C, and built in.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
not_sanitized "two that stand before malloc don't go together"
preload=$top_builddir/.libs/libmemlog-preload.so
test -f "$preload" || { echo "built without shared libraries"; exit 77; }
need g++ g++
cd "$work" || exit 99

build() {
  g++ -std=c++17 -O1 -fno-builtin -fno-allocation-dce -Wall -I"$top_srcdir/src/api" "$@" 2>said ||
    { fail "$*: $(cat said)"; finish; }
}
run() { LD_PRELOAD=$preload timeout 60 "$@" >out 2>&1 || fail "$*: $? $(cat out)"; }

build "$top_srcdir/tests/prog_preload_new.cc" -o linked
run ./linked

# The C++ library comes with a plug-in, when the names have been bound long ago.
build -Dmain=plugin_main -fPIC -shared "$top_srcdir/tests/prog_preload_new.cc" -o plugin.so
cat >host.c <<'END'
#include <dlfcn.h>
#include <stdio.h>
int main(void)
{
    void *plugin = dlopen("./plugin.so", RTLD_NOW | RTLD_LOCAL);
    int (*run)(void) = plugin == NULL ? NULL : (int (*)(void))dlsym(plugin, "_Z11plugin_mainv");
    if (run == NULL)
        printf("%s\n", dlerror());
    return run == NULL ? 1 : run();
}
END
$CC host.c -o host || exit 99
run ./host

# The counts are of the operators too: they don't go to a heap of their own.
cat >twice.cc <<'END'
int main()
{
    int *volatile object = new int[10];
    delete[] object;
    delete[] object;
}
END
build twice.cc -o twice
LD_PRELOAD=$preload ./twice >out 2>&1 && fail "a second delete[] is not found"
grep -q '^memlog: operator delete\[\]: 0x.*: double free of an object of 48 bytes$' out ||
  fail "a second delete[]: $(cat out)"
finish
