#!/bin/sh
# SPDX-License-Identifier: MIT
# test_reading_fuzz.sh - the readers of logs and moments take any bytes: with
# AddressSanitizer and UndefinedBehaviorSanitizer, by libFuzzer where clang has
# it, else by a driver of our own. The corpus is tests/corpus; a crash leaves its
# input's name, and belongs into it.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
not_sanitized "builds its own"

runs=20000
test "$full" = 0 || runs=200000
flags='-g -O1 -std=gnu11 -fsanitize=address,undefined -fno-sanitize-recover=all'

# build TARGET: into $work/TARGET; $fuzzer says with which driver.
build() {
  set -- "$1" "$top_srcdir/src/reading"/*.c "$top_srcdir/src/stats/fields.c" "$top_srcdir/src/base/format.c" \
    "$top_srcdir/src/base/double.c" "$top_srcdir/tests/fuzz_$1.c"
  name=$1
  shift
  # shellcheck disable=SC2086 # several words on purpose
  if clang $flags -fsanitize=fuzzer -D_GNU_SOURCE -I"$top_builddir" -I"$top_srcdir/src" -I"$top_srcdir/src/api" "$@" -o "$work/$name" \
    -lm >"$work/clang.out" 2>&1; then
    fuzzer=libFuzzer
  elif $CC $flags -D_GNU_SOURCE -I"$top_builddir" -I"$top_srcdir/src" -I"$top_srcdir/src/api" "$@" "$top_srcdir/tests/fuzz_main.c" \
    -o "$work/$name" -lm >"$work/cc.out" 2>&1; then
    fuzzer=own
  else
    fail "fuzz_$name.c does not build: $(tail -5 "$work/cc.out")"
    finish
  fi
}

for target in log when; do
  build "$target"
  corpus=$top_srcdir/tests/corpus/$target
  mkdir "$work/found-$target"
  if test "$fuzzer" = libFuzzer; then
    "$work/$target" -runs="$runs" -seed=1 -max_len=4096 -timeout=20 -artifact_prefix="$work/" \
      "$work/found-$target" "$corpus" >"$work/out" 2>&1
  else
    "$work/$target" "$runs" 1 "$corpus"/* >"$work/out" 2>&1
  fi
  status=$?
  test "$status" -eq 0 || fail "$target, by $fuzzer: exit status $status
$(tail -40 "$work/out")"
done
finish
