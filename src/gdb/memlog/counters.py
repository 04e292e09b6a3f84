# SPDX-License-Identifier: MIT
"""What all threads have counted, summed (src/heap/sums.c), and who was in the middle of it.

Blocks are in groups of 64, which know by a word a bin who has used it. The process stands, so
that the order in which counters are read means nothing here. Numbers wrap as C's do.
"""
from memlog.names import BY_SIZE_ROWS

ALL_BITS = (1 << 64) - 1
MOST_DEPTH = 64  # of the slow paths in one another
MOST_GROUPS = 1 << 16  # four million threads: then it is no list


class Counters:
    """Lists by size class; the kernel's numbers of the threads in the middle of an update, and of
    those among whose counters there are values that can't be."""

    def __init__(self, image):
        self.image = image
        self.bins, self.classes = image.number("bins"), image.number("classes", BY_SIZE_ROWS - 1)
        self.class_bytes = class_bytes(image, self.classes)
        self.mallocs = [0] * self.classes
        self.explicit_frees = [0] * self.classes
        self.swept_frees = [0] * self.classes
        self.lookups = self.threads = 0
        self.interrupted = []
        self.overwritten = []
        self.magazine = Magazine(image)
        groups = list(image.walk(image.value("threadgroup.groups"), "ml_thread_group", "next",
                                 "the list of the threads' groups", MOST_GROUPS))
        counted = counted_bins(groups)
        for group in groups:
            self.add_group(group, counted)

    def frees(self, size_class):
        return self.explicit_frees[size_class] + self.swept_frees[size_class]

    def small_bytes(self):
        return sum((self.mallocs[each] - self.frees(each)) * self.class_bytes[each]
                   for each in range(self.classes)) & ALL_BITS

    # --- summing ---

    def add_group(self, group, counted):
        threads = until_zero(group.u64s("threads"))
        bins_of = used_bins(group.u64s("users"), self.bins, len(threads))
        swept = group.u64s("swept")
        for each in range(self.bins):
            if counted >> each & 1:
                self.swept_frees[each % self.classes] += swept[each]
        for thread, bins in zip(threads, bins_of):
            self.add_thread(self.image.view("ml_thread", thread), bins, counted)

    def add_thread(self, thread, bins, counted):
        self.lookups += thread["lookups"]
        self.threads += thread["active"]
        words = thread.words()
        odd = thread["inside"] != 0
        broken = thread["inside"] > MOST_DEPTH or thread["active"] > 1 or thread["own"] > 1
        for each in bins:
            # In the slow paths magazines get other memory, one word after the other.
            broken |= thread["inside"] == 0 and not self.magazine.is_sound(words, each)
            mallocs, frees, slots, held = self.magazine.of(words, each)
            odd |= (mallocs - frees + slots - held) & ALL_BITS != 0
            if counted >> each & 1:
                self.mallocs[each % self.classes] += mallocs
                self.explicit_frees[each % self.classes] += frees
        if broken:
            self.overwritten.append(thread["tid"])
        elif odd and thread["active"]:
            self.interrupted.append(thread["tid"])

    def cap_frees(self):
        """No more frees than mallocs: what sums.c does where objects fill more than the spans,
        with a second reading that is here the same as the first."""
        for each in range(self.classes):
            swept, before = self.swept_frees[each], self.explicit_frees[each]
            frees = min((before + swept) & ALL_BITS, self.mallocs[each])
            explicit = max(frees - swept if frees > swept else 0, before)
            self.explicit_frees[each] = explicit
            self.swept_frees[each] = (frees - explicit) & ALL_BITS


class Magazine:
    """Where, among a thread block's words, a bin's magazine has its members."""

    def __init__(self, image):
        layout = image.layout("ml_magazine")
        self.first = image.layout("ml_thread").offset("magazines") // 8
        self.words = layout.size // 8
        self.top, self.bottom, self.limit, self.mallocs, self.frees, self.held = (
            layout.offset(each) // 8
            for each in ("top", "bottom", "limit", "mallocs", "frees", "held"))

    def is_sound(self, words, number):
        at = self.first + number * self.words
        return words[at + self.bottom] <= words[at + self.top] <= words[at + self.limit]

    def of(self, words, number):
        """mallocs, frees, slots, held"""
        at = self.first + number * self.words
        slots = (words[at + self.top] - words[at + self.bottom]) // 8
        return words[at + self.mallocs], words[at + self.frees], slots, words[at + self.held]


def class_bytes(image, classes):
    """The size of each class's objects."""
    layout = image.layout("ml_sizeclass")
    table = image.bytes_of("sizeclass.classes")
    return [layout.view(0, table[at:at + layout.size])["bytes"]
            for at in range(0, classes * layout.size, layout.size)]


def counted_bins(groups):
    """A bit for each bin that anybody has used; others have counted nothing."""
    bits = 0
    for group in groups:
        for place, word in enumerate(group.u64s("used")):
            bits |= word << 64 * place
    return bits


def used_bins(users, bins, threads):
    """For each thread of a group, the bins that it has used."""
    bins_of = [[] for _ in range(threads)]
    known = (1 << threads) - 1
    for number in range(bins):
        left = users[number] & known
        while left:
            bins_of[(left & -left).bit_length() - 1].append(number)
            left &= left - 1
    return bins_of


def until_zero(addresses):
    """Places are taken one after the other."""
    found = []
    for address in addresses:
        if address == 0:
            break
        found.append(address)
    return found
