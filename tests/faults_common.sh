# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154 # $full and $work are script.sh's
# faults_common.sh - for the scripts in which the system refuses. Sourced.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
not_sanitized 'the sanitizers make system calls of their own, and map terabytes'
tests=$top_builddir/tests
for program in prog_fail_nth prog_faults prog_faults_audited; do
  test -x "$tests/$program" || { echo "$tests/$program is not there"; exit 77; }
done
cd "$work" || exit 99

# fail_each PROGRAM SCENARIO: let every call of it fail once, one at a time, with the error that is
# most usual; in the long form, of the program that audits its heap, with every error that the call may
# give.
fail_each() {
  all=
  test "$full$1" != 1prog_faults_audited || all=--all-errors
  "$tests/prog_fail_nth" $all all "$tests/$1" "$2" >said
  status=$?
  test $status -ne 77 || { cat said; exit 77; }
  grep -v ': 0 failed calls, 0 bad ends' said | sed "s/^/$2: /"
  test $status -eq 0 || fail "$1 $2 does not come through every fault"
  grep -q ': [1-9][0-9]* failed calls' said || fail "nothing failed in $1 $2"
}
