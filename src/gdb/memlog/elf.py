# SPDX-License-Identifier: MIT
"""The program and its libraries as the loader has them in memory: their data segments and their
thread-local blocks. Neither files nor symbols are needed: the headers are mapped, and the loader's
list hangs from an entry in the program's own.
"""
import os

import gdb

from memlog import memory
from memlog.image import words
from memlog.regions import auxiliary
from memlog.root import ELF_HEADER, ELF_MAGIC, PROGRAM_HEADER, PT_LOAD

PT_DYNAMIC, PT_PHDR, PT_TLS, PT_GNU_RELRO = 2, 6, 7, 0x6474e552
DT_NULL, DT_DEBUG = 0, 21
WRITABLE = 2  # PF_W
MOST_OBJECTS = 1 << 16
MOST_HEADERS = 512
LINK_MAP_WORDS = 160  # struct link_map of any glibc has its thread-local facts in front of this
ALL_BITS = (1 << 64) - 1
PAGE = 4096


class Segment:
    def __init__(self, fields, bias):
        self.kind, self.flags, self.offset, virtual, _, self.file_bytes, self.bytes, self.align = fields
        self.virtual = virtual
        self.begin = virtual + bias & ALL_BITS
        self.end = self.begin + self.bytes


class ElfObject:
    """What is loaded: name, where, and what the program headers say."""

    def __init__(self, name, bias, headers, is_program=False):
        self.name, self.bias, self.is_program = name, bias, is_program
        self.segments = [Segment(fields, bias) for fields in headers]
        self.module = self.tls_distance = 0  # see learn_module
        self.tls_bytes = sum(each.bytes for each in self.segments if each.kind == PT_TLS)
        self.tls_names = None  # see tlsnames

    def loaded(self):
        return [each for each in self.segments if each.kind == PT_LOAD]

    def contains(self, address):
        return any(each.begin <= address < each.end for each in self.loaded())

    def is_code(self, address):
        return any(each.begin <= address < each.end and each.flags & 1 for each in self.loaded())

    def writable(self):
        """The data segments, without the pages that the loader made read-only after relocation:
        as src/os/segments_linux.c."""
        for segment in self.loaded():
            if segment.flags & WRITABLE:
                yield from without(segment.begin, segment.end, self.read_only())

    def read_only(self):
        for each in self.segments:
            if each.kind == PT_GNU_RELRO:
                return each.begin // PAGE * PAGE, each.end // PAGE * PAGE
        return 0, 0

    def short_name(self):
        return os.path.basename(self.name) or "the program"

    def learn_module(self, link_map):
        """The number and place of the object's thread-local block: in the loader's struct behind
        four numbers that the program header has, too. The place is how far below each thread
        pointer the block begins, if it lies there."""
        header = next((each for each in self.segments if each.kind == PT_TLS), None)
        if header is None:
            return
        data = memory.read_or_none(link_map, 8 * LINK_MAP_WORDS)
        if data is None:
            return
        facts = list(words(data))
        wanted = [header.begin, header.file_bytes, header.bytes, header.align]
        for at in range(len(facts) - 7):
            if facts[at + 1:at + 4] == wanted[1:] and facts[at] in (wanted[0], 0):
                distance, self.module = facts[at + 5], facts[at + 6]
                self.tls_distance = distance if 0 < distance < 1 << 32 else 0
                return


def without(begin, end, hole):
    """The parts of a range in front of a hole and behind it."""
    hole_begin, hole_end = hole
    if hole_begin >= end or hole_end <= begin:
        return [(begin, end)]
    return [each for each in ((begin, hole_begin), (hole_end, end)) if each[0] < each[1]]


# --- finding them -----------------------------------------------------------------


def loaded_objects():
    """The program first, then the libraries in the loader's order. Objects that can't be read are
    left out."""
    program = the_program()
    if program is None:
        return []
    found = [program]
    for link_map in link_maps(program):
        bias, name_at = words(memory.read(link_map, 16))
        if bias == program.bias:
            program.learn_module(link_map)
            continue
        headers = headers_at(bias)
        if headers is not None:
            found.append(ElfObject(string_at(name_at), bias, headers))
            found[-1].learn_module(link_map)
    if program.tls_bytes and program.module == 0:
        program.module = 1  # always the program's; a static one has no list
    return found


def the_program():
    """By its headers, which the kernel has told where they are."""
    kernel = auxiliary()
    at, count = kernel.get("AT_PHDR", 0), kernel.get("AT_PHNUM", 0)
    if at == 0 or not 0 < count <= MOST_HEADERS:
        return None
    table = memory.read_or_none(at, count * PROGRAM_HEADER.size)
    if table is None:
        return None
    headers = list(PROGRAM_HEADER.iter_unpack(table))
    bias = 0
    for fields in headers:
        if fields[0] == PT_PHDR:
            bias = at - fields[3]
    if all(fields[0] != PT_PHDR for fields in headers):
        bias = bias_without_phdr(at, headers)
    return ElfObject(gdb.current_progspace().filename or "", bias, headers, True)


def bias_without_phdr(at, headers):
    """Static programs: the headers stand in the first segment, at their place in the file."""
    for kind, _, offset, virtual, _, file_bytes, _, _ in headers:
        page = at // PAGE * PAGE
        if kind == PT_LOAD and offset == 0 and at - page < file_bytes:
            return page - virtual
    return 0


def link_maps(program):
    """Addresses of the loader's structs."""
    dynamic = next((each for each in program.segments if each.kind == PT_DYNAMIC), None)
    table = None if dynamic is None else memory.read_or_none(dynamic.begin, dynamic.bytes // 16 * 16)
    debug = 0
    if table is not None:
        entries = words(table)
        debug = next((entries[at + 1] for at in range(0, len(entries), 2)
                      if entries[at] == DT_DEBUG), 0)
    head = memory.read_or_none(debug + 8, 8) if debug else None
    at, seen = 0 if head is None else words(head)[0], set()
    while at != 0 and at not in seen and len(seen) < MOST_OBJECTS:
        seen.add(at)
        data = memory.read_or_none(at, 32)
        if data is None:
            return
        yield at
        at = words(data)[3]


def headers_at(base):
    """The program headers of the object whose first page is mapped there, or None."""
    data = memory.read_or_none(base, ELF_HEADER.size)
    if data is None or not data.startswith(ELF_MAGIC):
        return None
    parts = ELF_HEADER.unpack(data)
    place, size, count = parts[5], parts[9], parts[10]
    if size != PROGRAM_HEADER.size or count > MOST_HEADERS:
        return None
    table = memory.read_or_none(base + place, size * count)
    return None if table is None else list(PROGRAM_HEADER.iter_unpack(table))


def string_at(address, most=4096):
    """Of a C string what can be read of it."""
    found = b""
    while len(found) < most and b"\0" not in found:
        step = 256 - (address + len(found)) % 256  # never beyond what is mapped
        piece = memory.read_or_none(address + len(found), step)
        if piece is None:
            break
        found += piece
    return found.split(b"\0", 1)[0].decode("utf-8", "replace")
