#!/bin/sh
# SPDX-License-Identifier: MIT
# test_cli_export.sh - memlog export as CSV: every number of the log, digit by digit, of all runs and
# whatever columns they have; ranges, columns, times, and what is refused.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
cd "$work" || exit 99
memlog=$top_builddir/memlog
TZ=UTC
export TZ

# export STATUS ARGUMENT...: into the files out and err.
export_log() {
  wanted=$1
  shift
  "$memlog" export "$@" >out 2>err
  status=$?
  test "$status" = "$wanted" || fail "memlog export $* ends with $status: $(cat err)"
}
# says TEXT: the last one said so on stderr.
says() { grep -q -e "$1" err || fail "not told: $1 but $(cat err)"; }
# is FILE WHAT: out is that file.
is() { cmp -s out "$1" || fail "$2: $(diff out "$1" | head -5)"; }

# --- runs with different columns, numbers beyond what doubles hold, and what is not known --------
cat >runs.log <<'END'
# memlog 1 pid=11 start=2026-11-21T08:00:00Z interval=1s command="./one"
# timestamp Alloc Sys GCCPUFraction TotalAlloc
1795248000 5242880 10485760 1.5e-05 9007199254740993
1795248001 9437184 14680064 0 18446744073709551615
# mark half "way"
1795248002 3145728 14680064 0.25 18446744073709551615
# end reason=exit

# memlog 1 pid=12 start=2026-11-21T08:00:10Z interval=500ms command="./two"
# timestamp Alloc Sys RSS
1795248010.500 1048576 16777216 4096
1795248011.000 1048577 16777217 -

# memlog 1 pid=13 start=2026-11-21T08:00:20Z interval=1s command="./three"
# timestamp rss pss swap
1795248020 8388608 - 0
1795248021 8388609 77 -
END
cat >wanted.csv <<'END'
timestamp,Alloc,Sys,GCCPUFraction,TotalAlloc,RSS,pss,swap,run
1795248000,5242880,10485760,1.5e-05,9007199254740993,,,,1
1795248001,9437184,14680064,0,18446744073709551615,,,,1
1795248002,3145728,14680064,0.25,18446744073709551615,,,,1
1795248010.500,1048576,16777216,,,4096,,,2
1795248011.000,1048577,16777217,,,,,,2
1795248020,,,,,8388608,,0,3
1795248021,,,,,8388609,77,,3
END
export_log 0 runs.log
is wanted.csv "the runs together"
test ! -s err || fail "a sound log: $(cat err)"
export_log 0 -o written.csv runs.log
test ! -s out || fail "with --output there is something on the standard output"
cmp -s written.csv wanted.csv || fail "--output: $(cat written.csv)"
echo 'more than there will be, to be written over, and more than there will be, again and again and again' >written.csv
cat written.csv written.csv written.csv written.csv written.csv >longer.csv
export_log 0 -o longer.csv runs.log
cmp -s longer.csv wanted.csv || fail "a file that was there: $(cat longer.csv)"

# What comes in a pipe is read once: the columns are the first run's, and that is said.
"$memlog" export - <runs.log >out 2>err || fail "from a file: $(cat err)"
is wanted.csv "a file as standard input"
# shellcheck disable=SC2002 # a pipe is what is meant
cat runs.log | "$memlog" export - >out 2>err || fail "from a pipe: $(cat err)"
cut -d, -f1-5,9 wanted.csv >first.csv
is first.csv "a pipe"
says "run 2 has columns that the first has not"

# --- a part of it ------------------------------------------------------------------------------
export_log 0 -c rss,total_alloc,Alloc runs.log
awk -F, '{ print $1 "," $6 "," $5 "," $2 "," $9 }' wanted.csv >part.csv
is part.csv "columns in the order that was said"
export_log 2 -c Alloc,Foo runs.log
says 'there is no column "Foo": there are Alloc, Sys, GCCPUFraction, TotalAlloc, RSS, pss, swap'
export_log 2 --columns= runs.log
export_log 0 --from mark:half\ \"way\" --to 2026-11-21T08:00:10.5Z runs.log
sed -n '1p;3,5p' wanted.csv >part.csv
is part.csv "a range, with both its ends"
# shellcheck disable=SC2002
cat runs.log | "$memlog" export --columns Alloc --to +2s - >out 2>err || fail "relative times in a pipe: $(cat err)"
cut -d, -f1,2,9 wanted.csv | sed -n 1,4p >part.csv
is part.csv "relative times in a pipe"
export_log 2 --from 2027-01-01 runs.log
says "no sample in it at that time"
export_log 0 --time=iso -c Sys runs.log
cat >iso.csv <<'END'
timestamp,Sys,run
2026-11-21T08:00:00Z,10485760,1
2026-11-21T08:00:01Z,14680064,1
2026-11-21T08:00:02Z,14680064,1
2026-11-21T08:00:10.500Z,16777216,2
2026-11-21T08:00:11.000Z,16777217,2
2026-11-21T08:00:20Z,,3
2026-11-21T08:00:21Z,,3
END
is iso.csv "times as ISO 8601"

# --- names that CSV has to quote ------------------------------------------------------------------
printf '# timestamp Alloc Sys a,b say"so"\n1795248000 1 2 3 4\n' >names.log
export_log 0 names.log
printf 'timestamp,Alloc,Sys,"a,b","say""so""",run\n1795248000,1,2,3,4,1\n' >names.csv
is names.csv "names with commas and quotes"
# memlog has no such names: whoever wrote them wants a spreadsheet to compute.
printf '# timestamp =1+1 +2 -3 @SUM(1) a=b\n1795248000 -1 2 3 4 5\n' >names.log
export_log 0 names.log
printf "timestamp,'=1+1,'+2,'-3,'@SUM(1),a=b,run\n1795248000,-1,2,3,4,5,1\n" >names.csv
is names.csv "names that are formulas"
printf '# timestamp Alloc run timestamp time\n1795248000 1 2 3 4\n' >names.log
export_log 0 names.log
printf 'timestamp,Alloc,run_,timestamp_,time,run\n1795248000,1,2,3,4,1\n' >names.csv
is names.csv "names that each row has already"

# --- many lines, read back and put together to the log they come from ---------------------------------
awk 'BEGIN {
  srand(7)
  time = 1795248000
  for (run = 1; run <= 40; run++) {
    if (run > 1) print ""
    print "# memlog 1 pid=" 100 + run " start=2026-11-21T08:00:00Z interval=1s command=\"./x\""
    columns = 2 + int(rand() * 5)
    line = "# timestamp Alloc Sys"
    split("HeapObjects Mallocs TotalAlloc NumGC PauseTotalNs", names, " ")
    first = 1 + int(rand() * 5)
    for (i = 0; i < columns - 2; i++) line = line " " names[(first + i) % 5 + 1]
    print line
    for (n = int(rand() * 50); n > 0; n--) {
      line = ++time
      alloc = int(rand() * 1e9)
      line = line " " alloc " " alloc + int(rand() * 1e9)
      for (i = 2; i < columns; i++) line = line " " int(rand() * 1e9) int(rand() * 1e8)
      print line
      if (rand() < 0.1) print "# gc 1 end=1795248000.123456 how=along why=paced"
    }
  }
}' >many.log
# Of each sample: the time, then name=number of each of its columns in the order of their names.
awk '/^# timestamp/ { for (i = 3; i <= NF; i++) name[i - 1] = $i; next } /^[0-9]/ {
  for (i = 2; i <= NF; i++) print $1, name[i] "=" $i }' many.log | sort >from.log
export_log 0 many.log
awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) name[i] = $i; next } {
  for (i = 2; i < NF; i++) if ($i != "") print $1, name[i] "=" $i }' out | sort >from.csv
test "$(grep -c . from.log)" -gt 2000 || fail "the log has few numbers"
cmp -s from.log from.csv || fail "CSV and log differ: $(diff from.log from.csv | head -5)"

# --- a log that is rotated and goes on while it is exported: one pass reads what the other did -----------
awk 'BEGIN { print "# memlog 1 pid=1 start=2026-11-21T08:00:00Z interval=1s command=\"x\"\n# timestamp Alloc Sys"
  for (i = 0; i < 9000; i++) print 1795248000 + i, 1000000 + i, 2000000 + i }' >turns.log
"$memlog" export -f openmetrics turns.log >still
"$memlog" export -f openmetrics turns.log | {
  dd bs=1 count=1 2>/dev/null # it is in the middle of the first column when this is read
  echo '1795258000 3 4' >>turns.log
  rm turns.log # put aside, and a second time
  printf '# memlog 1 pid=1 start=2026-11-21T08:00:00Z interval=1s command="x"\n# timestamp Alloc Sys\n1795258001 5 6\n' >turns.log
  cat
} >turned
cmp still turned || fail "columns of a log that was rotated meanwhile are of two files: $(tail -n 2 turned)"

# --- damage: what can be read is there, the rest is told ----------------------------------------------
{
  sed -n 1,3p runs.log
  printf '1795248001 94371\377\nno line of a log\n1795248003 1 2 3\n1795248004 7 8 0 9\n1795248005 55'
} >damaged.log
export_log 0 damaged.log
test "$(cut -d, -f1 out | tr '\n' ' ')" = "timestamp 1795248000 1795248004 " || fail "a damaged log: $(cat out)"
says "damaged.log"
sed '2s/.*/&\r/;3s/.*/&\r/' damaged.log | head -3 >crlf.log
export_log 0 crlf.log
test "$(tail -1 out)" = 1795248000,5242880,10485760,1.5e-05,9007199254740993,1 || fail "lines that end in \\r\\n: $(cat out)"

# --- what is refused -----------------------------------------------------------------------------------
cp runs.log precious.log
export_log 2 -o precious.log precious.log
says "is the log itself"
ln precious.log other.name
export_log 2 -o other.name precious.log
"$memlog" export precious.log >>precious.log 2>err && fail "onto the log itself"
cp precious.log precious.log.1
export_log 2 -o precious.log.1 precious.log
cmp -s precious.log runs.log || fail "the log was written over"
cmp -s precious.log.1 runs.log || fail "LOG.1 was written over"
export_log 2 -o precious.log precious.log.1
says "is a log"
ln -s precious.log link.csv
export_log 2 -o link.csv many.log
cmp -s precious.log runs.log || fail "another log was written over"
cp precious.log bare.log
# shellcheck disable=SC2094 # that is the question
{ read -r line; "$memlog" export -o bare.log >out 2>err - && fail "onto the log that is read: $line"; } <bare.log
cmp -s bare.log runs.log || fail "the standard input was written over"
printf '1795248000 1 2\n1795248001 1 2\n' >bare.log
cp bare.log wanted.log
# shellcheck disable=SC2094
{ read -r line; "$memlog" export -o bare.log >out 2>err - && fail "onto the log that is read: $line"; } <bare.log
cmp -s bare.log wanted.log || fail "the standard input without a header was written over"
cp wanted.csv kept.csv
export_log 2 -o kept.csv --from 2027-01-01 runs.log
cmp -s kept.csv wanted.csv || fail "a file was emptied for nothing"
export_log 2 -o nowhere/x.csv runs.log
says "cannot write nowhere/x.csv: No such file"
mkdir closed && chmod a-w closed
if ! test -w closed; then # root may
  export_log 2 -o closed/x.csv runs.log
  says "cannot write closed/x.csv: Permission denied"
fi
export_log 2 nowhere.log
says "nowhere.log: No such file"
# A copy of what came in a pipe is not what it is called by.
cat runs.log | "$memlog" export --from mark:never - >out 2>err
test $? = 2 || fail "a mark that is not in a pipe was found"
says 'there is no mark "never" in standard input$'
export_log 2 .
export_log 2 -f xml runs.log
says "none of csv, json, openmetrics"
export_log 2 -f openmetrics --time=iso runs.log
export_log 2 --time=never runs.log
export_log 2 runs.log many.log
export_log 2 --from yesterday runs.log
: >empty.log
export_log 2 empty.log
says "there is no sample"
if test -c /dev/full; then
  for format in csv json openmetrics; do
    "$memlog" export -f $format runs.log >/dev/full 2>err
    test $? = 2 || fail "a full disk: $(cat err)"
    says "cannot write the standard output: No space left"
  done
  export_log 2 -o /dev/full runs.log
  says "cannot write /dev/full"
fi
awk 'BEGIN { for (i = 0; i < 100000; i++) print 1795248000 + i, i, i }' >long.log
{ "$memlog" export long.log 2>err; echo $? >status; } | head -1 >out
test "$(cat status)" = 2 || fail "a reader that went: $(cat status)"
says "Broken pipe"
"$memlog" export runs.log >&- 2>err
test $? = 2 || fail "no standard output: $(cat err)"

# Without a name: the newest here.
mkdir one && cp runs.log one/memory.log
(cd one && "$memlog" export) >out 2>err
is wanted.csv "the newest log"
mkdir none
(cd none && "$memlog" export) >out 2>err
test $? = 2 || fail "no log: $(cat err)"
finish
