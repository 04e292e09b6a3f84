# SPDX-License-Identifier: MIT
"""Ranges of memory that do not overlap: what comes first has it."""
import bisect


class Range:
    """Words that are looked at. `kind`: a word for it; `text(address)`: where that is, for people;
    `is_root`: what is reachable from here is alive; `is_ambiguous`: an address one past an object's
    end counts for the object, too; `accepts(address)`: whether the word there counts, None where
    all do."""
    __slots__ = ("begin", "end", "kind", "text", "is_root", "is_ambiguous", "accepts")

    def __init__(self, begin, end, kind, text, is_root=True, is_ambiguous=False, accepts=None):
        self.begin, self.end, self.kind, self.text = begin, end, kind, text
        self.is_root, self.is_ambiguous, self.accepts = is_root, is_ambiguous, accepts

    def part(self, begin, end):
        return Range(begin, end, self.kind, self.text, self.is_root, self.is_ambiguous,
                     self.accepts)


class Cover:
    def __init__(self):
        self.begins, self.ranges = [], []

    def add(self, item):
        """The parts of the range that are nobody's yet, in whole words."""
        for begin, end in self.gaps(item.begin, item.end):
            begin, end = (begin + 7) // 8 * 8, end // 8 * 8
            if begin < end:
                at = bisect.bisect_left(self.begins, begin)
                self.begins.insert(at, begin)
                self.ranges.insert(at, item.part(begin, end))

    def gaps(self, begin, end):
        """What of [begin, end) is in none of the ranges."""
        found = []
        at = max(bisect.bisect_right(self.begins, begin) - 1, 0)
        while begin < end and at < len(self.ranges) and self.ranges[at].begin < end:
            each = self.ranges[at]
            if each.begin > begin:
                found.append((begin, each.begin))
            begin = max(begin, each.end)
            at += 1
        if begin < end:
            found.append((begin, end))
        return found

    def over(self, address):
        at = bisect.bisect_right(self.begins, address) - 1
        return self.ranges[at] if at >= 0 and address < self.ranges[at].end else None
