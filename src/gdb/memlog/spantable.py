# SPDX-License-Identifier: MIT
"""All descriptors at once, as columns: some 50 bytes of each span, and no object of Python's."""
import array

from memlog import memory

COLUMNS = {"base": "Q", "pages": "I", "next": "I", "prev": "I", "slots": "H", "free_slots": "H",
           "use": "B", "place": "B", "bin": "B", "kind": "B", "swept_at": "I", "shard": "B"}


class SpanTable:
    """table.base[number], table.pages[number], ... Number 0 is nobody's."""

    def __init__(self, heap):
        self.heap, self.count = heap, max(heap.count, 1)
        self.flaws = {}  # number -> why the descriptor can't be true
        self.used = 0
        for name, code in COLUMNS.items():
            setattr(self, name, array.array(code, [0]))
        for first, data in heap.each_piece():
            self.add_piece(first, data)
        self.numbers = Window(heap.page_span, 4 * (heap.bytes >> heap.page_shift))

    def add_piece(self, first, data):
        heap, rows = self.heap, list(self.heap.struct.iter_unpack(data))
        fields = heap.Span._fields[1:]
        for name, column in zip(fields, zip(*rows)):
            if name in COLUMNS:
                getattr(self, name).extend(column)
        use = fields.index("use")
        for number, row in enumerate(rows, first):
            if row[use]:
                why = heap.flaw(heap.Span(number, *row))
                if why:
                    self.flaws[number] = why
                elif row[use] in (heap.SMALL, heap.LARGE):
                    self.used += 1

    def is_sound(self, number):
        return 0 < number < self.count and number not in self.flaws

    def number_at(self, page):
        """What the table of pages says."""
        return int.from_bytes(self.numbers.get(4 * page, 4), "little")

    def over(self, address):
        """The number of the small span that an address in the heap lies in, or 0."""
        number = self.number_at(address - self.heap.base >> self.heap.page_shift)
        is_over = (self.is_sound(number) and self.use[number] == self.heap.SMALL
                   and 0 <= address - self.base[number] < self.bytes(number))
        return number if is_over else 0

    def slot_bytes(self, number):
        return self.heap.classes[self.bin[number] % self.heap.class_count].bytes

    def bytes(self, number):
        return self.pages[number] << self.heap.page_shift

    def is_unswept(self, number):
        heap = self.heap
        return (self.swept_at[number] != heap.marks_completed
                and self.kind[number] != heap.UNCOLLECTABLE)

    def name(self, number):
        if not 0 < number < self.count:
            return "span %d, which there is not" % number
        return "span %d (at 0x%x)" % (number, self.base[number])

    def walk(self, spans, rule, findings, where, excuse):
        """The numbers in a list (an ml_span_list's view), as long as its links are sound; the list's
        end and count, where `rule` is what they break."""
        links, ends = rule
        last, count, number = 0, 0, spans["first"]
        while number != 0:
            if not 0 < number < self.count or count > self.count:
                findings.add(links, "%s: leads to %s" % (where, self.name(number)), excuse)
                return
            if self.prev[number] != last:
                findings.add(links, "%s: %s says that %s is in front of it, which is span %d"
                             % (where, self.name(number),
                                "span %d" % self.prev[number] if self.prev[number] else "nothing",
                                last), excuse)
                return
            yield number
            last, count, number = number, count + 1, self.next[number]
        if spans["last"] != last or spans["count"] != count:
            findings.add(ends, "%s: says %s, the last of them %d, and holds %d, the last of them %d"
                         % (where, spans["count"], spans["last"], count, last), excuse)


class Window:
    """The bytes of a long table at an address, read in large pieces."""

    STEP, KEPT = 1 << 18, 64

    def __init__(self, address, length):
        self.address, self.length, self.pieces = address, length, {}

    def get(self, offset, count):
        number = offset // self.STEP
        if (offset + count - 1) // self.STEP != number:
            return memory.read(self.address + offset, count)
        piece = self.pieces.get(number)
        if piece is None:
            if len(self.pieces) >= self.KEPT:
                self.pieces.clear()
            begin = number * self.STEP
            piece = self.pieces[number] = memory.read(self.address + begin,
                                                      min(self.STEP, self.length - begin))
        begin = offset - number * self.STEP
        return piece[begin:begin + count]
