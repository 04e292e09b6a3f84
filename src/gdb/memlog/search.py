# SPDX-License-Identifier: MIT
"""Words in much memory that point into a few ranges, fast in plain Python.

No word is looked at by itself at first. Of all words of a piece the same byte is taken, by a
slice, and a table says where it has a value that an address in the ranges can have; the bytes are
chosen so that few words are left, and those are compared. It costs the same wherever the ranges
are and whatever the memory holds, but for true pointers.
"""
import bisect

from memlog import memory

WORD = 8
PIECE = 4 << 20
PAGE = 4096
# Bytes of a word: the two upper ones are 0 in all addresses, and the lowest says little.
PLACES = (1, 2, 3, 4, 5, 0)
# One more byte of all words costs as much as looking at so many of them.
WORTH = 32


def values_at(place, first, last):
    """What the byte may be in the addresses from first to last."""
    low, high = first >> 8 * place, last >> 8 * place
    if high - low >= 255:
        return range(256)
    return {each & 255 for each in range(low, high + 1)}


class Search:
    """`ranges`: [(begin, end)], not overlapping; `past_end`: the address just behind one counts,
    too."""

    def __init__(self, ranges, past_end=False):
        self.order = sorted(range(len(ranges)), key=lambda at: ranges[at])
        self.begins = [ranges[at][0] for at in self.order]
        self.ends = [ranges[at][1] for at in self.order]
        self.past_end = past_end
        self.tables = self.choose_tables()

    def choose_tables(self):
        """For each byte, in the order in which they tell most: which values count. Memory is full
        of zeros, so that a byte that may be 0 tells little."""
        found = []
        for rank, place in enumerate(PLACES):
            allowed = set()
            for begin, end in zip(self.begins, self.ends):
                allowed.update(values_at(place, begin, end - 1 + self.past_end))
                if len(allowed) == 256:
                    break
            table = bytes(each in allowed for each in range(256))
            found.append((0 in allowed, len(allowed), rank, place, table))
        return [(place, table) for *_, place, table in sorted(found)]

    def targets_of(self, word):
        """The numbers of the ranges that the word points into; two where it points to the end of
        one and the beginning of another."""
        found = []
        at = bisect.bisect_right(self.begins, word) - 1
        if at >= 0 and word < self.ends[at]:
            found.append(self.order[at])
        if self.past_end:
            at = bisect.bisect_right(self.begins, word - 1) - 1
            if at >= 0 and word == self.ends[at]:
                found.append(self.order[at])
        return found

    def candidates(self, data):
        """Numbers of words that may be such."""
        enough = len(data) // WORD // WORTH
        flags = None
        for place, table in self.tables:
            plane = data[place::WORD].translate(table)
            if flags is not None:
                plane = both(flags, plane)
            flags = plane
            if flags.count(1) <= enough:
                break
        at = flags.find(1)
        while at >= 0:
            yield at
            at = flags.find(1, at + 1)

    def hits(self, data):
        """(offset, word, number of the range) of each word of the bytes that points into one."""
        words = memoryview(data).cast("Q")
        for at in self.candidates(data):
            for target in self.targets_of(words[at]):
                yield at * WORD, words[at], target


def both(flags, others):
    """Where both have a 1."""
    common = int.from_bytes(flags, "little") & int.from_bytes(others, "little")
    return common.to_bytes(len(flags), "little")


class Reader:
    """Much memory, piece by piece. What can't be read is left out, and counted."""

    def __init__(self):
        self.unread = 0

    def pieces(self, begin, end):
        """(address, bytes) of [begin, end), both multiples of a word."""
        for at in range(begin, end, PIECE):
            yield from self.piece(at, min(PIECE, end - at), PIECE // 64)

    def piece(self, at, count, step):
        data = memory.read_or_none(at, count)
        if data is not None:
            yield at, data
        elif step < PAGE:
            self.unread += count
        else:
            begin, end = at, at + count
            while begin < end:
                until = min((begin // step + 1) * step, end)
                yield from self.piece(begin, until - begin, step // 16)
                begin = until
