#!/bin/sh
# SPDX-License-Identifier: MIT
# test_cli_diff.sh - memlog diff of logs whose answers are known: which part of which log is meant, what is
# compared with what, the numbers, and the exit status.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
cd "$work" || exit 99
memlog=$top_builddir/memlog
TZ=UTC
export TZ

# diff_logs STATUS ARGUMENT...: into the files out and err.
diff_logs() {
  wanted=$1
  shift
  "$memlog" diff "$@" >out 2>err
  status=$?
  test "$status" = "$wanted" || fail "memlog diff $* ends with $status, not $wanted: $(cat err out)"
}
says() { grep -q -e "$1" out || fail "no such line: $1 in $(cat out)"; }
complains() { grep -q -e "$1" err || fail "not told: $1 but $(cat err)"; }
# row_is COLUMN STATISTIC "A B CHANGE PERCENT": in the JSON that was printed.
row_is() {
  got=$(sed 's/{"name"/\n&/g' out | grep "^{\"name\":\"$1\"" |
    sed -n "s/.*\"$2\":{\"a\":\([^,]*\),\"b\":\([^,]*\),\"change\":\([^,]*\),\"percent\":\([^}]*\)}.*/\1 \2 \3 \4/p")
  test "$got" = "$3" || fail "$1's $2: $got, not $3"
}

# --- known runs -------------------------------------------------------------------------------------
# A: 100 s of Alloc 1000 ... 1990, its mean 1495, its 95th percentile 1940; Mallocs 7 in a second.
# B: 200 s of twice that, Mallocs 14 in a second, and after 100 s much more of all.
awk 'BEGIN {
  print "# memlog 1 pid=11 start=2026-11-21T08:00:00Z interval=1s command=\"./one\""
  print "# timestamp Alloc Sys Mallocs HeapObjects LastGC MemoryLimit"
  for (i = 0; i < 100; i++) {
    if (i == 40) print "# mark ready"
    print 1795248000 + i, 1000 + 10 * i, 5000, 7 * i, 50, 1, "9223372036854775807"
  }
  print "# end reason=exit"
}' >a.log
awk 'BEGIN {
  print "# memlog 1 pid=12 start=2026-11-22T08:00:00Z interval=1s command=\"./two\""
  print "# timestamp Alloc Sys Mallocs NumGC LastGC MemoryLimit"
  for (i = 0; i < 200; i++) {
    if (i == 60) print "# mark ready"
    extra = i < 100 ? 0 : 100000
    print 1795334400 + i, 2000 + 20 * i + extra, 5000 + 2 * extra, 14 * i + extra, i, 1, "9223372036854775807"
  }
}' >b.log

diff_logs 0 -j a.log b.log
row_is Alloc mean "1495 2990 1495 100"
row_is Alloc p95 "1940 3880 1940 100"
row_is Alloc peak "1990 3980 1990 100"
row_is Alloc last "1990 3980 1990 100"
row_is Sys mean "5000 5000 0 0"
row_is Mallocs rate "7 14 7 100"
row_is Mallocs increase "693 1386 693 100"
says '"compared_seconds":99,'
says '"only_a":\["HeapObjects"\],"only_b":\["NumGC"\]'
grep -q -e LastGC -e MemoryLimit out && fail "a moment, or what is no limit, is compared: $(cat out)"

# What grew most stands first; a sentence says what became of Alloc.
awk 'BEGIN { print "# timestamp Alloc Sys x y"; for (i = 0; i < 9; i++) print 1795248000 + i, 100, 200, 300, 0 }' >order.a
awk 'BEGIN { print "# timestamp Alloc Sys x y"; for (i = 0; i < 9; i++) print 1795248000 + i, 90, 220, 600, 1 }' >order.b
diff_logs 0 order.a order.b
test "$(awk '$2 == "mean" && NF > 4 && $1 != "B\047s" { printf "%s ", $1 }' out)" = "y x Sys Alloc " || fail "the order: $(cat out)"
says "^B's mean Alloc is 10 B (10.0 %) below A's\.$"
says "^Alloc  *mean  *100 B  *90 B  *-10 B  *-10.0 %$"
says "^y  *mean  *0  *1  *+1 *$"
says "^A: order.a, 2026-11-21 08:00:00, 8 s, 9 samples$"
says "^Compared: the first 8 s of each\.$"
diff_logs 0 a.log a.log
says "^B's mean Alloc is the same as A's: 1.5 KiB\.$"
diff_logs 0 a.log b.log
says "^Only in A: HeapObjects$"
says "^Only in B: NumGC$"
says "^Mallocs  *rate  *7/s  *14/s  *+7/s  *+100.0 %$"

# All of both, when that is said: B is 100000 higher in its second half.
diff_logs 0 -j --whole a.log b.log
row_is Alloc mean "1495 53990 52495 3511.3712374581937"
row_is Alloc last "1990 105980 103990 5225.628140703518"
diff_logs 0 --whole a.log b.log
says "^Compared: all of both\.$"

# Of two that ended within an interval of each other both ends count, whichever was the later one.
for n in 3 8; do
  { sed '$d' a.log; echo "1795248099.$n 0 5000 700 0 1 1"; echo '# end reason=exit'; } | sed 's/^\(1[0-9]*\) /\1.0 /' >"end$n.log"
done
for order in 'end3.log end8.log' 'end8.log end3.log'; do
  # shellcheck disable=SC2086 # two words
  diff_logs 0 -j $order
  row_is Alloc last "0 0 0 0"
  says '"compared_seconds":99.8,'
done
diff_logs 0 -j end3.log b.log
says '"compared_seconds":99.3,'

# --- from a mark on: A has 59 s behind it, B more -----------------------------------------------------
# The mark is at the sample before it: A's 39th second, B's 59th.
diff_logs 0 -j --align=mark:ready a.log b.log
says '"mark":"ready","whole":false,"compared_seconds":60,'
row_is Alloc peak "1990 104380 102390 5145.226130653266"
row_is Sys mean "5000 70573.77049180328 65573.77049180328 1311.4754098360656"
diff_logs 0 --align mark:ready a.log b.log
says '^Compared: 1 min 0 s from the mark "ready" on in each\.$'
# One before the first sample is at that, and one of another run is none.
sed 's/^# timestamp .*/&\n# mark early/' a.log >early.log
diff_logs 0 -j --align=mark:early early.log early.log
says '"compared_seconds":99,'
{ cat early.log; echo; cat b.log; } >late.log
diff_logs 2 --align=mark:early early.log late.log
complains 'late.log: there is no mark "early" in it'
{ sed -n 1,3p early.log; echo; cat b.log; } >none.log
diff_logs 2 --align=mark:early early.log none.log
complains 'none.log: there is no mark "early" in it'
diff_logs 2 --align mark:steady a.log b.log
complains 'a.log: there is no mark "steady" in it'
diff_logs 2 --align end a.log b.log
complains "neither start nor mark:NAME"

# --- parts of one log -------------------------------------------------------------------------------------
{ cat a.log; echo; cat b.log; echo; sed 's/pid=12/pid=13/;s/^1795334\(...\) \([0-9]*\) \([0-9]*\)/1795434\1 \20 \30/' b.log; } >three.log
diff_logs 0 -j three.log@1 three.log@2
row_is Alloc mean "1495 2990 1495 100"
diff_logs 0 -j three.log@2 three.log@3
row_is Alloc mean "53990 539900 485910 900"
says '"run":2,"runs":1,"pid":12'
diff_logs 0 -j --align=mark:ready three.log@1 three.log@2
row_is Alloc peak "1990 104380 102390 5145.226130653266"
diff_logs 0 -j three.log@1 three.log
says '"b":{"log":"three.log","run":3,'
row_is Alloc mean "1495 29900 28405 1900"
diff_logs 0 -j three.log@mark:ready..@1795248049 three.log@2026-11-21T08:00:50..2026-11-21T08:00:59
says '"compared_seconds":9,'
row_is Alloc mean "1435 1545 110 7.665505226480835"
diff_logs 0 -j three.log@@1795248090.. three.log@..+9s
says '"a":{"log":"three.log","run":1,"runs":3,'
row_is Alloc mean "1945 1045 -900 -46.27249357326478"
diff_logs 0 -j three.log@..  three.log@..2026-11-23
says '"a":{"log":"three.log","run":1,"runs":3,'
says '"b":{"log":"three.log","run":1,"runs":2,'
# Of totals only what grew within runs counts, in the time of runs: 7 a second for 99 s, and 14 for 199 with 100000.
diff_logs 0 -j --whole three.log@..2026-11-23 three.log@1
row_is Mallocs increase "103479 693 -102786 -99.33029890122633"
# Also where the next run begins above the one before: 10 in 1 s, and 20 in 1 s.
printf '# memlog 1 pid=%s\n# timestamp Alloc Sys Mallocs\n%s 1 2 %s\n%s 1 2 %s\n\n' \
  1 1795248000 0 1795248001 10 2 1795248005 1000 1795248006 1020 >two.log
diff_logs 0 -j two.log@.. two.log@1
row_is Mallocs increase "10 10 0 0"
diff_logs 0 -j --whole two.log@.. two.log@1
row_is Mallocs increase "30 10 -20 -66.66666666666666"
row_is Mallocs rate "15 10 -5 -33.33333333333333"
diff_logs 2 three.log@4 three.log
complains "three.log@4: there is no such run"
diff_logs 2 three.log@0 three.log
diff_logs 2 three.log@yesterday..  three.log
complains "is no moment"
diff_logs 2 three.log@2026-11-23..2026-11-23T10:00 three.log
complains "no sample at that time"
diff_logs 2 three.log@+2m..+1m three.log
complains "ends before it begins"
diff_logs 2 three.log@mark:none.. three.log
complains "no such mark"
diff_logs 2 three.log@what three.log
complains "the number of a run, or FROM..TO"
# A name with an @ in it, the newest log, the standard input.
cp a.log 'odd@1..2.log'
diff_logs 0 -j 'odd@1..2.log' b.log
row_is Alloc mean "1495 2990 1495 100"
diff_logs 0 -j 'odd@1..2.log@1' b.log
row_is Alloc mean "1495 2990 1495 100"
mkdir one && cp three.log one/memory.log
(cd one && "$memlog" diff -j @1 @2) >out 2>err || fail "the newest log: $(cat err)"
row_is Alloc mean "1495 2990 1495 100"
# shellcheck disable=SC2002 # a pipe is what is meant
cat three.log | "$memlog" diff -j -- -@1 -@2 >out 2>err || fail "a pipe: $(cat err)"
row_is Alloc mean "1495 2990 1495 100"
"$memlog" diff -j a.log - <b.log >out 2>err || fail "standard input: $(cat err)"
row_is Alloc mean "1495 2990 1495 100"

# --- a threshold --------------------------------------------------------------------------------------------
diff_logs 1 -t 1494 a.log b.log
says "above A's\. That is above the threshold of 1494\.$"
diff_logs 0 -t 1495 a.log b.log
says "The threshold is 1495\.$"
diff_logs 0 -t 1495 b.log a.log
diff_logs 1 -t 99.9% a.log b.log
diff_logs 0 --threshold=100% a.log b.log
diff_logs 0 -t 2KiB a.log b.log
diff_logs 1 -t 1KiB a.log b.log
diff_logs 1 -t 0 --of=Alloc:peak a.log b.log
diff_logs 0 -t 0 --of=Sys a.log b.log
diff_logs 1 -t 1900 --of alloc:last a.log b.log
diff_logs 0 -t 1990 --of Alloc:p95 a.log b.log
diff_logs 1 -t 50% --of Mallocs a.log b.log
says "^B's growth of Mallocs is 7/s (100.0 %) above A's"
diff_logs 1 -t 692 --of Mallocs:increase a.log b.log
diff_logs 1 -j -t 5% a.log b.log
says '"verdict":{"column":"Alloc","statistic":"mean","change":1495,"percent":100,"threshold":"5%","exceeded":true}'
# From nothing, any growth is more than any part of it.
diff_logs 1 -t 1000% --of y order.a order.b
diff_logs 2 -t 1 --of Foo a.log b.log
complains '"Foo" is no column that both have: '
diff_logs 2 -t 1 --of Mallocs:mean a.log b.log
complains "Mallocs has rate, increase, and no mean"
diff_logs 2 -t 1 --of Alloc:rate a.log b.log
diff_logs 2 -t 1 --of MemoryLimit a.log b.log
complains "no column that both have"
for odd in '' % -5 -5% 5x 1e3 inf nan; do
  diff_logs 2 --threshold="$odd" a.log b.log
  complains "no size (10MiB) and no percentage"
done

# --- for a pull request ---------------------------------------------------------------------------------------
diff_logs 0 -m a.log b.log
says "^\*\*B's mean Alloc is 1.5 KiB (100.0 %) above A's\.\*\*$"
says '^| Alloc | mean | 1.5 KiB | 2.9 KiB | +1.5 KiB | +100.0 % |$'
printf '# memlog 1 pid=1 start=x interval=1s command="./a | b_c"\n# timestamp Alloc Sys a|b\n1795248000 1 2 3\n' >bars.log
diff_logs 0 -m bars.log bars.log
says '^| a\\|b | mean |'
says 'a \\| b\\_c$'

# --- processes without memlog; the same number by another name; nothing in common ---------------------------------
printf '# timestamp rss pss swap\n1795248000 4096 2048 0\n1795248001 8192 - 0\n' >resident.log
printf '# timestamp Alloc Sys RSS\n1795248000 1 2 8192\n1795248001 1 2 16384\n' >with.log
diff_logs 0 resident.log resident.log
says "^B's mean pss is the same as A's: 2.0 KiB\.$"
diff_logs 0 -j resident.log with.log
row_is rss mean "6144 12288 6144 100"
says '"only_a":\["pss","swap"\],"only_b":\["Alloc","Sys"\]'
diff_logs 2 resident.log a.log
complains "no column has numbers in both"

# --- damage, and what can't be read ---------------------------------------------------------------------------------
{ sed -n 1,2p a.log; printf '\377\376 no line\n1795247999 1\n'; sed -n '3,$p' a.log; printf '1795248100 99999'; } >damaged.log
diff_logs 0 -j damaged.log b.log
row_is Alloc mean "1495 2990 1495 100"
complains "damaged.log"
diff_logs 2 nowhere.log b.log
complains "nowhere.log: No such file"
diff_logs 2 a.log nowhere.log
diff_logs 2 a.log .
: >empty.log
diff_logs 2 a.log empty.log
complains "empty.log: there is no sample"
diff_logs 2 a.log
complains "which two"
diff_logs 2 a.log b.log three.log
if test -c /dev/full; then
  "$memlog" diff a.log b.log >/dev/full 2>err
  test $? = 2 || fail "a full disk: $(cat err)"
  complains "No space left"
fi
"$memlog" diff -t 1 a.log b.log >&- 2>err
test $? = 2 || fail "no standard output: $(cat err)"
# One sample has no rate; that is no 0.
printf '# timestamp Alloc Sys Mallocs\n1795248000 1 2 3\n' >single.log
diff_logs 0 -j single.log a.log
row_is Mallocs rate "null null null null"
diff_logs 2 -t 1 --of Mallocs single.log a.log
complains "the rate of Mallocs is not known of both"

# --- a log that is put aside when it was looked at, and not yet compared ---------------------------------
if test -z "$SANITIZE"; then
  cat >aside.c <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>
ssize_t read(int fd, void *to, size_t room)
{
    static ssize_t (*real)(int, void *, size_t);
    if (real == NULL)
        real = (ssize_t(*)(int, void *, size_t))dlsym(RTLD_NEXT, "read");
    ssize_t count = real(fd, to, room);
    if (count == 0 && rename("turns.log", "turns.log.0") == 0)
        rename("next.log", "turns.log");
    return count;
}
END
  $CC -shared -fPIC -o aside.so aside.c -ldl || fail "no shim"
  cp a.log turns.log
  printf '# memlog 1 pid=7 start=2026-11-21T08:00:00Z interval=1s\n# timestamp Alloc Sys\n1795248000 1 2\n' >next.log
  LD_PRELOAD=$work/aside.so "$memlog" diff -j turns.log b.log >out 2>err || fail "a log that is put aside: $(cat err)"
  test -e turns.log.0 || fail "the log was not put aside"
  row_is Alloc mean "1495 2990 1495 100"
fi
finish
