# SPDX-License-Identifier: MIT
"""memlog spans: what the heap is made of."""
import gdb

from memlog import heap, magazines
from memlog.arguments import HeapCommand
from memlog.counters import Counters
from memlog.image import Image
from memlog.tables import table
from memlog.units import bytes_text, size_text


class Row:
    """Spans of one size class and kind."""

    def __init__(self):
        self.spans = self.bytes = self.taken = self.free = self.unswept = 0


class Census:
    """All descriptors, counted."""

    def __init__(self, the_heap):
        self.heap = the_heap
        self.small = {}   # by bin
        self.large = {}   # by kind
        self.free = Row()
        self.longest = 0  # free run, bytes
        self.flaws = []   # (span, why)
        small, large = the_heap.SMALL, the_heap.LARGE
        shift, flaw = the_heap.page_shift, the_heap.flaw
        for span in the_heap.each_span():
            why = flaw(span)
            if why:
                self.flaws.append((span, why))
            elif span.use == small:
                self.add(self.small, span.bin, span, span.pages << shift)
            elif span.use == large:
                self.add(self.large, span.kind, span, span.pages << shift)
            else:
                self.free.spans += 1
                self.free.bytes += span.pages << shift
                self.longest = max(self.longest, span.pages << shift)

    def add(self, rows, key, span, size):
        row = rows.get(key)
        if row is None:
            row = rows[key] = Row()
        row.spans += 1
        row.bytes += size
        row.taken += span.slots - span.free_slots
        row.free += span.free_slots
        row.unswept += self.heap.is_unswept(span)

    def rows(self):
        return list(self.small.values()) + list(self.large.values())

    def total(self, member):
        return sum(getattr(row, member) for row in self.rows())


class Spans(HeapCommand):
    """Show what memlog's heap is made of: spans in use by size class and kind, and the rest.
Usage: memlog spans

A span is a run of pages cut into slots of one size. Of each size and kind of objects:

  spans    how many spans
  objects  allocated slots, with those that are garbage and wait for the sweep
  cached   free slots that threads keep for themselves
  free     free slots in the spans
  bytes    of the spans
  fill     what part of those bytes is in objects

Kinds: scan (collected, may hold pointers), noscan (collected, holds none), uncollectable (lives
until it is freed: what malloc and its like return), typed (collected, and its type says where its
pointers are). Large objects have a span each. Bytes are told as "set memlog unit" says."""

    name = "memlog spans"
    usage = "memlog spans"

    def look(self, text, flags, numbers):
        image = Image()
        the_heap = heap.require(image)
        census = Census(the_heap)
        cached = magazines.cached(image)
        gdb.write(small_table(census, cached))
        gdb.write(large_text(census) + free_text(census))
        gdb.write(totals(image, census, cached))
        gdb.write("".join(each + "\n" for each in doubts(census)))


def percent(part, whole):
    return "%.1f%%" % (100 * part / whole) if whole else "-"


def small_table(census, cached):
    the_heap, rows = census.heap, []
    for number in sorted(census.small, key=lambda each: (each % the_heap.class_count, each)):
        row, size = census.small[number], the_heap.classes[number % the_heap.class_count].bytes
        objects = row.taken - cached[number]
        rows.append((str(size), the_heap.kind_name(number // the_heap.class_count), str(row.spans),
                     str(objects), str(cached[number]), str(row.free), bytes_text(row.bytes),
                     percent(objects * size, row.bytes)))
    if not rows:
        return "no small objects\n"
    return table(("size", "kind", "spans", "objects", "cached", "free", "bytes", "fill"), rows,
                 left=(1,))


def large_text(census):
    lines = []
    for kind in sorted(census.large):
        row = census.large[kind]
        lines.append("large objects, %s: %d, %s\n"
                     % (census.heap.kind_name(kind), row.spans, size_text(row.bytes)))
    return "".join(lines) or "no large objects\n"


def free_text(census):
    if not census.free.spans:
        return "no free runs\n"
    return ("free runs: %d, %s, the longest %s\n"
            % (census.free.spans, size_text(census.free.bytes), size_text(census.longest)))


def object_totals(census, cached):
    """(objects, their bytes) of what is allocated."""
    the_heap = census.heap
    objects = sum(row.taken - cached[each] for each, row in census.small.items())
    size = sum((row.taken - cached[each]) * the_heap.classes[each % the_heap.class_count].bytes
               for each, row in census.small.items())
    large = census.large.values()
    return (objects + sum(row.spans for row in large), size + sum(row.bytes for row in large))


def totals(image, census, cached):
    """And where the statistics say otherwise, that."""
    objects, size = object_totals(census, cached)
    figures = image.variable_view("ml_pageheap_figures", "pageheap.figures")
    counters = Counters(image)
    counted = (sum(counters.mallocs) - sum(counters.explicit_frees) - sum(counters.swept_frees)
               + figures["large_mallocs"] - figures["large_frees"])
    counted_bytes = (counters.small_bytes() + figures["large_malloc_bytes"]
                     - figures["large_free_bytes"])
    heap_bytes = figures["heap_bytes"]
    found = (
        ("HeapSys", census.total("bytes") + census.free.bytes, heap_bytes, bytes_text),
        ("HeapInuse", census.total("bytes"), figures["inuse_bytes"], bytes_text),
        ("HeapIdle", census.free.bytes, heap_bytes - figures["inuse_bytes"], bytes_text),
        ("HeapAlloc", size, counted_bytes, bytes_text),
        ("HeapObjects", objects, counted, str))
    lines = ["total: %s\n" % ", ".join("%s %s" % (name, write(value))
                                       for name, value, _, write in found)]
    off = ["%s %s" % (name, write(said)) for name, value, said, write in found if value != said]
    if off:
        lines.append("the statistics say %s: a thread is in the middle of an update, or something "
                     "is overwritten (memlog check)\n" % ", ".join(off))
    return "".join(lines)


def doubts(census):
    unswept = census.total("unswept")
    if unswept:
        yield ("%d of the spans wait to be swept: some of their objects may be garbage" % unswept)
    if census.flaws:
        span, why = census.flaws[0]
        yield ("%d descriptors can't be true and are left out; the first is that of span %d: %s "
               "(memlog check)" % (len(census.flaws), span.number, why))


def register():
    Spans()
