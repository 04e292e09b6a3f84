# SPDX-License-Identifier: MIT
"""The heap: its spans, by their descriptors, and the objects in them (src/heap/span.h, spanmap.h).

A descriptor is 256 bytes, and an array holds them all: it is read in pieces of a MiB. Memory may
be overwritten, so `flaw` says of each whether it can be true before anybody goes by it.
"""
import struct
from collections import namedtuple

from memlog import memory
from memlog.errors import Error

UNUSED = 0  # a descriptor without pages
KIND_NAMES = ("scan", "noscan", "uncollectable", "typed")
PIECE = 1 << 20  # bytes read at one time

SizeClass = namedtuple("SizeClass", "bytes slots pages")
Object = namedtuple("Object", "span slot address bytes")

CODES = {1: "B", 2: "H", 4: "I", 8: "Q"}
SPAN_MEMBERS = ("base", "pages", "slot_bytes", "next", "prev", "slots", "free_slots", "use", "place",
                "bin", "kind", "swept_at", "type", "shard")


def members_struct(layout, names):
    """A struct.Struct that unpacks these members of a struct, all of them numbers, in order of
    their offsets; and their names in that order."""
    code, at = "<", 0
    ordered = sorted(names, key=layout.offset)
    for name in ordered:
        offset, size = layout.place(name)
        code += "%dx%s" % (offset - at, CODES[size])
        at = offset + size
    return struct.Struct("%s%dx" % (code, layout.size - at)), ordered


class Heap:
    def __init__(self, image):
        self.image = image
        tables = image.variable_view("ml_spanmap", "spanmap.map")
        self.page_shift, self.granule_shift = image.number("page_shift"), image.number("granule_shift")
        self.page_bytes = 1 << self.page_shift
        self.base, self.bytes = tables["base"], tables["granules"] << self.granule_shift
        self.end, self.reserved = self.base + self.bytes, tables["reserved_bytes"]
        self.state, self.page_bin = tables["state"], tables["page_bin"]
        self.page_span, self.spans, self.backed = (tables[each] for each in
                                                   ("page_span", "spans", "backed"))
        if self.bytes > self.reserved or self.base & (self.page_bytes - 1):
            raise Error("what memlog says of its heap (at 0x%x, %d bytes of %d) can't be: it is "
                        "overwritten" % (self.base, self.bytes, self.reserved))
        self.read_numbers(image)
        self.layout = image.layout("ml_span")
        self.struct, ordered = members_struct(self.layout, SPAN_MEMBERS)
        self.Span = namedtuple("Span", ["number"] + ordered)
        self.count = min(image.value("runs.end"),
                         image.value("spanmap.span_bytes") // self.layout.size)
        self.states = States(self)

    def read_numbers(self, image):
        self.FREE, self.RELEASING, self.SMALL, self.LARGE = (
            image.number("span_" + each) for each in ("free", "releasing", "small", "large"))
        self.SCAN, self.NOSCAN, self.UNCOLLECTABLE, self.TYPED, self.kinds = (
            image.number(each) for each in ("scan", "noscan", "uncollectable", "typed", "kinds"))
        self.bins, self.class_count = image.number("bins"), image.number("classes")
        self.marks_completed = image.value("span.marks_completed")
        self.classes = size_classes(image, self.class_count)
        # What the descriptor of a small span has to say: bin, kind and shape.
        self.shapes = {(each, each // self.class_count) + self.classes[each % self.class_count]
                       for each in range(self.bins)}

    # --- descriptors ---

    def each_span(self):
        """All descriptors with pages, by their numbers."""
        make, unpack, unused = self.Span, self.struct.iter_unpack, UNUSED
        use = make._fields.index("use") - 1
        for first, data in self.each_piece():
            for number, fields in enumerate(unpack(data), first):
                if fields[use] != unused:
                    yield make(number, *fields)

    def each_piece(self):
        """(number of the first, bytes) of the array of descriptors, piece by piece."""
        size, step = self.layout.size, PIECE // self.layout.size
        for first in range(1, self.count, step):
            count = min(step, self.count - first)
            yield first, memory.read(self.spans + first * size, count * size)

    def span(self, number):
        """One of them, or None where there is no such number."""
        if not 0 < number < self.count:
            return None
        data = memory.read_or_none(self.spans + number * self.layout.size, self.layout.size)
        return None if data is None else self.Span(number, *self.struct.unpack(data))

    def flaw(self, span):
        """Why the descriptor can't be true; None: it can."""
        if span.use > self.LARGE:
            return "its use is %d, which is none" % span.use
        if span.pages == 0 or not self.holds(span.base, span.pages << self.page_shift):
            return "its pages (0x%x, %d of them) are not in the heap" % (span.base, span.pages)
        if span.base & (self.page_bytes - 1):
            return "its base 0x%x is no page's" % span.base
        if span.use == self.SMALL:
            shape = (span.bin, span.kind, span.slot_bytes, span.slots, span.pages)
            if shape not in self.shapes:
                return ("no size class looks like it (bin %d, kind %d, %d slots of %d bytes in %d "
                        "pages)" % (span.bin, span.kind, span.slots, span.slot_bytes, span.pages))
            if span.free_slots > span.slots:
                return "%d of its %d slots are free" % (span.free_slots, span.slots)
        elif span.use == self.LARGE and (span.kind >= self.kinds or span.slots != 1):
            return "no large object looks like it (kind %d, %d slots)" % (span.kind, span.slots)
        return None

    def is_used(self, span):
        return span.use in (self.SMALL, self.LARGE)

    def is_unswept(self, span):
        return span.swept_at != self.marks_completed and span.kind != self.UNCOLLECTABLE

    def span_bytes(self, span):
        return span.pages << self.page_shift

    def object_bytes(self, span):
        return span.slot_bytes if span.use == self.SMALL else self.span_bytes(span)

    def kind_name(self, kind):
        return KIND_NAMES[kind] if kind < len(KIND_NAMES) else "kind %d" % kind

    # --- addresses ---

    def holds(self, address, count=1):
        return self.base <= address and address + count <= self.end

    def span_over(self, address):
        """The span whose pages the address lies in, free ones with them; None where the tables
        don't know, or say what can't be true."""
        if not self.holds(address):
            return None
        page = (address - self.base) >> self.page_shift
        number = memory.read_or_none(self.page_span + 4 * page, 4)
        span = None if number is None else self.span(int.from_bytes(number, "little"))
        if span is None or self.flaw(span) or not self.covers(span, address):
            return self.free_run_over(address)
        return span

    def covers(self, span, address):
        return 0 <= address - span.base < self.span_bytes(span)

    def free_run_over(self, address):
        """Inside of a free run the table is stale: all descriptors are asked."""
        for span in self.each_span():
            if (span.use in (self.FREE, self.RELEASING) and self.covers(span, address)
                    and not self.flaw(span)):
                return span
        return None

    def object_in(self, span, address):
        """The slot, allocated or not, that the address lies in; None: the tail behind the last one,
        or no object's span."""
        if span.use == self.LARGE:
            return Object(span, 0, span.base, self.span_bytes(span))
        if span.use != self.SMALL:
            return None
        slot = (address - span.base) // span.slot_bytes
        if slot >= span.slots:
            return None
        return Object(span, slot, span.base + slot * span.slot_bytes, span.slot_bytes)

    def object_over(self, address):
        span = self.span_over(address)
        return None if span is None else self.object_in(span, address)

    def bits(self, span, slot):
        """(taken, marked) of one slot."""
        layout = self.image.layout("ml_span_bits")
        at = self.spans + span.number * self.layout.size + self.layout.offset("bits")
        view = self.image.view("ml_span_bits", at + slot // 64 * layout.size)
        marks = 0
        for word in view.u64s("mark"):
            marks |= word
        return view["taken"] >> slot % 64 & 1, marks >> slot % 64 & 1


def size_classes(image, count):
    """The classes in use have bytes; before the first allocation there are none."""
    layout = image.layout("ml_sizeclass")
    table = image.bytes_of("sizeclass.classes")
    views = (layout.view(0, table[at:at + layout.size])
             for at in range(0, count * layout.size, layout.size))
    return [SizeClass(view["bytes"], view["slots"], view["pages"]) for view in views]


class States:
    """The state bytes, a byte for 16 bytes of heap: not 0 where an allocated object begins."""

    STEP = 4096

    def __init__(self, heap):
        self.heap = heap
        self.pieces = {}

    def at(self, address):
        """The state of what begins there; 0 where that can't be read."""
        granule = (address - self.heap.base) >> self.heap.granule_shift
        number, offset = divmod(granule, self.STEP)
        piece = self.pieces.get(number)
        if piece is None:
            first = number * self.STEP
            count = min(self.STEP, (self.heap.bytes >> self.heap.granule_shift) - first)
            piece = memory.read_or_none(self.heap.state + first, count) or b""
            if len(self.pieces) > 4096:  # 16 MiB of them, which are a GiB of heap's
                self.pieces.clear()
            self.pieces[number] = piece
        return piece[offset] if offset < len(piece) else 0

    def over(self, base, count):
        """The states of so many bytes of heap from base on; Unreadable."""
        return memory.read(self.heap.state + ((base - self.heap.base) >> self.heap.granule_shift),
                           count >> self.heap.granule_shift)


def require(image):
    """The heap, which something was allocated from."""
    heap = Heap(image)
    if heap.base == 0:
        raise Error("memlog is in this process, but nothing has been allocated from its heap yet")
    return heap
