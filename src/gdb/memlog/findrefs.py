# SPDX-License-Identifier: MIT
"""memlog find-refs: who holds a pointer to an object, and why it is alive."""
import gdb

from memlog import heap, memory
from memlog.arguments import HeapCommand, address_of
from memlog.chain import Chain
from memlog.errors import Error
from memlog.holders import Finder
from memlog.image import Image
from memlog.rootset import RootSet
from memlog.tables import plural
from memlog.threads import kept_selection
from memlog.whereis import object_line, object_text, watch_lines

# Bytes of other memory that are looked at unasked: some seconds' worth.
OTHER_MOST, OTHER_MOST_FAR = 8 << 30, 16 << 20


class FindRefs(HeapCommand):
    """Show who holds a pointer to an object of memlog's heap, and why it is alive.
Usage: memlog find-refs [-all] [-depth N] [-limit N] ADDRESS

ADDRESS is any expression that comes to an address in the object. A word counts that points to the
object's beginning or into it; on stacks and in registers also one that points right behind it, as
for the collector. Looked at are

  roots    registers, stacks, thread-local storage, pthread_setspecific values, data of the program
           and its libraries, added root ranges, arguments and results of threads, data of
           finalizers
  objects  all that are allocated and may hold pointers

Then the way is shown that leads from a root to it, found from the object upwards. An object that
is uncollectable lives until it is freed, and is a root for those that are collected.

  -all      list what keeps nothing alive, too: words in other memory and in memlog's own, in
            objects without pointers, and of threads that the collector does not know
  -depth N  how many objects the way may lead through (16)
  -limit N  how many of each are listed (50)

It reads the whole heap, once for each step of the way: a second or two for a GiB, and minutes where
it comes from gdbserver ("gcore" there, and memlog core, are faster). Ctrl-C ends it."""

    name = "memlog find-refs"
    usage = "memlog find-refs [-all] [-depth N] [-limit N] ADDRESS"
    words = ("-all",)
    numbers = {"-depth": 16, "-limit": 50}
    wants = "an address"

    def look(self, text, flags, numbers):
        address = address_of(text)
        the_heap = heap.require(Image())
        thing = the_heap.object_over(address)
        if thing is None:
            raise Error("0x%x is in no object of memlog's heap; \"memlog whereis\" tells what it is "
                        "in" % address)
        with kept_selection():
            finder = Finder(the_heap, RootSet(the_heap.image, the_heap))
            Report(finder, thing, "-all" in flags, numbers).write(address)


class Listing:
    """Hits of one sort: the first few are kept, all are counted."""

    def __init__(self, limit):
        self.limit, self.kept, self.count = limit, [], 0

    def add(self, hit):
        self.count += 1
        if len(self.kept) < self.limit:
            self.kept.append(hit)

    def write(self, title, line_of):
        if not self.count:
            return
        gdb.write(title + ":\n")
        for hit in self.kept:
            gdb.write("  %s\n" % line_of(hit))
        if self.count > len(self.kept):
            gdb.write("  and %d more (-limit)\n" % (self.count - len(self.kept)))


class Report:
    def __init__(self, finder, thing, with_all, numbers):
        self.finder, self.heap, self.roots = finder, finder.heap, finder.roots
        self.thing, self.with_all, self.numbers = thing, with_all, numbers
        self.listings = {each: Listing(numbers["-limit"])
                         for each in ("roots", "objects", "noscan", "no roots")}
        self.chain = Chain(finder, thing, numbers["-depth"])

    def write(self, address):
        state = self.heap.states.at(self.thing.address)
        lines = [object_line(self.heap, self.thing, address)]
        lines += watch_lines(self.heap.image, self.thing, state)
        gdb.write("".join(each + "\n" for each in lines))
        self.search()
        self.write_listings()
        if state == 0:
            gdb.write("it is not allocated: nothing keeps it, and what points to it is out of date\n")
        else:
            self.write_chain()
        self.write_doubts()

    def search(self):
        target = [(self.thing.address, self.thing.address + self.thing.bytes)]
        for hit in self.finder.in_roots(target):
            self.listings["roots" if hit.place.is_root else "no roots"].add(hit)
            self.chain.see(hit)
        for hit in self.finder.in_heap(target, self.with_all):
            is_noscan = hit.holder.span.kind == self.heap.NOSCAN
            self.listings["noscan" if is_noscan else "objects"].add(hit)
            if not is_noscan:
                self.chain.see(hit)
        self.free_words, self.left_out = self.finder.free_words, 0
        other = list(self.roots.other())
        self.left_out = sum(each.end - each.begin for each in other)
        if self.with_all or self.left_out <= (OTHER_MOST_FAR if memory.is_far() else OTHER_MOST):
            self.left_out = 0
            for hit in self.finder.in_ranges(target, other):
                if self.with_all or self.roots.own.over(hit.address) is None:
                    self.listings["no roots"].add(hit)
        self.unread = self.finder.reader.unread  # of one look at everything

    # --- what is written ---

    def write_listings(self):
        listings = self.listings
        if not listings["roots"].count and not listings["objects"].count:
            gdb.write("no root and no object holds a pointer to it\n")
        listings["roots"].write("roots that hold a pointer to it", self.line_of)
        listings["objects"].write("objects that hold a pointer to it", self.line_of)
        if self.with_all:
            listings["noscan"].write("objects without pointers that hold its address", self.line_of)
            listings["no roots"].write("other words that point to it and keep nothing alive",
                                       self.line_of)
        elif listings["no roots"].count:
            gdb.write("%s it and %s alive (-all lists them)\n"
                      % (plural(listings["no roots"].count, "other word points to",
                                "other words point to"),
                         "keeps nothing" if listings["no roots"].count == 1 else "keep nothing"))
        if self.free_words:
            gdb.write("%s to it\n" % plural(self.free_words, "word in free slots points",
                                            "words in free slots point"))

    def line_of(self, hit):
        into = hit.word - self.thing.address
        into = "" if into == 0 else " (to its end)" if into == self.thing.bytes else " (to + %d)" % into
        if hit.holder is not None:
            itself = " itself" if hit.holder.address == self.thing.address else ""
            return "0x%x%s, %s: at + %d%s" % (hit.holder.address, itself,
                                             object_text(self.heap, hit.holder),
                                             hit.address - hit.holder.address, into)
        return place_text(hit) + into

    def write_chain(self):
        links = self.chain.find()
        if self.thing.span.kind == self.heap.UNCOLLECTABLE:
            gdb.write("it is uncollectable and lives until it is freed\n")
        if links is None:
            gdb.write(self.chain.failure() + "\n")
            return
        gdb.write("the way from a root to it:\n")
        for rank, hit in enumerate(links):
            gdb.write("  %s%s\n" % ("-> " if rank else "", self.link_text(hit)))
        gdb.write("  -> 0x%x, the object itself\n" % self.thing.address)

    def link_text(self, hit):
        if hit.holder is None:
            return place_text(hit)
        return "0x%x, %s: at + %d" % (hit.holder.address, object_text(self.heap, hit.holder),
                                     hit.address - hit.holder.address)

    def write_doubts(self):
        if self.left_out:
            gdb.write("%d bytes of other memory, which keeps nothing alive, were not looked at "
                      "(-all)\n" % self.left_out)
        if self.unread:
            gdb.write("%d bytes could not be read and were left out\n" % self.unread)
        if self.finder.index.flawed:
            gdb.write("%s of spans can't be true and were left out (memlog check)\n"
                      % plural(self.finder.index.flawed, "descriptor"))
        for each in self.roots.doubts:
            gdb.write("not all was looked at: %s\n" % each)
        if not self.roots.objects:
            gdb.write("the program's segments were not found, and no data was looked at\n")


def place_text(hit):
    """Where a word is that is in no object."""
    text = hit.place.text(hit.address)
    return text if hit.address is None else "%s (at 0x%x)" % (text, hit.address)


def register():
    FindRefs()
