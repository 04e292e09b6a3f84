# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034,SC2154 # the variables are for, and of, the scripts
# http_common.sh - what the tests of the pages share: a program with pages that does what it is
# told, and curl. To be sourced behind script.sh.

need curl curl
program=$top_builddir/tests/prog_http
test -x "$program" || { echo "built without pages"; exit 77; }
cd "$work" || exit 99

# tell COMMAND...: the program does it; what it says behind "ok" is in $told.
tell() {
  echo "$*" >&3
  read -r ok told <&4 || fail "the program does not answer to '$*': $(cat err)"
  test "$ok" = ok || fail "to '$*' it says $ok $told"
}

# begin ENVIRONMENT...: the program, without pages; its pid is $pid.
begin() {
  rm -f in out
  mkfifo in out || exit 99
  env "$@" "$program" <in >out 2>err &
  pid=$!
  exec 3>in 4<out
}
# serve ADDRESS ENVIRONMENT...: the program, with pages; where they are is $url.
serve() {
  address=$1
  shift
  begin "$@"
  tell start "$address"
  test "$told" = 0 || fail "no pages at $address: $told, $(cat err)"
  url=$(sed -n 's/^memlog: .*pages at \(http:[^ ]*[0-9]\).*/\1/p' err)
}
# finish_program: it ends by itself, and as it should.
finish_program() {
  exec 3>&- 4<&-
  wait "$pid" || fail "the program ends with $?: $(cat err)"
}

# get PATH ARGUMENTS...: into the files body and head; the status is $status.
get() {
  path=$1
  shift
  status=$(curl -s -S -m 30 -D head -o body -w '%{http_code}' "$@" "$url$path") || fail "GET $path: curl ends with $?"
}
# got STATUS WHAT
got() { test "$status" = "$1" || fail "$2: $status $(head -c 300 body)"; }
# header NAME: its value.
header() { tr -d '\r' <head | sed -n "s/^$1: //Ip"; }
has_header() { test "$(header "$1")" = "$2" || fail "$path: $1 is '$(header "$1")', not '$2'"; }
