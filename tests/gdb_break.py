# SPDX-License-Identifier: MIT
"""For tests in gdb: overwrite a piece of memlog's memory, see what "memlog check" says of it, and
put it back.

    python red(place, value, "rule", "where")

A place is (address, bytes). What does not come out as it should begins with FAIL.
"""
import random

import gdb

from memlog.heap import Heap
from memlog.image import Image


def said_by(command):
    """All that it says, and the error that it ends with or None."""
    said, write, error = [], gdb.write, None
    gdb.write = lambda text, *_: said.append(text)
    try:
        gdb.execute(command)
    except gdb.error as raised:
        error = str(raised)
    finally:
        gdb.write = write
    return "".join(said), error


def check():
    """All that "memlog check" says, and whether it fails."""
    said, error = said_by("memlog check")
    return said + (error or ""), error is not None


def read(place):
    address, size = place
    return int.from_bytes(Image().read(address, size), "little")


def write(place, value):
    address, size = place
    gdb.selected_inferior().write_memory(address, (value % (1 << 8 * size)).to_bytes(size, "little"))


def red(place, value, rule, where=""):
    """value: a number, or a function of what is there."""
    before = read(place)
    write(place, value(before) if callable(value) else value)
    said, failed = check()
    write(place, before)
    wanted = "broken: %s\n" % rule
    if not failed or wanted not in said or where not in said[said.find(wanted):]:
        print("FAIL: it does not say \"%s\", \"%s\" but: %s" % (rule, where, said))


def halfway(place, value, rule):
    """The same of what is no fault: a thread may have been stopped there."""
    before = read(place)
    write(place, value(before) if callable(value) else value)
    said, failed = check()
    write(place, before)
    if failed or "halfway: %s\n" % rule not in said or "in order but for that" not in said:
        print("FAIL: \"%s\" is no fault then, but: %s" % (rule, said))


def excused(place, value, rule, busy, busy_value):
    """While something else says that a thread is at it."""
    idle = read(busy)
    write(busy, busy_value)
    halfway(place, value, rule)
    write(busy, idle)


def green():
    said, failed = check()
    if failed or "the heap is in order: " not in said:
        print("FAIL: the heap is in order, but: %s" % said)


# --- places -----------------------------------------------------------------------------


def variable(name, offset=0, size=None):
    address, all_bytes = Image().variable(name)
    return address + offset, size or all_bytes


def member(struct, name, base):
    offset, size = Image().layout(struct).place(name)
    return base + offset, size


def state(address):
    heap = Heap(Image())
    return heap.state + (address - heap.base >> heap.granule_shift), 1


def descriptor(address, name):
    """A member of the span over an address."""
    heap = Heap(Image())
    number = heap.span_over(address).number
    return member("ml_span", name, heap.spans + number * heap.layout.size)


def page(address, table, size):
    """Its entry in a table of pages."""
    heap = Heap(Image())
    return getattr(heap, table) + size * (address - heap.base >> heap.page_shift), size


def bin_list(address, which, name):
    """A member of one of the lists of the bin whose span is over an address."""
    image = Image()
    span = Heap(image).span_over(address)
    layout = image.layout("ml_bin")
    at = image.variable("central.bins")[0]
    at += (span.shard * image.number("bins") + span.bin) * layout.size + layout.offset(which)
    return member("ml_span_list", name, at)


def magazine(address, name):
    """A member of the first thread's magazine that holds slots of an object's bin."""
    image = Image()
    number = Heap(image).span_over(address).bin
    layout, first = image.layout("ml_magazine"), image.layout("ml_thread").offset("magazines")
    for block in image.walk(image.value("threadcache.list"), "ml_thread", "next", "blocks"):
        at = block.address + first + number * layout.size
        view = image.view("ml_magazine", at)
        if view["top"] != view["bottom"]:
            return member("ml_magazine", name, at)
    raise ValueError("no magazine")


def block(address, name):
    """A member of the block that such a magazine is in."""
    image = Image()
    at = magazine(address, "top")[0]
    size = image.layout("ml_thread").size
    first = next(each.address for each in image.walk(image.value("threadcache.list"), "ml_thread",
                                                     "next", "blocks") if 0 <= at - each.address < size)
    return member("ml_thread", name, first)


def free_list(name):
    """A member of the first free list that is not empty."""
    image = Image()
    layout, (at, size) = image.layout("ml_span_list"), image.variable("freeruns.lists")
    for each in range(at, at + size, layout.size):
        if image.view("ml_span_list", each)["first"]:
            return member("ml_span_list", name, each)
    raise ValueError("no free run")


# --- wherever it is stopped -----------------------------------------------------------------


def step_through(until, most_checks):
    """From here to that function, where there is a breakpoint, by a few instructions at a time, and a
    check each time."""
    random.seed(7)
    checks = halfway = 0
    while gdb.newest_frame().name() != until and checks < most_checks:
        gdb.execute("stepi %d" % random.randint(1, 90), to_string=True)
        if "clock_gettime" in (gdb.newest_frame().name() or ""):
            gdb.execute("finish", to_string=True) # it tries anew where it was interrupted
        said, failed = check()
        checks += 1
        if "halfway" in said or "in the middle of" in said:
            halfway += 1
            if halfway == 5:
                gdb.execute("generate-core-file halfway.core", to_string=True)
        if failed:
            print("FAIL: stopped at %s: %s"
                  % (gdb.execute("bt 8", to_string=True), said))
            return
    print("%d checks, %d halfway" % (checks, halfway))


def attach_often(pid, times):
    for _ in range(times):
        gdb.execute("attach %d" % pid, to_string=True)
        said, failed = check()
        if failed:
            print("FAIL: in a storm: %s" % said)
        for command in ("memlog spans", "memlog top", "mstat"):
            said, error = said_by(command)
            if error:
                print("FAIL: %s: %s" % (command, error))
        gdb.execute("detach", to_string=True)


# --- whatever memory holds ------------------------------------------------------------------


def garble(count, seed, places, commands):
    """Random numbers in random places; the commands come to an end, with a line or without."""
    random.seed(seed)
    for _ in range(count):
        address, size = random.choice(places)
        width = random.choice((1, 2, 4, 8))
        place = address + random.randrange(max(size - width, 0) // width + 1) * width, width
        before, value = read(place), random.choice((0, 1, 255, 1 << 16, random.getrandbits(64),
                                                    (1 << 64) - 1, (1 << 47) + 8))
        write(place, value)
        for command in commands:
            _, error = said_by(command)
            if error and "Error occurred in Python" in error:
                print("FAIL: %d at 0x%x (%d): %s: %s" % (value, place[0], width, command, error))
        write(place, before)


def tables():
    """All variables that are published, the descriptors, and the tables of pages."""
    image = Image()
    heap = Heap(image)
    pages = heap.bytes >> heap.page_shift
    found = [place for name, place in image.names.items()
             if "." in name and place[1] and name.split(".")[0] not in image.names
             and not name.startswith("number.")]
    return found + 20 * [(heap.spans, heap.count * heap.layout.size), (heap.page_span, 4 * pages),
                         (heap.page_bin, pages), (heap.state, heap.bytes >> heap.granule_shift)]
