# SPDX-License-Identifier: MIT
"""For gdb in the tests: memlog's memory is overwritten in many ways, and whatever a command makes of
that is numbers or one clear line.

The program stands while this runs, and everything is put back.
"""
import contextlib
import random
import struct
import sys
import time

import gdb

from memlog import root
from memlog.image import Image

COMMANDS = ("mstat", "mstat -json", "mstat -all", "mstat -all -json")
NOWHERE = (1, 8, 0x1000, 0x7ffffffff000, 0xdead000000000000, (1 << 64) - 8)
SECONDS = 20


def fail(text):
    print("FAIL: " + text)


def write(address, data):
    gdb.selected_inferior().write_memory(address, data)


@contextlib.contextmanager
def overwritten(address, data):
    before = bytes(gdb.selected_inferior().read_memory(address, len(data)))
    write(address, data)
    try:
        yield
    finally:
        write(address, before)


def answer(command):
    """What it says, or the error's line."""
    began = time.monotonic()
    try:
        said = gdb.execute(command, to_string=True)
        is_error = False
    except gdb.error as error:
        said, is_error = str(error), True
    if time.monotonic() - began > SECONDS:
        fail("%s took %.0f s" % (command, time.monotonic() - began))
    if is_error and (not said.startswith("memlog: ") or "\n" in said or len(said) > 400):
        fail("%s ends with %r" % (command, said))
    if "Traceback" in said:
        fail("%s: a traceback: %s" % (command, said))
    return said, is_error


def expect(what, address, data, words):
    """All commands say the words in their error; None: that they end well."""
    with overwritten(address, data):
        for command in COMMANDS:
            said, is_error = answer(command)
            if is_error != (words is not None) or (words or "") not in said:
                fail("%s: %s says %r" % (what, command, said[:300]))


def u64(value):
    return struct.pack("<Q", value % (1 << 64))


def check_root():
    address = root.find()
    _, _, _, _, begin, end = root.ROOT.unpack(
        bytes(gdb.selected_inferior().read_memory(address, root.ROOT.size)))
    expect("the magic", address, b"elsewise", "should be memlog's root")
    expect("a later version", address + 8, struct.pack("<I", 2), "version 2 (40 bytes)")
    expect("another size", address + 12, struct.pack("<I", 48), "version 1 (48 bytes)")
    first, last = address + 24, address + 32
    for at in NOWHERE[:-1]:
        expect("no table", first, u64(at) + u64(at + 6400), "can't be read")
    expect("the table's end", last, u64(begin - 64), "can't be: it is overwritten")
    expect("the table's end", last, u64(end + 8), "can't be: it is overwritten")
    expect("a long table", last, u64(begin + (64 << 20)), "can't be: it is overwritten")
    expect("not begun", first, u64(0) + u64(0), "only just been started")
    expect("a name", begin, b"\xff" * 48, "what is no name")
    expect("an empty name", begin, b"\0" * 48, "what is no name")
    return begin, end


def entry_of(begin, end, name):
    table = bytes(gdb.selected_inferior().read_memory(begin, end - begin))
    return begin + table.index(name.encode("ascii") + b"\0") // 64 * 64


def check_entries(begin, end):
    for name in ("ml_thread.inside", "ml_thread", "gc.history", "number.bins"):
        at = entry_of(begin, end, name)
        expect("no " + name, at, b"another.name".ljust(48, b"\0"), "older or newer than the extension")
    expect("classes", entry_of(begin, end, "number.classes") + 48, u64(1 << 40), "overwritten")
    expect("bins", entry_of(begin, end, "number.bins") + 48, u64(1 << 19), "makes no sense")
    expect("a place", entry_of(begin, end, "ml_thread.inside") + 48, u64(1 << 30), "outside of")
    expect("a struct", entry_of(begin, end, "ml_thread") + 56, u64(1 << 29), "overwritten")
    expect("a number", entry_of(begin, end, "limit.bytes") + 56, u64(1 << 29), "overwritten")


def regions(image):
    """(address, bytes) of what statistics are read from."""
    groups = list(image.walk(image.value("threadgroup.groups"), "ml_thread_group", "next", ""))
    threads = [(thread, image.layout("ml_thread").size)
               for group in groups for thread in group.u64s("threads") if thread]
    table = image.names
    return groups, threads, [table[name] for name in (
        "pageheap.figures", "gc.history", "sizeclass.classes", "metadata.sys", "pacer.pace",
        "finalize.counts", "taken.marked_twice", "limit.bytes", "spanmap.map")]


def check_blocks(image, groups, threads, variables):
    list_at = image.variable("threadgroup.groups")[0]
    group = groups[0]
    for at in NOWHERE:
        expect("the list's head", list_at, u64(at), "can't be read")
        expect("the list's next", group.at("next"), u64(at), "can't be read")
        expect("a thread", group.at("threads"), u64(at), "can't be read")
    expect("a loop", group.at("next"), u64(group.address), "a list without an end")
    for address, size in threads + variables:
        expect("ones", address, b"\xff" * size, None)
        expect("zeros", address, b"\0" * size, None)
    for address, size in threads:
        with overwritten(address, b"\xff" * size):
            if "were overwritten: the numbers can't be right" not in answer("mstat")[0]:
                fail("ones in a thread's counters go unnoticed")
    expect("the group's bits", group.at("users"), b"\xff" * len(group.raw("users")), None)


def check_random(places, times):
    """Anything anywhere."""
    chance = random.Random(20261121)
    for _ in range(times):
        address, size = chance.choice(places)
        length = min(size, chance.choice((1, 2, 8, 64, 512)))
        at = address + chance.randrange(size - length + 1)
        at -= at % 8 if chance.random() < 0.7 and at - at % 8 >= address else 0
        data = chance.choice((chance.randbytes(length), b"\xff" * length, b"\0" * length,
                              (u64(chance.choice(NOWHERE)) * 64)[:length],
                              (u64(chance.choice(places)[0]) * 64)[:length]))
        with overwritten(at, data):
            for command in COMMANDS:
                answer(command)


def check(times):
    before = answer("mstat -json")
    begin, end = check_root()
    check_entries(begin, end)
    image = Image()
    groups, threads, variables = regions(image)
    check_blocks(image, groups, threads, variables)
    places = [(root.find(), root.ROOT.size), (begin, end - begin)] + threads + variables
    places += [(group.address, len(group.data)) for group in groups]
    check_random(places, times)
    if answer("mstat -json") != before or before[1]:
        fail("what was put back is not the same")
    print("overwritten: %d threads, %d times at random" % (len(threads), times))
    sys.stdout.flush()
