# SPDX-License-Identifier: MIT
"""mstat: the statistics."""
import gdb

from memlog import gojson
from memlog.command import Command
from memlog.gonumbers import go_double
from memlog.image import Image
from memlog.names import (BY_SIZE, BYTES, COUNT, EXTRA, FLAG, FRACTION, HISTOGRAM, MEMSTATS, MOMENT,
                          NANOSECONDS, PAUSES, PERCENT, RING)
from memlog.stats import Stats
from memlog.units import limit_text, moment_text, size_text, span_text

RING_SHOWN = 5


class Mstat(Command):
    """Show memlog's statistics: runtime.MemStats as Go has it, of this process or core file.
Usage: mstat [-all] [-json]

  -all    what Go leaves out, too, and BySize: the size classes in use
  -json   as JSON: the bytes that memlog_memstats_json writes; with -all an object of two,
          "memstats" and "memlog"

Sizes are in the unit that "set memlog unit" says. Of the pauses the newest five are shown.
The process stands still, and nothing in it is called. A thread that gdb has stopped in the middle
of an update is named: its counts may be off by one object."""

    name = "mstat"
    usage = "mstat [-all] [-json]"
    words = ("-all", "-json")

    def run(self, words):
        options = self.options(words)
        stats = Stats(Image())
        if "-json" in options:
            write = gojson.all_of_it if "-all" in options else gojson.memstats
            gdb.write(write(stats.numbers) + "\n")
        else:
            gdb.write(text(stats.numbers, "-all" in options))
        # Beside JSON, not in it.
        gdb.write("".join(line + "\n" for line in doubts(stats)),
                  gdb.STDERR if "-json" in options else gdb.STDOUT)


# --- text ---------------------------------------------------------------------------


def text(numbers, with_all):
    fields = [field for field in MEMSTATS + (EXTRA if with_all else ())
              if with_all or field.shape != BY_SIZE]
    return "memlog.MemStats\n" + "".join(
        "%s = %s\n" % (field.name, value_text(field, numbers)) for field in fields)


def value_text(field, numbers):
    value = numbers[field.name]
    if field.shape == RING:
        return ring_text(field, value, numbers["NumGC"])
    if field.shape == BY_SIZE:
        return by_size_text(value)
    if field.shape == HISTOGRAM:
        return histogram_text(value[0])
    return NUMBER_TEXTS[field.unit](value)


NUMBER_TEXTS = {
    BYTES: limit_text,
    COUNT: str,
    NANOSECONDS: lambda value: "%d (%s)" % (value, span_text(value)) if value else "0",
    MOMENT: lambda value: "%d (%s)" % (value, moment_text(value)),
    FRACTION: go_double,
    PERCENT: lambda value: "%d (off)" % value if value < 0 else str(value),
    FLAG: lambda value: "true" if value else "false",
}


def ring_text(field, ring, written):
    """The newest few of the last 256, which would drown the rest."""
    write = moment_text if field.unit == MOMENT else str
    shown = [write(ring[(written - 1 - back) % PAUSES])
             for back in range(min(written, RING_SHOWN))]
    return (", ".join(shown) or "none") + (" (newest first)" if len(shown) > 1 else "")


def by_size_text(rows):
    """Only size classes that were ever used, a line each below the field's."""
    used = [row for row in rows if row[1] != 0]
    lines = ["%d size class%s in use" % (len(used), "" if len(used) == 1 else "es")]
    for size, mallocs, frees in used:
        objects = mallocs - frees
        lines.append("  %d bytes: %d object%s, %s (mallocs %d, frees %d)"
                     % (size, objects, "" if objects == 1 else "s", size_text(objects * size),
                        mallocs, frees))
    return "\n".join(lines)


def histogram_ns(bucket):
    """The longest span of a bucket: as memlog_stats.h says."""
    return (2 + bucket % 2) * 500 << bucket // 2


def bucket_of(counts, percent):
    """In which so many percent of all are reached, counted from the shortest on."""
    wanted, seen = (sum(counts) * percent + 99) // 100, 0
    for bucket, count in enumerate(counts):
        seen += count
        if seen >= wanted:
            return bucket
    return len(counts) - 1


def histogram_text(counts):
    if sum(counts) == 0:
        return "none"
    parts = []
    for percent, name in ((50, "half"), (90, "90 %"), (99, "99 %"), (100, "all")):
        bucket = bucket_of(counts, percent)
        is_last = bucket == len(counts) - 1
        parts.append("%s %s %s" % (name, "over" if is_last else "up to",
                                   span_text(histogram_ns(bucket - 1 if is_last else bucket))))
    return ", ".join(parts)


# --- what may be off ------------------------------------------------------------------


def doubts(stats):
    """A line for each thing that was in the middle of an update, or worse."""
    lines = ["the counters of %s were overwritten: the numbers can't be right" % thread_name(tid)
             for tid in stats.counters.overwritten]
    lines += ["%s was in the middle of an update: its counts may be off by one object"
             % thread_name(tid) for tid in stats.counters.interrupted]
    if stats.pages_are_changing:
        lines.append("the page heap was in the middle of a change: its figures may be of before "
                     "and after")
    if stats.history_is_changing:
        lines.append("the collector was in the middle of booking a collection: its numbers may be "
                     "of before and after")
    return lines


def thread_name(tid):
    """As gdb calls the thread that the kernel calls so."""
    for thread in gdb.selected_inferior().threads():
        if tid != 0 and thread.ptid[1] == tid:
            return "thread %d (LWP %d)" % (thread.num, tid)
    return "a thread that gdb does not know (LWP %d)" % tid


def register():
    Mstat()
