# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034 # the variables are for the scripts
# For test scripts, to be sourced: a folder of their own that goes away at the
# end, no MEMLOG_* from outside, and the words need, fail and finish.

set -u
top_srcdir=${top_srcdir:-$(cd "$(dirname "$0")/.." && pwd)}
top_builddir=${top_builddir:-$top_srcdir}
CC=${CC:-cc}
SANITIZE=${SANITIZE:-}

# The make that runs the tests passes its own flags on; those run here are others.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES
for variable in $(env | sed -n 's/^\(MEMLOG_[A-Z_]*\)=.*/\1/p'); do
  test "$variable" = MEMLOG_FULL || unset "$variable"
done
full=${MEMLOG_FULL:-0}

work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
trap 'exit 99' HUP INT TERM

# need PROGRAM PACKAGE: the test is skipped without that program.
need() {
  command -v "$1" >/dev/null 2>&1 || { echo "no $1 here (Debian: package '$2')"; exit 77; }
}
# not_sanitized WHY: the test is skipped in a build with sanitizers.
not_sanitized() {
  test -z "$SANITIZE" || { echo "built with sanitizers: $1"; exit 77; }
}

# until_true SECONDS COMMAND...: again and again until it succeeds.
until_true() {
  tries=$(($1 * 50))
  shift
  while test "$tries" -gt 0; do
    "$@" >/dev/null 2>&1 && return 0
    sleep 0.02
    tries=$((tries - 1))
  done
  return 1
}

# child_of PID: its only child.
child_of() { grep -lx "PPid:[[:space:]]*$1" /proc/[0-9]*/status 2>/dev/null | cut -d/ -f3; }

failures=0
fail() { echo "FAIL: $*"; failures=$((failures + 1)); }
finish() { test "$failures" -eq 0; exit; }

# The floors of src, lowest first; neighbours stand on one line, between commas.
floors='base os heap gc stats log,profile image,reading http api,preload cli'
