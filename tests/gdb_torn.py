# SPDX-License-Identifier: MIT
"""For gdb in the tests: numbers that do not fit together, written into a process."""
import json
import struct

import gdb

from memlog.counters import Magazine, until_zero
from memlog.image import Image

def write(address, *numbers):
    gdb.selected_inferior().write_memory(address, struct.pack("<%dQ" % len(numbers), *numbers))


def forget_mallocs(image):
    """Of one class: nothing but frees are left. How many those are."""
    magazine, layout = Magazine(image), image.layout("ml_magazine")
    group = image.view("ml_thread_group", image.value("threadgroup.groups"))
    threads = [image.view("ml_thread", at) for at in until_zero(group.u64s("threads"))]
    for number in range(image.number("bins")):
        frees = sum(magazine.of(thread.words(), number)[1] for thread in threads)
        if frees > 2:
            break
    for thread in threads:
        at = thread.at("magazines") + number * layout.size
        write(at + layout.offset("mallocs"), 0)
    return frees


def tear():
    """More frees than mallocs of a class; objects that fill more than the spans; a mark's result
    that was corrected."""
    image = Image()
    print("torn: %d frees" % forget_mallocs(image))
    figures = image.variable("pageheap.figures")[0]
    write(figures + image.layout("ml_pageheap_figures").offset("inuse_bytes"), 0)
    history = image.variable_view("ml_gc_history", "gc.history")
    twice = image.layout("ml_marked_twice")
    for base, objects, size in ((history.at("twice"), 3, 300),
                                (image.variable("taken.marked_twice")[0], 7, 1000)):
        write(base + twice.offset("objects"), objects)
        write(base + twice.offset("bytes"), size)
    write(history.at("live_objects"), 1000)
    write(history.at("live_bytes"), 100)


def compare(found, wanted, before):
    """mstat's answer, memlog core's, and what it was before."""
    with open(found) as file, open(wanted) as other, open(before) as third:
        found, wanted, before = json.load(file), json.load(other), json.load(third)
    for part in ("memstats", "memlog"):
        if list(found[part]) != list(wanted[part]):
            print("FAIL: the names are %s, not %s" % (list(found[part]), list(wanted[part])))
        for name in wanted[part]:
            if found[part].get(name) != wanted[part][name]:
                print("FAIL: %s is %s, not %s" % (name, found[part].get(name), wanted[part][name]))
    if found["memlog"]["LiveObjects"] != 996 or found["memlog"]["LiveBytes"] != 0:
        print("FAIL: %d live objects" % found["memlog"]["LiveObjects"])
    if found["memstats"]["Mallocs"] >= before["Mallocs"]:
        print("FAIL: nothing is torn")
    print("compared: %d numbers" % len(wanted["memstats"]))
