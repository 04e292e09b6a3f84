# SPDX-License-Identifier: MIT
"""The page heap's rules: src/heap/pageheap.c, freeruns.c."""
from memlog.spantable import Window

LINKS = "free runs' links agree in both directions"
ENDS = "a free list's end and count are right"


def check(heap, table, census, state, findings):
    excuse = state.pages()
    for number, why in table.flaws.items():
        findings.add("a descriptor says what can be true", "span %d: %s" % (number, why), excuse)
    hanging = free_lists(heap, table, findings, excuse)
    walk = PageWalk(heap, table, findings, excuse)
    if walk.run():
        walk.compare(hanging)


# --- the free lists -----------------------------------------------------------------------


def list_of(pages, exact):
    """As in freeruns.c: one list for each length below `exact`, then one for each doubling."""
    return pages if pages < exact else exact + pages.bit_length() - exact.bit_length()


def free_lists(heap, table, findings, excuse):
    """How many runs hang in them."""
    image = heap.image
    layout, data = image.layout("ml_span_list"), image.bytes_of("freeruns.lists")
    exact, known = image.number("freeruns_exact"), image.words_of("freeruns.nonempty")
    free, hanging = image.number("place_free"), 0
    for which in range(len(data) // layout.size):
        spans = layout.view(0, data[which * layout.size:(which + 1) * layout.size])
        where, count = "free list %d" % which, 0
        for number in table.walk(spans, (LINKS, ENDS), findings, where, excuse):
            count += 1
            if table.use[number] != heap.FREE or table.place[number] != free:
                findings.add("what hangs in the free lists is free",
                             "%s: %s" % (where, table.name(number)), excuse)
            if list_of(table.pages[number], exact) != which:
                findings.add("a free run hangs in the list of its length", "%s: %s has %d pages"
                             % (where, table.name(number), table.pages[number]), excuse)
        if (known[which >> 6] >> (which & 63) & 1) != (spans["first"] != 0):
            findings.add("the lists that are not empty are known", where, excuse)
        hanging += count
    return hanging


# --- all pages, from the first to the last -----------------------------------------------------


class PageWalk:
    def __init__(self, heap, table, findings, excuse):
        self.heap, self.table, self.findings, self.excuse = heap, table, findings, excuse
        pages = heap.bytes >> heap.page_shift
        self.bins = Window(heap.page_bin, pages)
        self.backed = Window(heap.backed, (pages + 63) // 64 * 8)
        self.inuse = self.idle = self.unbacked = self.spans = self.free_ones = 0
        self.large, self.none = heap.image.number("bin_large"), heap.image.number("bin_none")

    def broken(self, rule, where):
        self.findings.add(rule, where, self.excuse)

    def run(self):
        """False: the walk did not come to the end, and sums tell nothing."""
        heap, table = self.heap, self.table
        end, page, last_free = heap.bytes >> heap.page_shift, 0, False
        while page < end:
            number, at = table.number_at(page), heap.base + (page << heap.page_shift)
            if not table.is_sound(number) or table.base[number] != at or not table.pages[number]:
                self.broken("every page of the heap belongs to a span that begins where the last "
                            "ended", "page %d (0x%x) belongs to %s" % (page, at, table.name(number)))
                return False
            pages, is_free = table.pages[number], table.use[number] == heap.FREE
            if table.number_at(page + pages - 1) != number:
                self.broken("a span's last page points at it", table.name(number))
            if is_free and last_free:
                self.broken("free runs that touch are joined", table.name(number))
            self.count(number, page, pages)
            self.look_at_bins(number, page, pages)
            last_free = is_free
            page += pages
        return True

    def count(self, number, page, pages):
        heap, table = self.heap, self.table
        self.spans += 1
        if table.use[number] in (heap.FREE, heap.RELEASING):
            self.free_ones += table.use[number] == heap.FREE
            self.idle += table.bytes(number)
            self.unbacked += pages - self.backed_pages(page, pages) << heap.page_shift
        else:
            self.inuse += table.bytes(number)

    def backed_pages(self, page, pages):
        first, last = page >> 3, page + pages - 1 >> 3
        bits = int.from_bytes(self.backed.get(first, last - first + 1), "little")
        return (bits >> (page & 7) & (1 << pages) - 1).bit_count()

    def look_at_bins(self, number, page, pages):
        heap, table = self.heap, self.table
        expected = {heap.SMALL: table.bin[number], heap.LARGE: self.large}.get(table.use[number],
                                                                            self.none)
        found = self.bins.get(page, pages)
        if found.count(expected) != pages:
            wrong = next(at for at, each in enumerate(found) if each != expected)
            self.broken("every page knows the bin of the span over it",
                        "page %d (0x%x) of %s says %d instead of %d"
                        % (page + wrong, heap.base + (page + wrong << heap.page_shift),
                           table.name(number), found[wrong], expected))

    def compare(self, hanging):
        """The sums with the figures."""
        figures = self.heap.image.variable_view("ml_pageheap_figures", "pageheap.figures")
        for rule, is_so, is_said in (
                ("inuse_bytes is the sum of the spans in use", self.inuse, figures["inuse_bytes"]),
                ("spans in use and free runs make up the heap", self.inuse + self.idle,
                 figures["heap_bytes"]),
                ("released_bytes is what nothing stands behind", self.unbacked,
                 figures["released_bytes"]),
                ("every free run hangs in a list", self.free_ones, hanging),
                ("every descriptor in use has pages", self.spans, figures["spans"])):
            if is_so != is_said:
                self.broken(rule, "it is %d, and %d is what is said" % (is_so, is_said))
