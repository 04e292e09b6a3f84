#!/bin/sh
# SPDX-License-Identifier: MIT
# test_api_limit.sh - a program started with MEMLOG_MEMORY_LIMIT keeps it,
# sample by sample, also with the percentage off; one that says nonsense there
# runs without.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
sample=$top_builddir/samples/churn
test -x "$sample" || { echo "$sample is not there"; exit 77; }
cd "$work" || exit 99

# run LOG [VARIABLE=VALUE...]: the sample, with the columns that tell.
run() {
  log=$1
  shift
  env MEMLOG_FILE="$log" MEMLOG_INTERVAL=10ms MEMLOG_GC_PERCENT=off \
    MEMLOG_COLUMNS='HeapReleased MemoryLimit LimitHeldGC NumGC' "$@" \
    "$sample" --seconds 1 >/dev/null 2>"$log.err" || fail "$log ends with $?"
}

# While a collection marks along with the program this goes on allocating, and
# marking takes memory: a tenth more.
run along.log MEMLOG_MEMORY_LIMIT=24MiB
awk '/^#/ || NF < 7 { next }
  $6 == 0 && $3 - $4 > $5 * 1.1 { print "far above it: " $0; bad = 1 }
  { n++; cycles = $7 }
  END { exit bad || n < 10 || cycles < 3 }' along.log || fail "24MiB are not nearly kept"

run kept.log MEMLOG_MEMORY_LIMIT=24MiB MEMLOG_GC=stop
test ! -s kept.log.err || fail "kept.log: $(cat kept.log.err)"
# memlog's own threads, whose stacks count, start with the first collection.
awk '/^#/ || NF < 7 { next }
  $5 != 25165824 { print "limit: " $0; bad = 1 }
  $6 == 0 && $7 > 0 && $3 - $4 > $5 { print "above it: " $0; bad = 1 }
  { n++; cycles = $7 }
  END { if (n < 10) print n + 0 " samples"
        if (cycles < 3) print cycles + 0 " collections"
        exit bad || n < 10 || cycles < 3 }' kept.log || fail "24MiB are not kept"

run none.log MEMLOG_MEMORY_LIMIT=lots
grep -q 'MEMLOG_MEMORY_LIMIT: "lots" is not a size' none.log.err ||
  fail "lots: $(cat none.log.err)"
awk '/^#/ || NF < 7 { next }
  $7 != 0 { print "collected: " $0; bad = 1 }
  { limit = $5; n++ }
  END { exit bad || n < 10 || limit < 2 ^ 62 }' none.log || fail "without a limit"
finish
