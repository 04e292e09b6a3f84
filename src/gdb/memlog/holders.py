# SPDX-License-Identifier: MIT
"""Who holds pointers to some objects: one pass over the roots and the heap."""
import array
import bisect
from collections import namedtuple

from memlog.cover import Range
from memlog.search import Reader, Search
from memlog.types import Types

# A word that points to the target (its number). `holder`: the heap.Object it is in, or None;
# `place`: the Range it is in elsewhere. A register has no address.
Hit = namedtuple("Hit", "target word address holder place")

BRIDGE = 1 << 16  # a gap of so many bytes is read with what is around it


class SpanIndex:
    """Spans in use, by address: of each one number only, for there may be a million of them."""

    def __init__(self, heap):
        self.heap = heap
        self.pages = array.array("I", bytes(4 * max(heap.count, 1)))
        self.flawed = 0
        keys = []
        kinds = self.kinds = {}
        for span in heap.each_span():
            if not heap.is_used(span):
                continue
            if heap.flaw(span):
                self.flawed += 1
                continue
            self.pages[span.number] = span.pages
            kinds[span.kind] = kinds.get(span.kind, 0) + 1
            keys.append((span.base - heap.base >> heap.page_shift) << 34 | span.number << 2
                        | span.kind & 3)
        keys.sort()
        self.keys = array.array("Q", keys)
        self.cache = {}

    def over(self, address):
        """The span in use over an address, or None."""
        page = address - self.heap.base >> self.heap.page_shift
        at = bisect.bisect_right(self.keys, page << 34 | (1 << 34) - 1) - 1
        if at < 0:
            return None
        number = (self.keys[at] >> 2) & 0xffffffff
        if page - (self.keys[at] >> 34) >= self.pages[number]:
            return None
        span = self.cache.get(number)
        if span is None:
            if len(self.cache) > 65536:
                self.cache.clear()
            span = self.cache[number] = self.heap.span(number)
        return span

    def runs(self, wanted):
        """[begin, end) of memory in use that holds all spans of the wanted kinds: long runs, so
        that reading them takes few calls. Small gaps of others are bridged where they are in use."""
        shift, base = self.heap.page_shift, self.heap.base
        begin = end = last = 0  # pages; `last`: where what is in use without a gap ends
        for key in self.keys:
            page, count = key >> 34, self.pages[(key >> 2) & 0xffffffff]
            if (key & 3) in wanted:
                if end and page == last and page - end <= BRIDGE >> shift:
                    end = page + count
                else:
                    if end:
                        yield base + (begin << shift), base + (end << shift)
                    begin, end = page, page + count
            last = page + count
        if end:
            yield base + (begin << shift), base + (end << shift)


class Finder:
    """Looks for holders, again and again for a chain."""

    def __init__(self, heap, roots):
        self.heap, self.roots = heap, roots
        self.index = SpanIndex(heap)
        self.types = Types(heap)
        # From there on large objects are being zeroed, and hold nothing any more.
        self.blanks = [block.blank for block in roots.blocks if block.blank]
        self.reader = Reader()
        self.free_words = 0  # of slots that are free, in the last pass over the heap

    def in_registers(self, targets):
        search = Search(targets, past_end=True)
        for thread in self.roots.threads:
            for name, word in thread.registers.items():
                for target in search.targets_of(word):
                    text = self.roots.name_of("register %s" % name, thread)
                    yield Hit(target, word, None, None, Range(
                        0, 0, "register", lambda address, text=text: text,
                        self.roots.counts(thread)))

    def in_ranges(self, targets, ranges):
        """Hits in these Ranges, in order of addresses."""
        plain, past_end = Search(targets), Search(targets, past_end=True)
        for place in ranges:
            search = past_end if place.is_ambiguous else plain
            for at, data in self.pieces(place.begin, place.end):
                for offset, word, target in search.hits(data):
                    if place.accepts is None or place.accepts(at + offset):
                        yield Hit(target, word, at + offset, None, place)

    def pieces(self, begin, end):
        """What there is of a range: it may be an overwritten one, of many terabytes."""
        unread = end - begin
        for part in self.roots.regions.parts_of(begin, end):
            unread -= part[1] - part[0]
            yield from self.reader.pieces(*part)
        self.reader.unread += unread

    def in_roots(self, targets):
        yield from self.in_registers(targets)
        yield from self.in_ranges(targets, self.roots.cover.ranges)

    def in_heap(self, targets, with_noscan=False):
        """Hits in allocated objects. Objects without pointers are looked at only if wanted, and
        are then hits like others."""
        heap, search = self.heap, Search(targets)
        wanted = {kind for kind in range(heap.kinds) if with_noscan or kind != heap.NOSCAN}
        self.free_words = 0
        for begin, end in self.index.runs(wanted):
            for at, data in self.pieces(begin, end):
                for offset, word, target in search.hits(data):
                    thing = self.holder_at(at + offset, wanted)
                    if thing is not None:
                        yield Hit(target, word, at + offset, thing, None)

    def holder_at(self, address, wanted):
        """The object whose word that is, if it may hold a pointer there."""
        heap, span = self.heap, self.index.over(address)
        if span is None or span.kind not in wanted or self.roots.cover.over(address) is not None:
            return None
        thing = heap.object_in(span, address)
        if thing is None:
            return None
        if heap.states.at(thing.address) == 0 or self.is_blank(thing, address):
            self.free_words += 1
            return None
        if span.kind == heap.TYPED:
            its_type = self.types.of(thing)
            if its_type is not None and not its_type.is_pointer(address - thing.address):
                return None
        return thing

    def is_blank(self, thing, address):
        return any(thing.address <= blank <= address for blank in self.blanks)
