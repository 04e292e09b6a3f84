# SPDX-License-Identifier: MIT
"""The threads that gdb knows: registers, where their stacks and thread-local blocks are, and
which frame an address lies in. x86_64.
"""
import contextlib

import gdb

GENERAL = ("rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12",
           "r13", "r14", "r15")
# What a system with a wider form of them has instead of the narrower one.
VECTORS = (("zmm", 32, "v8_int64", 8), ("ymm", 16, "v4_int64", 4), ("xmm", 16, "v2_int64", 2))
FRAMES_MOST = 64
ALL_BITS = (1 << 64) - 1


@contextlib.contextmanager
def kept_selection():
    """What the user has selected, thread and frame, is selected again afterwards."""
    thread, frame = gdb.selected_thread(), None
    with contextlib.suppress(gdb.error):
        frame = gdb.selected_frame()
    try:
        yield
    finally:
        with contextlib.suppress(gdb.error):
            if thread is not None and thread.is_valid():
                thread.switch()
            if frame is not None and frame.is_valid():
                frame.select()


class Thread:
    """`registers`: name -> number, of all that may hold a pointer."""

    def __init__(self, thread):
        self.thread, self.number = thread, thread.num
        pid, tid, _ = thread.ptid
        self.tid, self.is_first = tid or pid, tid in (0, pid)
        self.name = thread.name
        thread.switch()
        # Once to nowhere: of a core file whose registers it knows in part, gdb warns.
        with contextlib.suppress(gdb.error):
            gdb.execute("info registers rsp", to_string=True)
        frame = gdb.newest_frame()
        self.registers = {name: number_of(frame, name) for name in GENERAL}
        self.registers.update(vectors_of(frame))
        self.stack_pointer = self.registers["rsp"]
        self.pointer = number_of(frame, "fs_base")
        self.frames = None

    def label(self):
        return "thread %d (LWP %d)" % (self.number, self.tid)

    def frame_over(self, address, begin, end):
        """ "frame #2 main", of the frame that the address lies in, on the stack that is [begin, end);
        None where gdb can't tell. To be called within kept_selection."""
        if self.frames is None:
            self.frames = list(self.walk())
        here = [each for each in self.frames if begin <= each[0] < end]
        if not here:
            return None
        # A frame reaches up to where its caller's begins.
        _, text = next((each for each in reversed(here) if each[0] <= address), here[0])
        return text + " or above" if text == here[-1][1] else text

    def walk(self):
        """(where the frame begins, what it is), from the newest up, as far as gdb can unwind."""
        with contextlib.suppress(gdb.error):
            self.thread.switch()
            frame = gdb.newest_frame()
            for level in range(FRAMES_MOST):
                if frame is None:
                    return
                yield number_of(frame, "rsp"), "frame #%d %s" % (level, function_of(frame))
                frame = frame.older()


def function_of(frame):
    return frame.name() or function_at(frame.pc())


def function_at(address):
    """The function's name by gdb's own tables, or its address."""
    name = symbol_at(address)
    return "0x%x" % address if name is None else name.split(" + ")[0]


def symbol_at(address):
    """ "name + 16", or None."""
    try:
        text = gdb.execute("info symbol 0x%x" % address, to_string=True)
    except gdb.error:
        return None
    return None if text.startswith("No symbol") else text.split(" in section ")[0].strip()


def number_of(frame, name):
    try:
        return int(frame.read_register(name)) & ALL_BITS
    except (gdb.error, ValueError):
        return 0


def vectors_of(frame):
    """name -> number of each 64 bits of the vector registers that are not 0."""
    for prefix, count, member, lanes in VECTORS:
        try:
            found = {}
            for each in range(count):
                value = frame.read_register("%s%d" % (prefix, each))[member]
                for lane in range(lanes):
                    found["%s%d[%d]" % (prefix, each, lane)] = int(value[lane]) & ALL_BITS
            return {name: number for name, number in found.items() if number}
        except (gdb.error, ValueError):
            continue
    return {}


def every():
    """All of them, by their numbers. Within kept_selection."""
    return [Thread(each) for each in sorted(gdb.selected_inferior().threads(),
                                            key=lambda each: each.num) if each.is_valid()]
