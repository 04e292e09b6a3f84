# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034 # the variables are for the scripts
# For scripts that put real programs under memlog run, to be sourced after script.sh. What these
# need is installed by ./bootstrap --full, and they take long: all of it is done in make check-full
# only, and little where the word unless_full stands.
. "$top_srcdir/tests/cli_common.sh"
PATH=/usr/bin:/bin:/usr/sbin:/sbin:$PATH # the system's, not those of a user's own

patience=400 # seconds: what hangs is ended

# under LOG COMMAND...: run it with memlog.
under() {
  recorded=$1
  shift
  timeout -k 10 "$patience" "$memlog" run -q -o "$recorded" -- "$@"
}
# good_log LOG END: of one run, from its header to "# end END"; two samples at least.
good_log() {
  sed -n 1p "$1" | grep -q '^# memlog 1 pid=[0-9]* start=[^ ]* interval=' || fail "$1: header: $(sed -n 1p "$1")"
  awk '/^[0-9]/ { samples++; if (NF != 3 || $2 > $3 || $1 < before) bad = 1; before = $1 }
    !/^[0-9#]/ { bad = 1 } END { exit bad || samples < 2 }' "$1" || fail "$1: $(cat "$1")"
  test "$(tail -n 1 "$1")" = "# end $2" || fail "$1: its end: $(tail -n 1 "$1")"
}
# unless_full COMMAND...: without MEMLOG_FULL=1 this is all that is done.
unless_full() {
  test "$full" != 1 || return 0
  under short.log "$@" >short.out 2>&1 </dev/null || fail "$*: $? $(tail -n 5 short.out)"
  good_log short.log 'reason=exit status=0'
  finish
}
# without NAME COMMAND... and with NAME COMMAND...: run it without and with memlog; its output
# and its exit status are in NAME.without and NAME.with. same NAME: that they are the same, and
# the log is good.
without() {
  name=$1
  shift
  timeout -k 10 "$patience" "$@" >"$name.without" 2>&1
  echo "status $?" >>"$name.without"
}
with() {
  name=$1
  shift
  under "$name.log" "$@" >"$name.with" 2>&1
  echo "status $?" >>"$name.with"
}
same() {
  cmp -s "$1.without" "$1.with" || fail "$1 differs: $(diff "$1.without" "$1.with" | head -n 20)"
  good_log "$1.log" "reason=exit status=$(sed -n '$s/^status //p' "$1.with")"
}
# wait_for_end PID NAME: of a server that is to end well, and says things in NAME.out.
wait_for_end() {
  wait "$1"
  ended=$?
  test "$ended" = 0 || fail "$2 ends with $ended: $(tail -n 20 "$2.out")"
}
