#!/bin/sh
# SPDX-License-Identifier: MIT
# test_profile_pprof.sh - what go tool pprof makes of a preloaded program's profile: names,
# files and lines of a position-independent program, the planted leak first, differences,
# and totals that are right.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
not_sanitized "two that stand before malloc don't go together"
need go golang-go
preload=$top_builddir/.libs/libmemlog-preload.so
test -f "$preload" || { echo "built without shared libraries"; exit 77; }
cd "$work" || exit 99
HOME=$work PPROF_TMPDIR=$work
export HOME PPROF_TMPDIR

$CC -g -O1 -fno-builtin -fPIE -pie -I"$top_srcdir/src/api" "$top_srcdir/tests/prog_profile.c" -o prog ||
  exit 99
# run RATE ARGUMENTS...
run() {
  rate=$1
  shift
  MEMLOG_PROFILE_RATE=$rate LD_PRELOAD=$preload timeout 60 ./prog "$@" >stats || fail "prog $*: $?"
}
# pprof ARGUMENTS...: into the file out.
pprof() { timeout 60 go tool pprof -symbolize=local "$@" >out 2>err || fail "pprof $*: $(cat err)"; }
# first NAME WHAT: of the table in out the first row ends so.
first() {
  row=$(awk 'seen { print; exit } / flat% / { seen = 1 }' out)
  case $row in
    *"$1") ;;
    *) fail "$2: the first row is $row, not $1" ;;
  esac
}
# total INDEX FILE: the sum of all samples.
total() {
  timeout 60 go tool pprof -sample_index="$1" -unit="${3:-b}" -top "$2" 2>/dev/null |
    sed -n 's/^Showing nodes accounting for .* of \([0-9.]*\)B\{0,1\} total$/\1/p'
}

# --- every allocation: exact, in both forms ----------------------------------------
run 1 leak all.pb.gz all.txt
read -r alloc objects total_alloc mallocs bucket_bytes <stats
gzip -t all.pb.gz || fail "gzip does not read the frame"
test "$bucket_bytes" -gt 0 || fail "the profile's own memory is not told"
for file in all.pb.gz all.txt; do
  test "$(total inuse_space $file)" = "$alloc" || fail "$file: inuse_space is $(total inuse_space $file), Alloc $alloc"
  test "$(total alloc_space $file)" = "$total_alloc" || fail "$file: alloc_space is $(total alloc_space $file), TotalAlloc $total_alloc"
  pprof -sample_index=inuse_objects -raw $file
  test "$(awk '/^Locations/ { exit } $1 ~ /^[0-9]+$/ { sum += $3 } END { print sum }' out)" = "$objects" ||
    fail "$file: inuse_objects, where HeapObjects is $objects"
  test "$(awk '/^Locations/ { exit } $1 ~ /^[0-9]+$/ { sum += $1 } END { print sum }' out)" = "$mallocs" ||
    fail "$file: alloc_objects, where Mallocs is $mallocs"
  pprof -top $file
  first planted_leak "$file in use"
  pprof -sample_index=alloc_space -top $file
  first honest_work "$file allocated"
  pprof -lines -top -cum $file
  grep -q 'serve .*planted\.c:100[0-9]' out || fail "$file: no line of serve: $(cat out)"
  pprof -raw $file
  grep -q 'malloc\|ml_' out && fail "$file: frames of memlog's own: $(grep 'malloc\|ml_' out | head -n 3)"
done
pprof -raw all.pb.gz
grep -q '^alloc_objects/count alloc_space/bytes inuse_objects/count inuse_space/bytes\[dflt\]' out ||
  fail "sample types: $(sed -n 5,7p out)"
grep -q '^Period: 1$' out || fail "the period is no 1"
grep -q '/prog [0-9a-f]\{40\}' out || fail "no build id: $(sed -n '/^Mappings/,$p' out)"
pprof -comments all.pb.gz
grep -q '^memlog [0-9]' out || fail "no comment"

# --- a difference ------------------------------------------------------------------------
run 1 grow before.pb.gz after.pb.gz
pprof -base=before.pb.gz -top after.pb.gz
first planted_leak "the difference"
test "$(timeout 60 go tool pprof -base=before.pb.gz -sample_index=inuse_objects -top after.pb.gz 2>/dev/null |
  awk '/ planted_leak$/ { print $1 }')" = 1000 || fail "the difference is not the second half"

# --- samples: within a few standard deviations of the truth --------------------------------
# 60 MB of objects at 512 bytes: some 60000 samples, of which 1 % is a lot.
run 512 spread 60000000 some.pb.gz
read -r alloc objects rest <stats
seen=$(total inuse_space some.pb.gz)
awk -v seen="$seen" -v right="$alloc" 'BEGIN { exit !(seen > right * 0.99 && seen < right * 1.01) }' ||
  fail "at a rate of 512: $seen in use, and Alloc is $alloc"
pprof -raw some.pb.gz
awk -v right="$objects" '/^Locations/ { exit } $1 ~ /^[0-9]+$/ { sum += $3 }
  END { exit !(sum > right * 0.97 && sum < right * 1.03) }' out || fail "HeapObjects is $objects"
grep -q '^Period: 512$' out || fail "the period is no 512"

# --- the default rate, over some 240000 samples: half of 1 % is two standard deviations ------------
if test "$full" = 1; then
  MEMLOG_PROFILE_RATE= LD_PRELOAD=$preload timeout 300 ./prog pass 126000000000 many.pb.gz >stats || fail "prog pass: $?"
  read -r alloc objects total_alloc rest <stats
  seen=$(total alloc_space many.pb.gz)
  awk -v seen="$seen" -v right="$total_alloc" 'BEGIN { exit !(seen > right * 0.99 && seen < right * 1.01) }' ||
    fail "at the default rate: $seen were allocated, and TotalAlloc is $total_alloc"
  pprof -raw many.pb.gz
  grep -q '^Period: 524288$' out || fail "the period is no 524288"
fi

# --- the default: few samples, the leak still first; and by frame pointers -------------------
MEMLOG_PROFILE_RATE= LD_PRELOAD=$preload timeout 60 ./prog leak default.pb.gz default.txt >stats || fail "by default: $?"
pprof -raw default.pb.gz
grep -q '^Period: 524288$' out || fail "the default rate"
head -n 1 default.txt | grep -q '@ heap/1048576$' || fail "the text's head: $(head -n 1 default.txt)"
$CC -g -O1 -fno-builtin -fno-omit-frame-pointer -I"$top_srcdir/src/api" \
  "$top_srcdir/tests/prog_profile.c" -o prog || exit 99
MEMLOG_UNWIND=fp
export MEMLOG_UNWIND
run 1 leak fp.pb.gz fp.txt
unset MEMLOG_UNWIND
pprof -top fp.pb.gz
first planted_leak "by frame pointers"
grep -q ' serve$' out || fail "by frame pointers: no caller"

# --- off --------------------------------------------------------------------------------------
run 0 leak off.pb.gz off.txt
read -r alloc objects total_alloc mallocs bucket_bytes <stats
test "$bucket_bytes" -eq 0 || fail "off, and $bucket_bytes bytes for buckets"
head -n 1 off.txt | grep -q '^heap profile: 0: 0 \[0: 1\] @ heap/0$' || fail "off: $(head -n 1 off.txt)"

# --- full: counted, under a name ----------------------------------------------------------------
MEMLOG_PROFILE_BYTES=100KiB
export MEMLOG_PROFILE_BYTES
run 1 leak full.pb.gz full.txt
unset MEMLOG_PROFILE_BYTES
read -r alloc objects total_alloc mallocs bucket_bytes <stats
test "$bucket_bytes" -le 102400 || fail "$bucket_bytes bytes for buckets, where 100 KiB is the most"
test "$(total alloc_space full.pb.gz)" = "$total_alloc" || fail "full: not all was counted"
pprof -sample_index=alloc_space -top full.pb.gz
grep -q ' memlog_profile_overflow$' out || fail "full: $(cat out)"
finish
