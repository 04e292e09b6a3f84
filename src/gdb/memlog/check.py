# SPDX-License-Identifier: MIT
"""memlog check: every invariant of the heap, as src/heap/audit.c has them, from outside.

The process may have been stopped anywhere, so that what one thread is changing may be halfway.
Every rule is therefore checked with what would excuse that it does not hold: the lock that guards
it is held, or a thread is inside the heap's slow paths.
"""
import gdb

from memlog import checkbins, checkpages, checkthreads, heap
from memlog.arguments import HeapCommand
from memlog.errors import Error, Unreadable
from memlog.image import Image
from memlog.spantable import SpanTable
from memlog.tables import plural


class Check(HeapCommand):
    """Check every invariant of memlog's heap: lists, tables, bits, state bytes, counters.
Usage: memlog check [-limit N]

  -limit N  for how many places each broken rule is shown (5)

Each rule that is broken is named, with where it is: something has written over memlog's memory,
or memlog has a fault. What a thread explains that was stopped in the middle of an update is told
apart from that, with the reason, and is no fault. Takes a few seconds for a GiB of small objects.
The command fails where a rule is broken."""

    name = "memlog check"
    usage = "memlog check [-limit N]"
    numbers = {"-limit": 5}

    def look(self, text, flags, numbers):
        image = Image()
        the_heap = heap.require(image)
        findings = Findings(numbers["-limit"])
        state = checkthreads.Updates(the_heap)
        table = SpanTable(the_heap)
        census = checkbins.Census(the_heap)
        for part in (checkpages, checkbins, checkthreads):
            try:
                part.check(the_heap, table, census, state, findings)
            except Unreadable as error:
                findings.add("what memlog's lists and tables lead to is there", str(error))
        for line in state.lines():
            gdb.write(line + "\n")
        findings.write()
        if findings.broken:
            raise Error("%s of the heap %s broken: memlog's memory is overwritten, or memlog has a "
                        "fault" % (plural(len(findings.broken), "rule"),
                                   "is" if len(findings.broken) == 1 else "are"))
        gdb.write("the heap is in order%s: %s, %s\n"
                  % (" but for that" if findings.excused else "",
                     plural(table.used, "span") + " in use", plural(census.objects, "object")))


class Findings:
    """Rules that do not hold, and where."""

    def __init__(self, limit):
        self.limit = limit
        self.broken, self.excused = {}, {}

    def add(self, rule, where, excuse=None):
        """excuse: what explains it; None: nothing does."""
        places = (self.broken if excuse is None else self.excused).setdefault(rule, [0, []])
        places[0] += 1
        if len(places[1]) < self.limit:
            places[1].append(where if excuse is None else "%s (%s)" % (where, excuse))

    def write(self):
        for title, found in (("halfway", self.excused), ("broken", self.broken)):
            for rule, (count, places) in found.items():
                gdb.write("%s: %s\n" % (title, rule))
                for each in places:
                    gdb.write("  %s\n" % each)
                if count > len(places):
                    gdb.write("  and in %d more places\n" % (count - len(places)))


def register():
    Check()
