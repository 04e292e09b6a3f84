# SPDX-License-Identifier: MIT
"""memlog's memory for itself: its tables, and of its structs those that can be found."""
import contextlib

from memlog import magazines
from memlog.cover import Cover, Range
from memlog.errors import Error

LISTS = (("ml_thread_group", "threadgroup.groups", "the table of the threads"),
         ("ml_mutator", "mutator.mutators", "what the collector knows of a thread"),
         ("record", "interpose.records", "what it knows of a started thread"),
         ("ml_bucket", "profile.newest", "a stack of the profile"))


class OwnMemory:
    """`over` says what an address is in, or None. Looked up once, when it is first asked for."""

    def __init__(self, heap):
        self.heap, self.image, self.found = heap, heap.image, None

    def over(self, address):
        if self.heap.state <= address < self.heap.base:
            return "its tables of the heap"
        if self.found is None:
            self.found = Cover()
            with contextlib.suppress(Error):
                for begin, end, text in self.ranges():
                    self.found.add(Range(begin, end, "own", text))
        place = self.found.over(address)
        return None if place is None else place.text

    def ranges(self):
        """(begin, end, what it is)"""
        image = self.image
        size = image.layout("ml_thread").size
        for block in magazines.blocks(image):
            owner = block.name()
            yield block.address, block.address + size, "what it keeps for %s" % owner
            for magazine in block.magazines:
                yield magazine.bottom, magazine.limit, "a magazine of %s" % owner
        for name, variable, what in LISTS:
            for view in image.walk(image.value(variable), name, "next", "a list of memlog's"):
                yield view.address, view.address + len(view.data), what
