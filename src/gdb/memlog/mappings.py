# SPDX-License-Identifier: MIT
"""The files that are mapped into the process, as gdb knows them."""
import re

import gdb

# Live processes have a column more, the permissions, and lines without a name. Names may hold
# blanks.
LINE = re.compile(r"^\s*0x([0-9a-f]+)\s+0x([0-9a-f]+)\s+0x([0-9a-f]+)\s+0x([0-9a-f]+)"
                  r"(?:\s+[-r][-w][-x][-sp])?\s+(/.*)$")


class Mapping:
    def __init__(self, begin, end, offset, file):
        self.begin, self.end, self.offset, self.file = begin, end, offset, file

    def file_name(self):
        return self.file.rsplit("/", 1)[-1]


def files():
    """Every mapping of a file, in gdb's order; none where gdb does not know them."""
    try:
        text = gdb.execute("info proc mappings", to_string=True)
    except gdb.error:
        return []
    found = []
    for line in text.splitlines():
        parts = LINE.match(line)
        if parts is not None:
            begin, end, _, offset = (int(part, 16) for part in parts.groups()[:4])
            found.append(Mapping(begin, end, offset, parts.group(5)))
    return found
