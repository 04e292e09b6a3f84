# SPDX-License-Identifier: MIT
"""The types of typed objects: which of their words may hold pointers (src/gc/type.h)."""
from memlog import memory
from memlog.image import words

LOW = (1 << 32) - 1
BLOCK_WORDS = 64
MOST_BLOCKS = 1 << 20


class Type:
    def __init__(self, view):
        self.number, self.bytes = view["number"], view["bytes"]
        self.stride = view["stride"]
        blocks = view["blocks"]
        data = memory.read_or_none(view["bitmap"], 8 * blocks) if blocks <= MOST_BLOCKS else None
        self.bitmap = () if data is None else words(data)

    def is_pointer(self, offset):
        """Whether the word at that offset of an object may be one."""
        block, bit = divmod(offset // 8 % self.stride, BLOCK_WORDS)
        return block < len(self.bitmap) and self.bitmap[block] >> bit & 1 == 1


class Types:
    def __init__(self, heap):
        self.heap, self.image = heap, heap.image
        self.chunks = None
        self.known = {}

    def of(self, thing):
        """The type of a typed object (heap.Object), or None where it has none that is valid: then
        all its words count."""
        if thing.span.use == self.heap.LARGE:
            return self.by_number(thing.span.type)
        data = memory.read_or_none(thing.address + thing.bytes - 8, 8)
        word = 0 if data is None else words(data)[0]
        number = word & LOW
        return self.by_number(number) if word >> 32 == number ^ LOW else None

    def by_number(self, number):
        if number == 0:
            return None
        if number not in self.known:
            self.known[number] = self.look_up(number)
        return self.known[number]

    def look_up(self, number):
        """They stand in chunks, each twice as long as the one before."""
        if self.chunks is None:
            self.chunks = self.image.words_of("type.chunks")
        first = self.image.number("type_first")
        chunk = (number + first).bit_length() - first.bit_length()
        if chunk >= len(self.chunks) or self.chunks[chunk] == 0:
            return None
        layout = self.image.layout("memlog_type")
        at = self.chunks[chunk] + (number + first - (first << chunk)) * layout.size
        data = memory.read_or_none(at, layout.size)
        if data is None:
            return None
        view = layout.view(at, data)
        valid = view["kind"] == self.heap.TYPED and view["number"] == number and view["stride"]
        return Type(view) if valid else None
