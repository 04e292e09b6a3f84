#!/bin/sh
# SPDX-License-Identifier: MIT
# test_gdb_check.sh - memlog check in gdb: says which rule is broken and where when gdb has
# overwritten something, and nothing of a process that was stopped anywhere, be it in the middle of
# malloc. Whatever memory holds, no command ends in a traceback.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
. "$top_srcdir/tests/gdb_common.sh"
. "$top_srcdir/tests/gdb_heap_common.sh"

# told FILE ARGUMENTS...: gdb runs this file of its commands; what it says of failures, fails.
told() {
  commands=$1
  shift
  with_memlog "$@" -ex "source $top_srcdir/tests/gdb_break.py" -x "$commands" -ex 'echo == end\n'
  grep -q '^== end$' out || fail "$what: gdb does not come to the end: $(tail -n 5 out) $(cat err)"
  ! grep -A 20 '^FAIL' out || fail "$what"
}

# --- every rule, broken by hand -------------------------------------------------------------
broken() {
  small=$(address small) large=$(address large) free=$(address in_span) run=$(address free_run)
  cached=$(address in_magazine) before=$(address large_noscan)
  cat >break.gdb <<END
python
green()
red(state($small), 0, "a taken slot is allocated or in one magazine", "slot 0 at $small")
red(state($small), 0, "mallocs - frees is the number of allocated slots", "48 bytes: ")
red(state($free), 1, "an allocated slot is taken", "at $free")
slot = read(magazine($cached, "bottom"))
red(state(read((slot, 8))), 1, "a slot in a magazine is not allocated", "at 0x%x" % read((slot, 8)))
red(state(read((slot, 8))), 1, "mallocs - frees is the number of allocated slots", "96 bytes: ")
red(state($small + 16), 1, "a state byte stands where an object begins", "0x%x" % ($small + 16))
red(state($small), 200, "a state byte is one that there is", "200 for $small")
red(state($large), 0, "a large object is allocated", "(at $large)")
red(state($large + 4096), 1, "a state byte stands where an object begins")
red(state($run), 1, "nothing is allocated in a free run")
red(descriptor($small, "free_slots"), lambda old: old + 1, "free_slots + taken == slots", "(at 0x")
red(descriptor($small, "free_slots"), 0, "partial spans have a free slot")
red(descriptor($small, "next"), lambda old: old ^ 1, "list links agree in both directions")
red(descriptor($small, "prev"), lambda old: old + 1, "list links agree in both directions")
red(descriptor($small, "shard"), lambda old: old + 1, "a span knows the shard it hangs in")
red(descriptor($small, "place"), 0, "a span knows the list it hangs in")
red(descriptor($small, "slots"), 600, "a descriptor says what can be true")
red(descriptor($small, "slot_bytes"), 49, "a descriptor says what can be true")
red(descriptor($small, "base"), lambda old: old + 8192, "every page of the heap belongs to a span that begins where the last ended")
red(descriptor($small, "bits"), lambda old: old | 1 << 40, "free_slots + taken == slots")
red(descriptor($large, "pages"), lambda old: old + 1, "a span's last page points at it", "(at $large)")
red(descriptor($large, "pages"), lambda old: old - 1, "large bytes are those of the large objects")
red(descriptor($run, "pages"), lambda old: old - 1, "every page of the heap belongs to a span that begins where the last ended", "0x")
red(descriptor($run, "place"), 3, "what hangs in the free lists is free")
red(descriptor($run, "prev"), 1, "free runs' links agree in both directions")
red(bin_list($small, "partial", "count"), lambda old: old + 1, "a list's end and count are right", "48 bytes")
red(bin_list($small, "partial", "first"), 0, "every span in use hangs in a list", "(at 0x")
red(bin_list($small, "full", "last"), 7, "a list's end and count are right")
red(free_list("count"), lambda old: old + 1, "a free list's end and count are right")
red(variable("freeruns.nonempty", 0, 8), lambda old: old ^ 2, "the lists that are not empty are known")
red(variable("central.empty_bytes"), lambda old: old + 8192, "the bytes of empty spans are known")
red(page($small, "page_bin", 1), lambda old: old + 1, "every page knows the bin of the span over it", "$small")
red(page($large, "page_span", 4), 0, "every page of the heap belongs to a span that begins where the last ended", "$large")
red(page($large + 36 * 8192, "page_span", 4), 0, "a span's last page points at it")
red(page($run, "page_bin", 1), 0, "every page knows the bin of the span over it")
red(variable("pageheap.figures", 16, 8), lambda old: old + 8192, "released_bytes is what nothing stands behind")
red(variable("pageheap.figures", 8, 8), lambda old: old + 8192, "inuse_bytes is the sum of the spans in use")
red(variable("pageheap.figures", 24, 8), lambda old: old + 1, "every descriptor in use has pages")
red(variable("pageheap.figures", 32, 8), lambda old: old + 1, "large mallocs - frees is the number of large objects")
red(variable("pageheap.figures", 48, 8), lambda old: old + 8192, "large bytes are those of the large objects")
red(magazine($cached, "mallocs"), lambda old: old + 100, "mallocs - frees + slots in the magazine == held", "96 bytes")
red(magazine($cached, "mallocs"), lambda old: old + 100, "mallocs - frees is the number of allocated slots", "96 bytes")
red(magazine($cached, "held"), lambda old: old - 5, "mallocs - frees + slots in the magazine == held")
red(magazine($cached, "top"), lambda old: old - 16, "a taken slot is allocated or in one magazine")
red(magazine($cached, "top"), lambda old: old + (1 << 40), "a magazine's slots lie between its ends")
slot = slot, 8
red(slot, lambda old: old + 16, "magazines hold addresses of slots")
red(slot, 12345, "magazines hold addresses of slots", "0x3039")
red(slot, $small, "a magazine holds slots of its bin", "$small")
second = slot[0] + 8, 8
red(second, read(slot), "a slot is in one magazine", "0x")
red(descriptor($free, "free_slots"), lambda old: old - 1, "empty spans have no slot taken")
red(descriptor($run, "pages"), 5, "a free run hangs in the list of its length")
red(descriptor($large, "use"), 1, "the large lists hold large objects")
red(descriptor($before, "use"), 1, "free runs that touch are joined")
red(free_list("first"), 0, "every free run hangs in a list")
red(variable("pageheap.figures", 0, 8), lambda old: old + 8192, "spans in use and free runs make up the heap")
red(variable("watch.count"), lambda old: old + 1, "what has a finalizer or a weak reference is known as such")
bits = descriptor($small, "bits")[0]
marks = member("ml_span_bits", "mark", bits)[0]
red((marks, 8), 1 << 60, "marked slots are taken")
red((marks + 8, 8), 1 << 60, "marked slots are taken")
third = member("ml_span_bits", "taken", bits + 2 * Image().layout("ml_span_bits").size)
red(third, 1 << 60, "taken bits stand for slots")
kinds = descriptor($small, "bin")[0], 2
red(kinds, lambda old: old + Image().number("classes") + 256, "a bin's lists hold its small spans")
first = Heap(Image()).object_over(read(slot))
taken = member("ml_span_bits", "taken", descriptor(read(slot), "bits")[0])
taken = taken[0] + first.slot // 64 * Image().layout("ml_span_bits").size, 8
red(taken, lambda old: old & ~(1 << first.slot % 64), "a slot in a magazine is taken")
# Of a thread that is in the middle of something it is no fault; one instruction is enough.
halfway(magazine($cached, "mallocs"), lambda old: old - 1, "mallocs - frees + slots in the magazine == held")
halfway(magazine($cached, "mallocs"), lambda old: old - 1, "mallocs - frees is the number of allocated slots")
halfway(state($cached), 1, "a slot in a magazine is not allocated")
halfway(state($cached), 1, "mallocs - frees is the number of allocated slots")
excused(magazine($cached, "top"), lambda old: old - 16, "a taken slot is allocated or in one magazine", block($cached, "inside"), 1)
excused(variable("pageheap.figures", 8, 8), lambda old: old + 8192, "inuse_bytes is the sum of the spans in use", variable("pageheap.lock"), 1)
green()
end
END
  told break.gdb -p $pid
}

# --- garbage that waits for the sweep, as the descriptors say it ---------------------------------
garbage() {
  cat >garbage.gdb <<END
python
place = variable("span.marks_completed")
write(place, read(place) + 1)
said, error = said_by("memlog whereis $(address small)")
if "the last collection has found it to be garbage, and it waits for the sweep" not in said:
    print("FAIL: garbage: %s" % said)
said, error = said_by("memlog spans")
if " of the spans wait to be swept: some of their objects may be garbage" not in said:
    print("FAIL: unswept spans: %s" % said)
marks = member("ml_span_bits", "mark", descriptor($(address small), "bits")[0])
write((marks[0], 8), 1)
said, error = said_by("memlog whereis $(address small)")
if "the last collection has found it alive" not in said:
    print("FAIL: marked: %s" % said)
write((marks[0], 8), 0)
write(place, read(place) - 1)
green()
end
END
  told garbage.gdb -p $pid
}

# --- stopped anywhere --------------------------------------------------------------------------
steps=100 attaches=8
test "$full" = 0 || steps=1000 attaches=60
stepped() {
  cat >step.gdb <<END
tbreak reached
break turned
shell touch go
continue
python step_through("turned", $steps)
END
  told step.gdb -p $pid
  grep -q "^[0-9]* checks, [1-9][0-9]* halfway" out || fail "$what: nothing was halfway: $(tail -n 5 out)"
  # One that died there; and a file of it that ends too early.
  what="$what, a core file out of the middle of malloc"
  with_memlog -c halfway.core -ex 'memlog check' -ex 'memlog spans' -ex "memlog find-refs $(address small)"
  grep -q '^the heap is in order' out || fail "$what: $(cat out err)"
  grep -q -e 'is in the middle of an update$' -e '^halfway' out || fail "$what: nobody was: $(cat out)"
  size=$(wc -c <halfway.core)
  for part in 2 3 20 200; do
    head -c $((size * (part - 1) / part)) halfway.core >cut.core
    with_memlog -c cut.core -ex 'memlog check' -ex 'memlog spans' -ex 'memlog top' \
      -ex "memlog whereis $(address small)" -ex "memlog find-refs $(address small)" -ex 'echo == end\n'
    grep -q '^== end$' out || fail "$what, cut: gdb does not come to the end: $(cat err)"
    grep -q '^memlog: ' err || fail "$what, cut by 1/$part: says nothing of it: $(cat out err)"
  done
}
storm() {
  what="$1, in a storm"
  planted "$2" plant storm 4 wait go || return
  cat >storm.gdb <<END
python attach_often($pid, $attaches)
END
  told storm.gdb
  kill -9 $pid
  { wait $pid; } 2>/dev/null
}

# --- whatever memory holds ------------------------------------------------------------------------
garbled() {
  cat >garbled.gdb <<END
python
garble($1, 1, tables(),
       ("memlog check", "memlog spans", "memlog top", "memlog whereis $(address small)", "mstat",
        "memlog whereis $(address free_run)", "memlog find-refs -depth 2 $(address small)"))
end
END
  told garbled.gdb -p $pid
}

with=
compiled shared prog_gdb_heap.c -DLINKED -L"$top_builddir/.libs" -lmemlog || fail "cannot link"
what="linked"
planted shared plant wait go turn wait never && { broken; garbage; garbled 25; stepped; }
kill -9 "$pid" 2>/dev/null
{ wait $pid; } 2>/dev/null
storm "linked" shared
with=$preload
compiled plain prog_gdb_heap.c || fail "cannot link"
what="preloaded"
planted plain plant wait go turn wait never && stepped
kill -9 $pid
{ wait $pid; } 2>/dev/null
storm "preloaded" plain
finish
