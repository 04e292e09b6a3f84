# SPDX-License-Identifier: MIT
"""memlog top: what fills the heap."""
import contextlib
import functools
import heapq

import gdb

from memlog import elf, heap, magazines
from memlog.arguments import HeapCommand
from memlog.errors import Error
from memlog.image import Image
from memlog.rootset import own_library
from memlog.samples import buckets, frame_text, stack_text
from memlog.spans import Census, doubts, percent
from memlog.tables import table
from memlog.units import bytes_text


class Top(HeapCommand):
    """Show what fills memlog's heap: the biggest objects, the most frequent sizes, the kinds, and the
stacks that have allocated what there is.
Usage: memlog top [-limit N]

  -limit N  how many of each (20)

Objects are those that are allocated, with garbage that waits for the sweep. The stacks are those of
the samples of the profile: what they hold is an estimate, scaled to all objects."""

    name = "memlog top"
    usage = "memlog top [-limit N]"
    numbers = {"-limit": 20}

    def look(self, text, flags, numbers):
        image, limit = Image(), numbers["-limit"]
        the_heap = heap.require(image)
        census, cached = Census(the_heap), magazines.cached(image)
        for part in (biggest_text(census, cached, limit), sizes_text(census, cached, limit),
                     kinds_text(census, cached), stacks_text(image, limit)):
            gdb.write(part)
        gdb.write("".join(each + "\n" for each in doubts(census)))


# --- the biggest ----------------------------------------------------------------------


def biggest_text(census, cached, limit):
    the_heap = census.heap
    found = heapq.nlargest(limit, large_objects(the_heap))
    if len(found) < limit:
        found += small_objects(census, cached, limit - len(found))
    if not found:
        return "no objects\n"
    rows = [(bytes_text(size), the_heap.kind_name(kind), "0x%x" % (ALL_BITS - upside_down))
            for size, upside_down, kind in found]
    return "the biggest objects:\n" + table(("bytes", "kind", "address"), rows, left=(1, 2))


ALL_BITS = (1 << 64) - 1


def large_objects(the_heap):
    """(bytes, address from above, kind): of equal ones the one that is lower comes first."""
    for span in the_heap.each_span():
        if span.use == the_heap.LARGE and not the_heap.flaw(span):
            yield the_heap.span_bytes(span), ALL_BITS - span.base, span.kind


def small_objects(census, cached, wanted):
    """So many of the largest size classes that there are, from the first spans that have some."""
    the_heap, classes = census.heap, census.heap.class_count
    left, count = {}, 0  # by bin, how many of its objects are still to be found
    for number in sorted(census.small, key=lambda each: -the_heap.classes[each % classes].bytes):
        if count >= wanted:
            break
        left[number] = min(wanted, census.small[number].taken - cached[number])
        count += left[number]
    found = []
    for span in the_heap.each_span():
        if (span.use == the_heap.SMALL and left.get(span.bin, 0) > 0
                and not the_heap.flaw(span)):
            here = allocated(the_heap, span, left[span.bin])
            left[span.bin] -= len(here)
            found += [(span.slot_bytes, ALL_BITS - each, span.kind) for each in here]
            if not any(each > 0 for each in left.values()):
                break
    return heapq.nlargest(wanted, found)


def allocated(the_heap, span, most):
    """Addresses of the first objects in a small span."""
    states = the_heap.states.over(span.base, the_heap.span_bytes(span))
    step = span.slot_bytes >> the_heap.granule_shift
    found = []
    for slot, state in enumerate(states[:span.slots * step:step]):
        if state and len(found) < most:
            found.append(span.base + slot * span.slot_bytes)
    return found


# --- sizes and kinds --------------------------------------------------------------------


def small_rows(census, cached):
    """(size, kind, objects) by bin."""
    the_heap = census.heap
    for number, row in census.small.items():
        kind, size_class = divmod(number, the_heap.class_count)
        yield the_heap.classes[size_class].bytes, kind, row.taken - cached[number]


def sizes_text(census, cached, limit):
    sizes = {}
    for size, _, objects in small_rows(census, cached):
        sizes[size] = sizes.get(size, 0) + objects
    total = sum(sizes.values())
    rows = [(str(size), str(sizes[size]), percent(sizes[size], total),
             bytes_text(size * sizes[size]))
            for size in heapq.nlargest(limit, sizes, key=lambda each: (sizes[each], each))
            if sizes[size]]
    if not rows:
        return ""
    return ("the most frequent sizes of small objects:\n"
            + table(("size", "objects", "part", "bytes"), rows))


def kinds_text(census, cached):
    objects, sizes = {}, {}
    for size, kind, count in small_rows(census, cached):
        objects[kind] = objects.get(kind, 0) + count
        sizes[kind] = sizes.get(kind, 0) + count * size
    for kind, row in census.large.items():
        objects[kind] = objects.get(kind, 0) + row.spans
        sizes[kind] = sizes.get(kind, 0) + row.bytes
    total = sum(sizes.values())
    rows = [(census.heap.kind_name(kind), str(objects[kind]), bytes_text(sizes[kind]),
             percent(sizes[kind], total)) for kind in sorted(objects) if objects[kind]]
    if not rows:
        return ""
    return "by kind:\n" + table(("kind", "objects", "bytes", "part"), rows, left=(0,))


# --- the profile --------------------------------------------------------------------------


def readable(things):
    """As many of them as can be read."""
    with contextlib.suppress(Error):
        yield from things


def stacks_text(image, limit):
    rate = image.value("sample.rate")
    if rate == 0:
        return "no profile is taken (MEMLOG_PROFILE_RATE)\n"
    own, name_of = own_library(image, elf.loaded_objects()), functools.lru_cache(1 << 16)(frame_text)
    holders = {}  # there is a bucket for each size, and for each place in a function
    for bucket in readable(buckets(image)):
        objects, size = bucket.live(rate)
        if size:
            text = stack_text(bucket.pcs(image), own, name_of)
            before = holders.get(text, (0, 0))
            holders[text] = before[0] + size, before[1] + objects
    if not holders:
        return "no sample is alive\n"
    rows = [(bytes_text(holders[text][0]), str(holders[text][1]), text)
            for text in heapq.nlargest(limit, holders, key=lambda each: holders[each])]
    return ("the sampled stacks that hold most:\n"
            + table(("bytes", "objects", "allocated by"), rows, left=(2,)))


def register():
    Top()
