# SPDX-License-Identifier: MIT
"""Where reading begins: the address of memlog_root.

Every object with memlog in it has an ELF note that says how far behind it the root is. Headers
and notes are in the first page of the mapped file, which core files hold, too: so neither the
symbols nor the files are needed. Where gdb does not know the mappings, as for some remote
targets, the symbol helps.
"""
import struct

import gdb

from memlog import mappings, memory
from memlog.errors import Error

ELF_MAGIC = b"\x7fELF\x02\x01"  # 64 bits, the low byte first
ELF_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
PROGRAM_HEADER = struct.Struct("<IIQQQQQQ")
NOTE_HEADER = struct.Struct("<III")
PT_LOAD, PT_NOTE = 1, 4
MOST_NOTE_BYTES = 1 << 16

OWNER, NOTE_TYPE = b"memlog\0", 1


def find():
    """The root's address."""
    memory.require_process()
    found, unread = in_mappings()
    if found is None:
        found = by_symbol()
    if found is None:
        raise Error(absence(unread))
    return found


def absence(unread):
    if unread:
        return ("no memlog was found, but the headers of %d mapped files can't be read, %s among "
                "them: the core file may be cut, or written without them"
                % (len(unread), unread[0]))
    return ("there is no memlog in this process: it is not linked with libmemlog and was not "
            "started by \"memlog run\", or its libraries are not loaded yet")


def by_symbol():
    try:
        return int(gdb.parse_and_eval("(unsigned long) &memlog_root"))
    except gdb.error:
        return None


def in_mappings():
    """The root by the note of the preload library, which has the heap where there are several,
    else of the first object with one; or None. And the files that can't be read."""
    best, best_rank, unread = None, None, []
    for mapping in mappings.files():
        if mapping.offset != 0 or mapping.file.startswith("/dev/"):
            continue
        header = memory.read_or_none(mapping.begin, ELF_HEADER.size)
        if header is None or not any(header):  # what a core file lacks may read as zeros
            unread.append(mapping.file)
            continue
        root = in_object(mapping.begin, header)
        if root is None:
            continue
        rank = rank_of(root, mapping.file_name().startswith("libmemlog-preload"))
        if best is None or rank > best_rank:
            best, best_rank = root, rank
    return best, unread


def rank_of(address, is_preload):
    """A file may also be mapped to be read, as profilers do: its note leads to something else, or to
    what the loader has not gone over, so that the table is not beside it."""
    data = memory.read_or_none(address, ROOT.size)
    magic, _, _, _, begin, _ = (b"",) * 6 if data is None else ROOT.unpack(data)
    return magic == MAGIC, magic == MAGIC and abs(begin - address) < MOST_OBJECT_BYTES, is_preload


def in_object(begin, header):
    """The root by the note of the object that is mapped there; None: it has no such note."""
    if not header.startswith(ELF_MAGIC):
        return None
    parts = ELF_HEADER.unpack(header)
    place, entry_bytes, count = parts[5], parts[9], parts[10]
    if entry_bytes != PROGRAM_HEADER.size:
        return None
    table = memory.read_or_none(begin + place, entry_bytes * count)
    if table is None:
        return None
    segments = list(PROGRAM_HEADER.iter_unpack(table))
    loaded = [virtual for kind, _, offset, virtual, *_ in segments
              if kind == PT_LOAD and offset == 0]
    if not loaded:
        return None
    for kind, _, _, virtual, _, file_bytes, _, align in segments:
        if kind == PT_NOTE:
            root = in_notes(begin - loaded[0] + virtual, min(file_bytes, MOST_NOTE_BYTES), align)
            if root is not None:
                return root
    return None


def in_notes(address, count, align):
    notes = memory.read_or_none(address % (1 << 64), count)
    align = 8 if align == 8 else 4
    at = 0
    while notes is not None and at + NOTE_HEADER.size <= len(notes):
        owner_bytes, content_bytes, kind = NOTE_HEADER.unpack_from(notes, at)
        owner = at + NOTE_HEADER.size
        content = rounded(owner + owner_bytes, align)
        if (notes[owner:owner + owner_bytes] == OWNER and kind == NOTE_TYPE
                and content_bytes == 8 and content + 8 <= len(notes)):
            distance, = struct.unpack_from("<q", notes, content)
            return (address + content + distance) % (1 << 64)
        at = rounded(content + content_bytes, align)
    return None


def rounded(number, align):
    return (number + align - 1) // align * align


# --- the root itself --------------------------------------------------------------

ROOT = struct.Struct("<8sIIQQQ")
MAGIC, VERSION = b"memlog\x01\0", 1
ENTRY = struct.Struct("<48sQQ")
MOST_ENTRIES = 10000
MOST_OBJECT_BYTES = 1 << 30


def entries(address):
    """All that is published there: name -> (address, bytes)."""
    magic, version, size, _, begin, end = ROOT.unpack(memory.read(address, ROOT.size))
    if magic != MAGIC:
        raise Error("what should be memlog's root, at 0x%x, is none: it is overwritten, or the "
                    "file on the disk is not the one that was mapped" % address)
    if version != VERSION or size != ROOT.size:
        raise Error("this memlog's root has version %d (%d bytes), and the extension reads "
                    "version %d (%d bytes): use the extension that is installed beside this memlog"
                    % (version, size, VERSION, ROOT.size))
    if begin == 0 and end == 0:
        raise Error("the program has only just been started, and memlog not yet: go on, to main "
                    "for example")
    count, rest = divmod(end - begin, ENTRY.size)
    if not 0 < count <= MOST_ENTRIES or rest != 0:
        raise Error("memlog's root says that what it publishes is from 0x%x to 0x%x, which can't "
                    "be: it is overwritten" % (begin, end))
    table = memory.read(begin, count * ENTRY.size)
    return {name_of(name): (at, size) for name, at, size in ENTRY.iter_unpack(table)}


def name_of(padded):
    name = padded.rstrip(b"\0")
    if not name or not name.isascii() or not name.decode("ascii").isprintable():
        raise Error("the table of what memlog publishes is overwritten: it holds what is no name")
    return name.decode("ascii")
