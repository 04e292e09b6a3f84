# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034,SC2154 # the variables are for the scripts, and theirs
# For scripts that ask gdb about the heap, to be sourced after gdb_common.sh.

# Nothing is collected while it is asked about.
MEMLOG_GC_PERCENT=off
export MEMLOG_GC_PERCENT

# section NAME: what gdb has said behind "== NAME".
section() { sed -n "/^== $1\$/,/^== /p" out | grep -v '^== '; }
# objects: NAME=ADDRESS of all.
objects() { grep '=' planted; }
# address NAME: of an object, as the program has said.
address() { sed -n "s/^$1=//p" planted; }

# thread NAME: as gdb calls the thread that the program has said; a regular expression.
thread() { echo "thread [0-9]* (LWP $(sed -n "s/^$1@//p" planted))"; }

# compiled PROGRAM SOURCE FLAGS...: a program without debug information.
# shellcheck disable=SC2086 # several words
compiled() {
  program=$1 source=$2
  shift 2
  $CC -O1 -Wall -D_GNU_SOURCE -I"$top_srcdir/src/api" "$top_srcdir/tests/$source" -o "$program" \
    "$@" -pthread -ldl
}

# planted PROGRAM ARGUMENTS...: it runs, with $with preloaded; its number is in pid, what it says in
# the file planted. Fails where it does not come to the end of that.
planted() {
  rm -f planted go core core.* made.core
  (ulimit -c unlimited 2>/dev/null; program=$1; shift; LD_PRELOAD=$with exec "./$program" "$@") \
    >planted 2>said &
  pid=$!
  until_true 120 grep -qx planted planted || { fail "$what: does not come so far: $(cat said)"; return 1; }
}
