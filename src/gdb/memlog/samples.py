# SPDX-License-Identifier: MIT
"""What the profile knows: which stacks allocated the samples (src/profile/buckets.h, samples.h)."""
import math

from memlog import memory
from memlog.image import words
from memlog.threads import symbol_at

GOLDEN = 0x9e3779b97f4a7c15
DEPTH_MOST = 64
MOST_BUCKETS = 1 << 22
SHOWN = 12  # frames of a stack
ALL_BITS = (1 << 64) - 1


class Bucket:
    def __init__(self, view, counts):
        self.address, self.size = view.address, view["size"]
        counts = counts.view(view.at("counts"), view.raw("counts"))
        self.allocs, self.alloc_bytes = counts["allocs"], counts["alloc_bytes"]
        self.frees, self.free_bytes = counts["frees"], counts["free_bytes"]
        self.depth = min(view["depth"], DEPTH_MOST)

    def pcs(self, image):
        """Return addresses, innermost first."""
        data = memory.read_or_none(self.address + image.layout("ml_bucket").size, 8 * self.depth)
        return () if data is None else tuple(words(data))

    def live(self, rate):
        """(objects, bytes) that the samples that live stand for: as src/profile/values.c."""
        objects = self.allocs - self.frees & ALL_BITS
        size = self.alloc_bytes - self.free_bytes & ALL_BITS
        if objects == 0 or size == 0 or objects >> 63 or size >> 63:
            return 0, 0
        if rate <= 1:
            return objects, size
        factor = 1 / -math.expm1(-(size / objects) / rate)
        return int(objects * factor + 0.5), int(size * factor + 0.5)


def buckets(image):
    counts = image.layout("ml_bucket_counts")
    for view in image.walk(image.value("profile.newest"), "ml_bucket", "next",
                           "the list of the profile's stacks", MOST_BUCKETS):
        yield Bucket(view, counts)


def frame_text(return_address):
    """The call is in front of where it returns to."""
    symbol = symbol_at(return_address - 1)
    return "0x%x" % return_address if symbol is None else symbol.split(" + ")[0]


def stack_text(pcs, own=None, name_of=frame_text):
    """The functions, the one that allocated first. Without those of memlog's own library (an
    elf.ElfObject), unless there are no others."""
    others = [pc for pc in pcs if own is None or not own.is_code(pc - 1)] or pcs
    text = " < ".join(name_of(pc) for pc in others[:SHOWN])
    return text + (" < ..." if len(others) > SHOWN else "")


def stack_of(heap, address):
    """Who allocated an object that is sampled, or None: it is looked up in a hash table."""
    image = heap.image
    entries, capacity = image.value("samples.entries"), image.value("samples.capacity")
    if entries == 0 or capacity == 0 or capacity & capacity - 1:
        return None
    layout = image.layout("entry")
    wanted = (address - heap.base >> heap.granule_shift) + 1
    place = (wanted * GOLDEN & ALL_BITS) >> 32 & capacity - 1
    for _ in range(min(capacity, 1 << 16)):
        entry = image.view("entry", entries + place * layout.size)
        if entry["bucket"] == 0:
            return None
        if entry["granule"] == wanted:
            bucket = Bucket(image.view("ml_bucket", entry["bucket"]),
                            image.layout("ml_bucket_counts"))
            return stack_text(bucket.pcs(image))
        place = place + 1 & capacity - 1
    return None
