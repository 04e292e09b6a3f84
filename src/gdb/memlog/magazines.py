# SPDX-License-Identifier: MIT
"""The threads' blocks and their magazines: free slots that a thread has for itself
(src/heap/threadcache.h). A slot in one is taken from its span and allocated to nobody.
"""
from collections import namedtuple

import gdb

from memlog import memory
from memlog.image import words

MOST_BLOCKS = 1 << 22
MOST_SLOTS = 1 << 17  # in one magazine: a MiB of the smallest objects has 65536

ALL_BITS = (1 << 64) - 1

# slots: how many; bottom: where their addresses are.
Magazine = namedtuple("Magazine", "bin bottom limit slots mallocs frees held")


class Block:
    """What one thread has, or a thread had that is gone."""

    def __init__(self, view, shape, bins):
        self.address, self.tid = view.address, view["tid"]
        self.inside, self.active, self.own = view["inside"], view["active"], view["own"]
        self.blank = view["blank"]
        self.shard = view["shard"]
        self.shape = shape
        self.magazines = shape.used(view.words(), bins)

    def name(self):
        """As gdb calls the thread, if it is still there."""
        if not self.active:
            return "a thread that has ended"
        number = self.shape.gdb_numbers().get(self.tid or None)
        if number is None:
            return "a thread that gdb does not know"
        return "thread %d (LWP %d)" % (number, self.tid)


class Shape:
    """What is the same for all blocks: where their words are a magazine's."""

    def __init__(self, image):
        layout = image.layout("ml_magazine")
        self.first = image.layout("ml_thread").offset("magazines") // 8
        self.step = layout.size // 8
        self.places = [layout.offset(each) // 8
                       for each in ("top", "bottom", "limit", "mallocs", "frees", "held")]
        self.numbers = None

    def gdb_numbers(self):
        """LWP -> how gdb counts the thread. It takes its time for each of many: asked once."""
        if self.numbers is None:
            self.numbers = {each.ptid[1]: each.num
                            for each in gdb.selected_inferior().threads()}
        return self.numbers

    def used(self, block, bins):
        """The magazines that were ever used."""
        found = []
        for number in range(bins):
            at = self.first + number * self.step
            top, bottom, limit, mallocs, frees, held = (block[at + place] for place in self.places)
            if mallocs or frees or held or top != bottom:
                found.append(Magazine(number, bottom, limit, (top - bottom) // 8, mallocs, frees,
                                      held))
        return found


def blocks(image):
    """Every thread's block."""
    shape, bins = Shape(image), image.number("bins")
    for view in image.walk(image.value("threadcache.list"), "ml_thread", "next",
                           "the list of the threads' blocks", MOST_BLOCKS):
        yield Block(view, shape, bins)


def slots(magazine):
    """The addresses in it; none where what it says can't be."""
    if not 0 < magazine.slots <= MOST_SLOTS:
        return ()
    data = memory.read_or_none(magazine.bottom, 8 * magazine.slots)
    return () if data is None else words(data)


def cached(image):
    """By bin, how many slots wait in magazines."""
    counts = [0] * image.number("bins")
    for block in blocks(image):
        for magazine in block.magazines:
            if 0 < magazine.slots <= MOST_SLOTS:
                counts[magazine.bin] += magazine.slots
    return counts


def holder_of(image, slot, number):
    """The block in whose magazine of that bin the slot waits, or None."""
    for block in blocks(image):
        for magazine in block.magazines:
            if magazine.bin == number and slot in slots(magazine):
                return block
    return None
