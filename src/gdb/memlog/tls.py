# SPDX-License-Identifier: MIT
"""Threads' data of their own: thread-local blocks and the tables of pthread_setspecific values,
as src/os/tls_linux.c finds them, but from outside: without the loader's and the C library's help.

    thread pointer -> +0 itself
                      +8 the table (DTV): [-1] its length, [n] the block of the n-th object
"""
import gdb

from memlog import memory, tlsnames
from memlog.cover import Range
from memlog.image import words

MOST_TABLE_ENTRIES = 1 << 20
NOT_ALLOCATED = (1 << 64) - 1
SURPLUS_BYTES = 1664  # kept beside the blocks for libraries that are loaded later
VALUE_BYTES = 16      # a serial number, and the value
DESCRIPTOR_WORDS = 320
PAGE = 4096


def blocks(thread, pointer, objects, is_root):
    """Every thread-local block of a thread."""
    whose = thread.label()
    for each in objects:
        if each.tls_distance:
            yield block(pointer - each.tls_distance, each, whose, is_root)
    for each in objects:
        begin = dynamic_block(pointer, each.module)
        if begin is not None and each.tls_bytes:
            yield block(begin, each, whose, is_root)


def surplus(thread, pointer, objects, is_root):
    """What may have blocks that are in no table. A thread but the first has it on the end of its
    stack: that is to be known before."""
    end = pointer - max((each.tls_distance for each in objects), default=0)
    begin = end - SURPLUS_BYTES
    if memory.read_or_none(begin, 1) is None:
        begin = min((begin // PAGE + 1) * PAGE, end)
    return Range(begin, end, "thread-local",
                 lambda address: "thread-local storage of %s, kept for libraries that come later"
                 % thread.label(), is_root)


def block(begin, its_object, whose, is_root):
    name = its_object.short_name()
    return Range(begin, begin + its_object.tls_bytes, "thread-local",
                 lambda address: "thread-local storage of %s: %s, %s"
                 % (whose, name, tlsnames.name_at(its_object, address - begin)
                    or "+ %d" % (address - begin)), is_root)


def dynamic_block(pointer, module):
    """Where the thread's table has the block of an object, or None."""
    table_at = memory.read_or_none(pointer + 8, 8)
    table = 0 if table_at is None else words(table_at)[0]
    length = memory.read_or_none(table - 16, 8) if table > 16 and module else None
    if length is None or not module <= words(length)[0] <= MOST_TABLE_ENTRIES:
        return None
    entry = memory.read_or_none(table + 16 * module, 8)
    begin = 0 if entry is None else words(entry)[0]
    return begin if begin not in (0, NOT_ALLOCATED) else None


# --- pthread_setspecific --------------------------------------------------------------


class Specific:
    """Where a thread's descriptor, which begins at the thread pointer, has the tables' addresses."""

    def __init__(self, image):
        self.offset = None
        self.tables, self.table_bytes = 32, 512
        field = image.value("tls.specific_tables")
        if field:
            self.learn(image.view("field", field), image.value("tls.specific_table_bytes"))
        else:
            self.ask_gdb()

    def learn(self, field, table_bytes):
        self.offset, self.table_bytes = field["offset"], table_bytes
        self.tables = field["bits"] * field["count"] // 64

    def ask_gdb(self):
        """The C library tells debuggers. Where it can't be asked, `find` knows it by its looks."""
        try:
            bits, count, offset = (int(gdb.parse_and_eval(
                "((unsigned int *) &_thread_db_pthread_specific)[%d]" % at)) for at in range(3))
            table_bytes = int(gdb.parse_and_eval(
                "*(unsigned int *) &_thread_db_sizeof_pthread_key_data_level2"))
        except gdb.error:
            return
        if bits * count // 64 <= 1024 and table_bytes <= 1 << 16:
            self.offset, self.tables, self.table_bytes = offset, bits * count // 64, table_bytes

    def find(self, pointer):
        """The first table is in the descriptor itself, right in front of the addresses, of which
        the first is its own."""
        data = memory.read_or_none(pointer, 8 * DESCRIPTOR_WORDS)
        descriptor = () if data is None else words(data)
        for at in range(self.table_bytes // 8, len(descriptor)):
            if descriptor[at] == pointer + 8 * at - self.table_bytes:
                return 8 * at
        return None

    def ranges(self, thread, pointer, is_root):
        offset = self.find(pointer) if self.offset is None else self.offset
        data = None if offset is None else memory.read_or_none(pointer + offset, 8 * self.tables)
        for at, begin in enumerate(() if data is None else words(data)):
            if begin and memory.read_or_none(begin, self.table_bytes) is not None:
                yield Range(begin, begin + self.table_bytes, "thread-specific",
                            self.teller(thread, at, begin), is_root)

    def teller(self, thread, at, begin):
        first = at * (self.table_bytes // VALUE_BYTES)
        return lambda address: ("pthread_setspecific value of %s, key %d"
                                % (thread.label(), first + (address - begin) // VALUE_BYTES))
