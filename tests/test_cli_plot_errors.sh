#!/bin/sh
# SPDX-License-Identifier: MIT
# test_cli_plot_errors.sh - memlog plot: what cannot be drawn is one line on the standard error and
# status 125; no log is overwritten, and nothing is left behind.
. "${top_srcdir:-$(dirname "$0")/..}/tests/plot_common.sh"
memlog=$(cd "${top_builddir:-$top_srcdir}" && pwd)/memlog
test -x "$memlog" || { echo "no memlog here"; exit 77; }

# wrong TEXT ARGUMENTS...
wrong() {
  text=$1
  shift
  "$memlog" plot "$@" >stdout 2>stderr </dev/null
  status=$?
  test "$status" -eq 125 || fail "plot $* ended with $status"
  grep -qF -e "$text" stderr || fail "plot $*: no '$text' in: $(cat stderr)"
  test ! -s stdout || fail "plot $*: something on the standard output"
}
one_line() { wrong "$@"; test "$(grep -c . stderr)" -eq 1 || fail "not one line: $(cat stderr)"; }

mkdir empty && (cd empty && "$memlog" plot) >stdout 2>stderr && fail "a folder without a log"
grep -q '^memlog: there is no log in this folder' stderr || fail "a folder without a log: $(cat stderr)"
cp "$fixtures/article.log" good.log
cp good.log other.log
: >void.log
rm -f stdout stderr
ls >before
for format in png svg html dumb term; do
  one_line "gone.log: there is no such log" -f $format gone.log
  one_line "is a folder, not a log" -f $format empty
  one_line "void.log: has no samples" -f $format void.log
done
one_line "has no samples in that span" --from 2027-01-01 good.log
one_line "no column RSS: it has Alloc Sys" -c RSS good.log
one_line "cannot be written" -o gone/x.png good.log
one_line "it is a folder" -f png -o empty good.log
one_line "the picture would overwrite it" -f svg -o good.log good.log
one_line "the picture would overwrite it" -f svg -o ./good.log good.log
printf '# memlog 1 pid=1 start=x interval=1s command="x"\n' >begun.log
one_line "the picture would overwrite it" -f svg -o begun.log good.log
rm -f begun.log
if test "$(id -u)" -ne 0; then
  chmod 0 other.log
  one_line "cannot be read" other.log
  chmod 600 other.log
fi
wrong "none of png, svg" -f gif good.log
wrong "say --format too" -o x.gif good.log
wrong "there is no zone" -z Nowhere/City good.log
wrong "there is no zone" -z ../../etc/passwd good.log
wrong "is no time" --from soon good.log
one_line "can't be found in the standard input, which is read once: name a file" -f term --from -2h -
wrong "neither clock nor start" --align=middle good.log
wrong "from 10 to" --width 3 good.log
wrong "one log at a time" --live good.log other.log
wrong "not png" --live -f png good.log
wrong "not the standard input" --live -
wrong "picture in a file" --open -f dumb good.log
GNUPLOT=$work/no/gnuplot one_line "install gnuplot (Debian: apt-get install gnuplot-nox)" good.log
GNUPLOT=$work/no/gnuplot "$memlog" plot -f term good.log >/dev/null || fail "term needs gnuplot"

# What it left of the picture goes, too.
printf '#!/bin/sh\nfor last; do :; done\necho half >"$last"\nexit 1\n' >failing && chmod +x failing
GNUPLOT=$work/failing "$memlog" plot good.log >stdout 2>stderr
test $? -eq 125 || fail "a gnuplot that fails is not told by the status"
rm -f failing
if test -w /dev/full; then
  "$memlog" plot -f term good.log >/dev/full 2>stderr
  test $? -eq 125 || fail "a full standard output is not told"
fi
cmp -s good.log "$fixtures/article.log" || fail "the log was changed"
rm -f stdout stderr
ls >after.new
grep -vx -e after.new -e before after.new >after
grep -vx before before >expected
cmp -s expected after || fail "left behind: $(diff expected after)"
finish
