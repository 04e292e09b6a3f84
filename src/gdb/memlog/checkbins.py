# SPDX-License-Identifier: MIT
"""The rules of spans in use: the bins' lists, the bits of the slots, and the state bytes.

A state byte says for 16 bytes of heap whether an allocated object begins there. A span's are taken
at once, by a slice, and made a number with a bit for each slot, as `taken` is one.
"""
import struct

from memlog.magazines import slots
from memlog.spantable import Window

LINKS = "list links agree in both directions"
ENDS = "a list's end and count are right"
DIGITS = bytes([ord("0")] + 255 * [ord("1")])


def check(heap, table, census, state, findings):
    Lists(heap, table, state, findings).run()
    magazines = Magazines(heap, table, state, findings)
    Slots(heap, table, state, findings, magazines, census).run()


class Census:
    """allocated: by bin; large objects and their bytes; objects that are said to be watched; bins
    of objects that are being allocated or freed, with the reason to think so."""

    def __init__(self, heap):
        self.allocated, self.halfway = [0] * heap.bins, []
        self.large_objects = self.large_bytes = self.watched = 0

    @property
    def objects(self):
        return sum(self.allocated) + self.large_objects


# --- lists ------------------------------------------------------------------------------------


class Lists:
    def __init__(self, heap, table, state, findings):
        self.heap, self.table, self.state, self.findings = heap, table, state, findings
        image = heap.image
        self.partial, self.full, self.empty, self.large = (
            image.number("place_" + each) for each in ("partial", "full", "empty", "large"))
        self.hanging = bytearray(table.count)
        self.empty_bytes = 0

    def run(self):
        image = self.heap.image
        layout, lists = image.layout("ml_bin"), image.layout("ml_span_list")
        data = image.bytes_of("central.bins")
        for place in range(len(data) // layout.size):
            shard, which = divmod(place, self.heap.bins)
            view = layout.view(0, data[place * layout.size:(place + 1) * layout.size])
            for name, expected in (("partial", self.partial), ("full", self.full),
                                   ("unswept", None), ("empty", self.empty)):
                self.walk_small(lists.view(0, view.raw(name)), name, shard, which, expected)
        data = image.bytes_of("large.lists") + image.bytes_of("large.unswept")
        for kind in range(len(data) // lists.size):
            self.walk_large(lists.view(0, data[kind * lists.size:(kind + 1) * lists.size]), kind)
        if self.empty_bytes != image.value("central.empty_bytes"):
            self.findings.add("the bytes of empty spans are known",
                              "there are %d, and %d is what is said"
                              % (self.empty_bytes, image.value("central.empty_bytes")),
                              self.state.any_bin())
        self.look_for_lost()

    def walk_small(self, spans, name, shard, which, place):
        heap, table = self.heap, self.table
        where = "the %s spans of %s in shard %d" % (name, bin_name(heap, which), shard)
        excuse = self.state.bin(shard, which)

        def broken(rule, number):
            self.findings.add(rule, "%s: %s" % (where, table.name(number)), excuse)
        for number in table.walk(spans, (LINKS, ENDS), self.findings, where, excuse):
            self.hanging[number] = 1
            if table.use[number] != heap.SMALL or table.bin[number] != which:
                broken("a bin's lists hold its small spans", number)
                continue
            if not self.hangs_in(number, place):
                broken("a span knows the list it hangs in", number)
            if table.shard[number] != shard:
                broken("a span knows the shard it hangs in", number)
            free = table.free_slots[number]
            if place == self.full and free != 0:
                broken("full spans have no free slot", number)
            if place == self.partial and free == 0:
                broken("partial spans have a free slot", number)
            if place == self.empty:
                self.empty_bytes += table.bytes(number)
                if free != table.slots[number]:
                    broken("empty spans have no slot taken", number)

    def hangs_in(self, number, place):
        """As audit.c: unswept spans keep the place they had."""
        unswept = self.table.is_unswept(number)
        if place is None:
            return unswept
        return self.table.place[number] == place and (place == self.empty or not unswept)

    def walk_large(self, spans, kind):
        heap, table, excuse = self.heap, self.table, self.state.pages()
        swept = kind < heap.kinds
        where = "the large objects, %s" % (heap.kind_name(kind) if swept else "unswept")
        for number in table.walk(spans, (LINKS, ENDS), self.findings, where, excuse):
            self.hanging[number] = 1
            if table.use[number] != heap.LARGE:
                rule = "the large lists hold large objects"
            elif not self.hangs_in(number, self.large if swept else None):
                rule = "a span knows the list it hangs in"
            else:
                continue
            self.findings.add(rule, "%s: %s" % (where, table.name(number)), excuse)

    def look_for_lost(self):
        """On its way from one list to another a span is in none."""
        heap, table = self.heap, self.table
        for number in range(1, table.count):
            if (not self.hanging[number] and table.use[number] in (heap.SMALL, heap.LARGE)
                    and number not in table.flaws):
                self.findings.add("every span in use hangs in a list", table.name(number),
                                  self.state.any_bin() or self.state.pages())


def bin_name(heap, which):
    return "%d bytes, %s" % (heap.classes[which % heap.class_count].bytes,
                             heap.kind_name(which // heap.class_count))


# --- magazines ----------------------------------------------------------------------------------


class Magazines:
    """`held`: span number -> a bit for each slot of it that waits in a magazine. Slots that a thread
    may just be allocating, freeing, or giving back are known, with the reason to think so."""

    def __init__(self, heap, table, state, findings):
        self.heap, self.table, self.findings = heap, table, findings
        self.held, self.moving = {}, {}
        for block in state.blocks:
            for magazine in block.magazines:
                found = slots(magazine)
                self.note_moving(block, found, state.thread(block))
                for address in found:
                    self.add(address, magazine, block, state.thread(block))

    def note_moving(self, block, found, excuse):
        """All that a thread inside has; of the others the slot that is on top: for a moment it is
        allocated and in the magazine at once."""
        if excuse is not None:
            self.moving.update((address, excuse) for address in found)
        elif block.active and len(found):
            self.moving[found[-1]] = "%s is allocating or freeing it" % block.name()

    def add(self, address, magazine, block, excuse):
        heap, table, held = self.heap, self.table, self.held
        number = table.over(address) if heap.holds(address) else 0
        slot, rest = divmod(address - table.base[number], table.slot_bytes(number) or 1)
        if number == 0 or rest or slot >= table.slots[number]:
            rule = "magazines hold addresses of slots"
        elif table.bin[number] != magazine.bin:
            rule = "a magazine holds slots of its bin"
        elif held.get(number, 0) >> slot & 1:
            rule = "a slot is in one magazine"
            excuse = excuse or self.moving.get(address)
        else:
            held[number] = held.get(number, 0) | 1 << slot
            return
        self.findings.add(rule, "0x%x, in a magazine of %s" % (address, block.name()), excuse)


# --- slots --------------------------------------------------------------------------------------


class Slots:
    """Of each span in use its bits, its state bytes, and its slots in magazines."""

    def __init__(self, heap, table, state, findings, magazines, census):
        self.heap, self.table, self.state, self.findings = heap, table, state, findings
        self.magazines, self.census = magazines, census
        image = heap.image
        bits = image.layout("ml_span_bits")
        self.at, self.step = heap.layout.offset("bits"), bits.size
        self.bits = struct.Struct("<%dQ" % (heap.layout.place("bits")[1] // 8))
        self.taken_at, self.mark_at = bits.offset("taken") // 8, bits.offset("mark") // 8
        self.marks = bits.place("mark")[1] // 8
        self.marked_along = image.value("span.marked_along")
        self.empty = image.number("place_empty")
        kinds, sampled = image.number("state_kind"), image.number("state_sampled")
        self.valid = bytes(range(kinds + 1)) + bytes(each | sampled for each in range(1, kinds + 1))
        self.watched = [image.number("state_watched"), image.number("state_watched") | sampled]
        granules = heap.bytes >> heap.granule_shift
        self.states = Window(heap.state, granules)

    def run(self):
        heap, size = self.heap, self.heap.layout.size
        for first, data in heap.each_piece():
            for number in range(first, first + len(data) // size):
                use = self.table.use[number]
                if not use or number in self.table.flaws:
                    continue
                begin = (number - first) * size + self.at
                bits = self.bits.unpack_from(data, begin)
                if use == heap.SMALL:
                    self.look_at_small(number, bits)
                elif use == heap.LARGE:
                    self.look_at_large(number, bits)
                else:
                    self.look_at_free(number)

    def states_of(self, number):
        """The state bytes over the span's pages, which are valid."""
        heap, table = self.heap, self.table
        states = self.states.get(table.base[number] - heap.base >> heap.granule_shift,
                                 table.bytes(number) >> heap.granule_shift)
        self.census.watched += sum(states.count(each) for each in self.watched)
        if states.translate(None, self.valid):
            at = next(at for at, each in enumerate(states) if each not in self.valid)
            self.findings.add("a state byte is one that there is",
                              "%s: %d for 0x%x" % (self.table.name(number), states[at],
                                                  self.address(number, at)))
        return states

    def address(self, number, granule):
        return self.table.base[number] + (granule << self.heap.granule_shift)

    def mask(self, bits, first, count):
        """The bits of all slots as one number: the word `first` of each 64 slots."""
        found = 0
        for word in range((count + 63) // 64):
            found |= bits[word * self.step // 8 + first] << 64 * word
        return found

    def check_bits(self, number, bits, excuse):
        """As ml_span_check; returns the taken bits."""
        table, slots_count = self.table, self.table.slots[number]
        taken = self.mask(bits, self.taken_at, slots_count)
        marks = 0
        for each in range(self.marks):
            marks |= self.mask(bits, self.mark_at + each, slots_count)
        if taken >> slots_count:
            self.findings.add("taken bits stand for slots", table.name(number), excuse)
        may_be_old = self.marked_along or table.place[number] == self.empty
        if marks & ~taken and not may_be_old:
            self.findings.add("marked slots are taken", table.name(number), excuse)
        if taken.bit_count() + table.free_slots[number] != slots_count:
            self.findings.add("free_slots + taken == slots", "%s: %d + %d, and %d slots"
                              % (table.name(number), table.free_slots[number], taken.bit_count(),
                                 slots_count), excuse)
        return taken

    def look_at_small(self, number, bits):
        heap, table = self.heap, self.table
        which = table.bin[number]
        excuse = self.state.bin(table.shard[number], which)
        taken = self.check_bits(number, bits, excuse)
        states = self.states_of(number)
        step = table.slot_bytes(number) >> heap.granule_shift
        of_slots = states[:table.slots[number] * step:step]
        allocated = int(of_slots[::-1].translate(DIGITS), 2)
        self.census.allocated[which] += allocated.bit_count()
        if len(states) - states.count(0) != allocated.bit_count():
            at = next(at for at, each in enumerate(states)
                      if each and (at % step or at // step >= table.slots[number]))
            self.findings.add("a state byte stands where an object begins", "%s: %d for 0x%x"
                              % (table.name(number), states[at], self.address(number, at)))
        held = self.magazines.held.get(number, 0)
        self.compare(number, "an allocated slot is taken", allocated & ~taken, excuse)
        both = allocated & held
        if both:
            self.look_at_both(number, both)
        self.compare(number, "a slot in a magazine is taken", held & ~taken,
                     excuse or self.state.any_thread())
        self.compare(number, "a taken slot is allocated or in one magazine",
                     taken & ~allocated & ~held, excuse or self.state.any_thread())

    def compare(self, number, rule, wrong, excuse):
        """wrong: a bit for each slot that breaks the rule."""
        if wrong:
            slot = (wrong & -wrong).bit_length() - 1
            more = wrong.bit_count() - 1
            self.findings.add(rule, "%s: slot %d at 0x%x%s"
                              % (self.table.name(number), slot, self.slot_address(number, slot),
                                 ", and %d more of its slots" % more if more else ""), excuse)

    def slot_address(self, number, slot):
        return self.table.base[number] + slot * self.table.slot_bytes(number)

    def look_at_both(self, number, both):
        while both:
            slot = (both & -both).bit_length() - 1
            both &= both - 1
            address = self.slot_address(number, slot)
            excuse = self.magazines.moving.get(address)
            if excuse is not None:
                self.census.halfway.append((self.table.bin[number], excuse))
            self.findings.add("a slot in a magazine is not allocated", "%s: slot %d at 0x%x"
                              % (self.table.name(number), slot, address), excuse)

    def look_at_large(self, number, bits):
        excuse = self.state.pages()
        self.check_bits(number, bits, excuse)
        states = self.states_of(number)
        if not states[0]:
            self.findings.add("a large object is allocated", self.table.name(number), excuse)
        elif len(states) - states.count(0) != 1:
            at = next(at for at, each in enumerate(states) if each and at)
            self.findings.add("a state byte stands where an object begins", "%s: %d for 0x%x"
                              % (self.table.name(number), states[at], self.address(number, at)))
        self.census.large_objects += 1
        self.census.large_bytes += self.table.bytes(number)

    def look_at_free(self, number):
        states = self.states_of(number)
        if states.count(0) != len(states):
            at = next(at for at, each in enumerate(states) if each)
            self.findings.add("nothing is allocated in a free run", "%s: %d for 0x%x"
                              % (self.table.name(number), states[at], self.address(number, at)),
                              self.state.pages())
