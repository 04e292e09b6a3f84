# SPDX-License-Identifier: MIT
"""All memory that the process has, anonymous memory with it, as gdb knows it: for a live process
from the system's list, for a core file from what was written. Text of gdb's own commands, since
there is no other way to it.
"""
import bisect
import re
from collections import namedtuple

import gdb

from memlog import mappings

# is_there: it can be read; what nobody has written to is not in a core file.
Region = namedtuple("Region", "begin end is_writable file is_there")

MAPPED = re.compile(r"^\s*0x([0-9a-f]+)\s+0x([0-9a-f]+)\s+0x[0-9a-f]+\s+0x[0-9a-f]+"
                    r"\s+([-r])([-w])[-x][-sp]\s*(.*)$")
DUMPED = re.compile(r"^\s*\[\d+\]\s+0x([0-9a-f]+)->0x([0-9a-f]+) at 0x[0-9a-f]+: load\w+ (.*)$")


def output_of(command):
    try:
        return gdb.execute(command, to_string=True)
    except gdb.error:
        return ""


class Regions:
    """`is_known` is False where gdb can't tell, as for some remote targets."""

    def __init__(self):
        self.all = sorted(live() or dumped())
        self.is_known = bool(self.all)
        self.begins = [each.begin for each in self.all]

    def around(self, address):
        """The region the address lies in, or None."""
        at = bisect.bisect_right(self.begins, address) - 1
        return self.all[at] if at >= 0 and address < self.all[at].end else None

    def parts_of(self, begin, end):
        """What of [begin, end) is there; all of it where gdb can't tell."""
        if not self.is_known:
            yield begin, end
        at = max(bisect.bisect_right(self.begins, begin) - 1, 0)
        while at < len(self.all) and self.all[at].begin < end:
            each = self.all[at]
            if each.is_there and max(begin, each.begin) < min(end, each.end):
                yield max(begin, each.begin), min(end, each.end)
            at += 1

    def writable(self):
        return [each for each in self.all if each.is_writable and each.is_there]


def live():
    found = []
    for line in output_of("info proc mappings").splitlines():
        parts = MAPPED.match(line)
        if parts is not None and parts.group(3) == "r":
            found.append(Region(int(parts.group(1), 16), int(parts.group(2), 16),
                                parts.group(4) == "w", parts.group(5), True))
    return found


def dumped():
    """What the core file holds, and what of the files that were mapped it leaves to them."""
    files = mappings.files()
    found = []
    for line in output_of("maint info sections").splitlines():
        parts = DUMPED.match(line)
        if parts is None:
            continue
        begin, end, flags = int(parts.group(1), 16), int(parts.group(2), 16), parts.group(3).split()
        file = next((each.file for each in files if each.begin <= begin < each.end), "")
        is_there, is_writable = "HAS_CONTENTS" in flags or file != "", "READONLY" not in flags
        if is_there or is_writable:
            found.append(Region(begin, end, is_writable, file, is_there))
    return found


def auxiliary():
    """The auxiliary vector that the kernel gave the process: name -> number."""
    found = {}
    for line in output_of("info auxv").splitlines():
        parts = re.match(r"^\d+\s+(AT_\w+)\s.*?\s(0x[0-9a-f]+|\d+)(\s+\".*\")?$", line)
        if parts is not None:
            found[parts.group(1)] = int(parts.group(2), 0)
    return found
