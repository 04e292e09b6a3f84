#!/bin/sh
# SPDX-License-Identifier: MIT
# check_full.sh - what `make check-full` runs, from the build's folder:
#
#   1. the whole suite with MEMLOG_FULL=1: longer, and no test may be skipped
#   2. the unit tests and the stress program with ASan and UBSan
#   3. with TSan, those of what threads share: base, threads, counters, log
#
# As many tests run side by side as there are processors, and have more time for
# it. With sanitizers they are as long as in make check.
#
# The legs with sanitizers are built out of tree, from the files that a release
# has, in the folder sanitized/. All is run, whatever fails; the last line is
# the sum. Needs MAKE and TESTS from the Makefile.
set -u

: "${MAKE:=make}" "${TESTS:?}"
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES
unset MEMLOG_FULL
: "${CK_TIMEOUT_MULTIPLIER:=3}"
export CK_TIMEOUT_MULTIPLIER
jobs=$(nproc 2>/dev/null || echo 2)
top=$PWD
passed=0 failed=0

say() { printf '\ncheck-full: %s\n' "$*"; }

# Add up what a run of automake's has left in test-suite.log; $1 is its exit
# status. Skipped tests and a run that did not come to its tests are failures.
book() {
  set -- "$1" "$(sed -n 's/^# PASS: *//p' test-suite.log)" \
    "$(sed -n 's/^# \(SKIP\|XFAIL\|FAIL\|XPASS\|ERROR\): *//p' test-suite.log | paste -sd+)"
  bad=$((${3:-0}))
  test "$1" -eq 0 || test "$bad" -gt 0 || bad=1
  passed=$((passed + ${2:-0}))
  failed=$((failed + bad))
  sed -n 's/^SKIP:* */check-full: skipped, which is a failure here: /p' test-suite.log
}

# --- 1: everything --------------------------------------------------------------
say "the whole suite"
rm -f test-suite.log
MEMLOG_FULL=1 "$MAKE" -j"$jobs" check </dev/null
book $?

# --- 2 and 3: the sanitizers ------------------------------------------------------
# leg KIND PATTERN...: build with --enable-sanitizers=KIND, and run the unit
# tests whose names fit one of the patterns.
leg() {
  kind=$1
  shift
  chosen=
  for test in $TESTS; do
    for pattern in "$@"; do
      # shellcheck disable=SC2254 # a pattern on purpose
      case $test in
        tests/test_api_stress.sh) test "$kind" != address || chosen="$chosen $test"; break ;;
        *.sh) ;;
        tests/test_preload_*) ;; # a sanitizer has a malloc of its own
        tests/$pattern) chosen="$chosen $test" ;;
      esac
    done
  done
  say "with --enable-sanitizers=$kind:$chosen"
  mkdir "$top/sanitized/$kind" && cd "$top/sanitized/$kind" || exit 99
  # Scripts need other programs than themselves.
  case $chosen in *.sh*) set -- ;; *) set -- "check_PROGRAMS=$chosen" ;; esac
  # shellcheck disable=SC2086 # several words on purpose
  ../source/configure --quiet --enable-sanitizers="$kind" --disable-static \
    CFLAGS='-g -O1' >configure.out 2>&1 &&
    "$MAKE" -s -j"$jobs" >make.out 2>&1 &&
    "$MAKE" -s -j"$jobs" $chosen >>make.out 2>&1 &&
    $steady "$MAKE" -j"$jobs" check TESTS="$chosen" "$@" </dev/null
  status=$?
  test -f test-suite.log || cat configure.out make.out 2>/dev/null
  touch test-suite.log
  book $status
  cd "$top" || exit 99
}

# TSan of older compilers can't live with much randomness in its addresses.
steady=
setarch "$(uname -m)" -R true 2>/dev/null && steady="setarch $(uname -m) -R"

if test -d sanitized; then
  chmod -R u+w sanitized && rm -rf sanitized
fi
mkdir sanitized
"$MAKE" -s distdir distdir=sanitized/source top_distdir=sanitized/source >/dev/null || exit 99
leg address 'test_*'
leg thread 'test_base_*' 'test_os_lock*' 'test_os_thread*' 'test_heap_counters*' \
  'test_heap_threadcache*' 'test_heap_central*' 'test_log_*'

say "$passed passed, $failed failed"
test "$failed" -eq 0
