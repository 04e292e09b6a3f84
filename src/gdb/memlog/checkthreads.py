# SPDX-License-Identifier: MIT
"""Who is in the middle of an update, and the rules of what threads count."""
from memlog import magazines
from memlog.checkbins import bin_name
from memlog.magazines import ALL_BITS


class Updates:
    """What was halfway when the process was stopped: reasons, as text, or None."""

    def __init__(self, heap):
        self.heap, image = heap, heap.image
        self.blocks = list(magazines.blocks(image))
        self.inside = [block for block in self.blocks if block.inside]
        self.pages_locked = image.value("pageheap.lock") != 0
        self.pages_change = image.value("pageheap.sequence") & 1
        layout, data = image.layout("ml_bin"), image.bytes_of("central.bins")
        self.locked = {divmod(place, heap.bins) for place in range(len(data) // layout.size)
                       if any(layout.view(0, data[place * layout.size:(place + 1) * layout.size])
                              .raw("lock"))}

    def pages(self):
        if self.pages_locked:
            return "the page heap's lock is held"
        return "the page heap's figures are being changed" if self.pages_change else None

    def bin(self, shard, which):
        return "the lock of its bin is held" if (shard, which) in self.locked else None

    def any_bin(self):
        return "the lock of a bin is held" if self.locked else self.any_thread()

    def thread(self, block):
        return "%s is in the middle of an update" % block.name() if block.inside else None

    def any_thread(self):
        return self.thread(self.inside[0]) if self.inside else None

    def odd_by_one(self):
        """(bin, who) where an active thread has counted and not moved the slot yet, or the other
        way round: two instructions apart."""
        return [(magazine.bin, "%s is allocating or freeing" % block.name())
                for block in self.blocks for magazine in block.magazines
                if block.active and imbalance(magazine) in (1, -1)]

    def lines(self):
        """For people: who is."""
        for block in self.inside:
            yield "%s is in the middle of an update" % block.name()
        if self.pages_locked or self.locked:
            held = ["the page heap"] if self.pages_locked else []
            held += [bin_name(self.heap, which) for _, which in sorted(self.locked)[:4]]
            yield "locks are held: of %s" % "; ".join(held)


def imbalance(magazine):
    """Slots that the counters speak of and that are not there."""
    odd = magazine.mallocs - magazine.frees + magazine.slots - magazine.held & ALL_BITS
    return odd - (1 << 64) if odd >> 63 else odd


# --- the rules ----------------------------------------------------------------------------------


def check(heap, table, census, state, findings):
    for block in state.blocks:
        check_block(heap, block, state, findings)
    compare_counters(heap, census, state, findings)
    image = heap.image
    if census.watched != image.value("watch.count"):
        findings.add("what has a finalizer or a weak reference is known as such",
                     "%d objects say so, and %d are known"
                     % (census.watched, image.value("watch.count")), state.any_thread())


def check_block(heap, block, state, findings):
    for magazine in block.magazines:
        where = "%s, %s" % (block.name(), bin_name(heap, magazine.bin)
                            if magazine.bin < heap.bins else "no bin")
        if not 0 <= magazine.slots <= (magazine.limit - magazine.bottom) // 8:
            findings.add("a magazine's slots lie between its ends", where, state.thread(block))
        odd = imbalance(magazine)
        if odd:
            excuse = state.thread(block)
            if excuse is None and block.active and odd in (1, -1):
                excuse = "%s is allocating or freeing" % block.name()
            findings.add("mallocs - frees + slots in the magazine == held",
                         "%s: %d - %d + %d, and %d" % (
                             where, magazine.mallocs, magazine.frees, magazine.slots,
                             magazine.held - (1 << 64) if magazine.held >> 63 else magazine.held),
                         excuse)


def counted(heap, state):
    """By size class, mallocs - frees of all threads."""
    image, found = heap.image, [0] * heap.class_count
    for block in state.blocks:
        for magazine in block.magazines:
            if magazine.bin < heap.bins:
                found[magazine.bin % heap.class_count] += magazine.mallocs - magazine.frees
    for group in image.walk(image.value("threadgroup.groups"), "ml_thread_group", "next",
                            "the list of the threads' groups"):
        for which, swept in enumerate(group.u64s("swept")):
            found[which % heap.class_count] -= swept
    return found


def compare_counters(heap, census, state, findings):
    allocated = [0] * heap.class_count
    for which, count in enumerate(census.allocated):
        allocated[which % heap.class_count] += count
    halfway = {which % heap.class_count: why for which, why in state.odd_by_one() + census.halfway}
    for number, (is_so, is_said) in enumerate(zip(allocated, counted(heap, state))):
        if is_so == is_said & ALL_BITS:
            continue
        excuse = state.any_thread()
        if excuse is None and number in halfway and abs(is_so - is_said) <= len(state.blocks):
            excuse = halfway[number]
        findings.add("mallocs - frees is the number of allocated slots",
                     "%d bytes: %d are allocated, and %d are counted"
                     % (heap.classes[number].bytes, is_so, is_said), excuse)
    figures = heap.image.variable_view("ml_pageheap_figures", "pageheap.figures")
    for rule, is_so, is_said in (
            ("large mallocs - frees is the number of large objects", census.large_objects,
             figures["large_mallocs"] - figures["large_frees"]),
            ("large bytes are those of the large objects", census.large_bytes,
             figures["large_malloc_bytes"] - figures["large_free_bytes"])):
        if is_so != is_said:
            findings.add(rule, "there are %d, and %d is what is said" % (is_so, is_said),
                         state.pages())
