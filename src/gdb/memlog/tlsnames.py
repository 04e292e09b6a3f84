# SPDX-License-Identifier: MIT
"""Names of thread-local variables. gdb has them by name alone, so that the symbol table of the
object's file is read, or of its file of debug information, where gdb has found that. Without a
file, or with another one than the process was started with, there are no names.
"""
import os
import struct
from collections import namedtuple

import gdb

from memlog.root import ELF_HEADER, ELF_MAGIC, PROGRAM_HEADER

SECTION = struct.Struct("<IIQQQQIIQQ")
SYMBOL = struct.Struct("<IBBHQQ")
SYMBOL_TABLES = 2, 11  # of the linker, of the loader
THREAD_LOCAL = 6       # the lower half of a symbol's info
MOST_BYTES = 1 << 28
FAR = "target:"        # what gdb puts in front of the name where it sees other files than the process

Section = namedtuple("Section", "name kind flags address offset bytes link info align entry")


def name_at(its_object, offset):
    """ "name + 8", of what is so far in the object's block; None where that is not known."""
    if its_object.tls_names is None:
        its_object.tls_names = names_of(its_object)
    for begin, size, name in its_object.tls_names:
        if begin <= offset < begin + max(size, 1):
            return name if begin == offset else "%s + %d" % (name, offset - begin)
    return None


def names_of(its_object):
    """[(offset, bytes, name)]"""
    for path in files_of(its_object.name):
        if not os.path.isfile(path):  # a pipe would be waited for
            continue
        try:
            with open(path, "rb") as file:
                found = symbols_in(file, its_object) if is_same(file, its_object) else []
        except (OSError, ValueError, struct.error):
            continue
        if found:
            return found
    return []


def files_of(name):
    """The object's own file first, which may be stripped; of a container's where that has it."""
    name = name[len(FAR):] if name.startswith(FAR) else name
    own = os.path.realpath(name)
    found = [own, "/proc/%d/root%s" % (gdb.selected_inferior().pid, name)]
    for each in gdb.objfiles():
        owner = getattr(each, "owner", None)
        if owner is not None and os.path.realpath(owner.filename or "") == own:
            found.append(each.filename)
    return found


def read_at(file, offset, count):
    if count > MOST_BYTES:
        raise ValueError("no table is that long")
    file.seek(offset)
    return file.read(count)


def is_same(file, its_object):
    """By what the process has in memory: where everything is, and how large."""
    data = read_at(file, 0, ELF_HEADER.size)
    if not data.startswith(ELF_MAGIC):
        return False
    header = ELF_HEADER.unpack(data)
    place, size, count = header[5], header[9], header[10]
    if size != PROGRAM_HEADER.size:
        return False
    headers = list(PROGRAM_HEADER.iter_unpack(read_at(file, place, size * count)))
    return ([(each[0], each[3], each[6]) for each in headers] ==
            [(each.kind, each.virtual, each.bytes) for each in its_object.segments])


def symbols_in(file, its_object):
    header = ELF_HEADER.unpack(read_at(file, 0, ELF_HEADER.size))
    place, size, count = header[6], header[11], header[12]
    if size != SECTION.size:
        return []
    sections = [Section(*each) for each in SECTION.iter_unpack(read_at(file, place, size * count))]
    for kind in SYMBOL_TABLES:
        for each in sections:
            found = symbols_of(file, sections, each) if each.kind == kind else []
            if found:
                return found
    return []


def symbols_of(file, sections, table):
    if table.entry != SYMBOL.size or table.link >= len(sections):
        return []
    texts = read_at(file, sections[table.link].offset, sections[table.link].bytes)
    symbols = read_at(file, table.offset, table.bytes // SYMBOL.size * SYMBOL.size)
    return [(value, size, texts[name:texts.find(b"\0", name)].decode("utf-8", "replace"))
            for name, info, _, section, value, size in SYMBOL.iter_unpack(symbols)
            if info & 15 == THREAD_LOCAL and section != 0]
