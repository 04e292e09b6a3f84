# SPDX-License-Identifier: MIT
"""memlog whereis: what an address is in."""
import gdb

from memlog import heap, magazines, memory
from memlog.arguments import HeapCommand, address_of
from memlog.image import Image
from memlog.rootset import RootSet
from memlog.samples import stack_of
from memlog.tables import plural
from memlog.threads import function_at, kept_selection, symbol_at
from memlog.types import Types


class Whereis(HeapCommand):
    """Show what an address is in: an object of memlog's heap, or else what of the process.
Usage: memlog whereis ADDRESS

ADDRESS is any expression. Told is of

  the heap    the object: where it begins, its size and kind, whether it is allocated or free or in
              a thread's magazine, what the last collection found, and its span; or that it is the
              rest of a span behind the last object, a free run, or not yet in use
  the rest    the thread whose stack it is, and the frame; the thread whose thread-local storage it
              is; the file whose data it is, with the symbol; an added root range; what memlog
              keeps for others and for itself; or none of these"""

    name = "memlog whereis"
    usage = "memlog whereis ADDRESS"
    wants = "an address"

    def look(self, text, flags, numbers):
        address = address_of(text)
        image = Image()
        the_heap = heap.Heap(image)
        if the_heap.base and the_heap.base <= address < the_heap.base + the_heap.reserved:
            lines = in_heap(the_heap, address)
        else:
            with kept_selection():
                roots = RootSet(image, the_heap)
                lines = elsewhere(roots, address)
                lines += ["not all was looked at: %s" % each for each in roots.doubts]
        gdb.write("".join(line + "\n" for line in lines))


# --- in the heap --------------------------------------------------------------------


def in_heap(the_heap, address):
    if address >= the_heap.end:
        return ["0x%x is in memory that is reserved for the heap and not in use yet" % address]
    span = the_heap.span_over(address)
    if span is None:
        return ["0x%x is in the heap, but no span has it: the tables are overwritten, or in the "
                "middle of a change (memlog check)" % address]
    if not the_heap.is_used(span):
        state = "being given back to the system" if span.use == the_heap.RELEASING else "free"
        return ["0x%x is in a run of pages that is %s" % (address, state), span_line(the_heap, span)]
    thing = the_heap.object_in(span, address)
    if thing is None:
        behind = address - span.base - span.slots * span.slot_bytes
        return ["0x%x is in no object: in the rest of a span, %s behind the last slot"
                % (address, plural(behind, "byte")), span_line(the_heap, span)]
    return [object_line(the_heap, thing, address)] + facts(the_heap, thing) + [span_line(the_heap, span)]


def span_line(the_heap, span):
    text = "span %d: at 0x%x, %s" % (span.number, span.base, plural(span.pages, "page"))
    if span.use == the_heap.SMALL:
        text += ", %d slots of %d bytes, %d of them free" % (span.slots, span.slot_bytes,
                                                            span.free_slots)
    return text


def object_line(the_heap, thing, address):
    """Also how other commands call an object that an address is in."""
    at = "0x%x" % thing.address
    if address == thing.address:
        return "%s is %s" % (at, object_text(the_heap, thing))
    return "0x%x is %s in %s at %s" % (address, plural(address - thing.address, "byte"),
                                      object_text(the_heap, thing), at)


def object_text(the_heap, thing):
    """ "an allocated object of 64 bytes, scan" """
    kind = the_heap.kind_name(thing.span.kind)
    if thing.span.use == the_heap.LARGE:
        return "a large object of %d bytes, %s" % (thing.bytes, kind)
    state = "an allocated object" if the_heap.states.at(thing.address) else "a free slot"
    return "%s of %d bytes, %s" % (state, thing.bytes, kind)


def facts(the_heap, thing):
    """A line each for what else is known of it."""
    image, span = the_heap.image, thing.span
    state = the_heap.states.at(thing.address)
    taken, marked = the_heap.bits(span, thing.slot)
    if state == 0:
        return [free_line(image, thing, taken)]
    lines = []
    if not taken:
        lines.append("it is allocated, but its span calls it free: memlog's memory is overwritten, "
                     "or a thread is in the middle of an update (memlog check)")
    if span.kind != the_heap.UNCOLLECTABLE and the_heap.marks_completed:
        lines.append(mark_line(the_heap, span, marked))
    if span.kind == the_heap.TYPED:
        lines.append(type_line(the_heap, thing))
    lines += watch_lines(image, thing, state)
    if state & image.number("state_sampled"):
        stack = stack_of(the_heap, thing.address)
        lines.append("it is sampled" + (", and was allocated by " + stack if stack else ""))
    return lines


def free_line(image, thing, taken):
    if not taken:
        return "it is free in its span"
    block = magazines.holder_of(image, thing.address, thing.span.bin)
    if block is None:
        return ("it is in no thread's magazine that can be seen: a thread is in the middle of an "
                "update, or memlog's memory is overwritten (memlog check)")
    return "it waits in the magazine of %s" % block.name()


def mark_line(the_heap, span, marked):
    if not the_heap.is_unswept(span):
        return ("the last collection has left it alive, or it was allocated since" if not marked
                else "it is marked by the collection that is under way")
    return ("the last collection has found it alive" if marked else
            "the last collection has found it to be garbage, and it waits for the sweep")


def type_line(the_heap, thing):
    its_type = Types(the_heap).of(thing)
    if its_type is None:
        return "it has no valid type: all its words count as pointers"
    return "its type is number %d, of %d bytes" % (its_type.number, its_type.bytes)


def watch_lines(image, thing, state):
    """Of finalizers and weak references."""
    kind = state & image.number("state_kind")
    if kind == image.number("state_weak"):
        hidden = memory.read_or_none(thing.address, 8)
        to = 0 if hidden is None else int.from_bytes(hidden, "little")
        what = "0x%x" % (to ^ (1 << 64) - 1) if to else "an object that is gone"
        return ["it is a weak reference to %s" % what]
    watch = watch_of(image, thing.address) if kind == image.number("state_watched") else None
    if watch is None:
        return []
    lines = []
    if watch["finalizer"]:
        lines.append("it has a finalizer: %s" % function_at(watch["finalizer"]))
    if watch["weak"]:
        lines.append("there is a weak reference to it, at 0x%x, which does not keep it alive"
                     % watch["weak"])
    return lines


def watch_of(image, address):
    """The entry of an object with a finalizer or a weak reference, or None."""
    layout, begin = image.layout("ml_watch"), image.value("watch.watches")
    count = min(image.value("watch.count"), 1 << 24)
    data = memory.read_or_none(begin, count * layout.size) if begin else None
    wanted, at = address.to_bytes(8, "little"), layout.offset("object")
    found = -1 if data is None else data.find(wanted)
    while found >= 0:
        if found % layout.size == at:
            return layout.view(begin + found - at, data[found - at:found - at + layout.size])
        found = data.find(wanted, found + 1)
    return None


# --- elsewhere ------------------------------------------------------------------------


def elsewhere(roots, address):
    place = roots.cover.over(address)
    if place is not None:
        text = place.text(address)
        if place.kind != "own":
            text = "the %s%s" % (text, "" if place.is_root else " (no root)")
        return ["0x%x is in %s" % (address, text)]
    own = roots.own.over(address)
    if own is not None:
        return ["0x%x is in memlog's own memory: %s" % (address, own)]
    region = roots.regions.around(address)
    holder = next((each for each in roots.objects if each.contains(address)), None)
    if holder is not None:
        symbol = symbol_at(address)
        return ["0x%x is in what is only read of %s%s" % (address, holder.name or "the program",
                                                         ": " + symbol if symbol else "")]
    if region is None:
        return ["0x%x is in no memory of the process%s"
                % (address, "" if roots.regions.is_known else " that gdb tells of")]
    for thread in roots.threads:
        if (address < thread.stack_pointer
                and roots.regions.around(thread.stack_pointer) is region):
            return ["0x%x is in the mapping of the stack of %s, below what is in use of it"
                    % (address, thread.label())]
    return ["0x%x is in memory that is neither memlog's nor a root: 0x%x-0x%x%s"
            % (address, region.begin, region.end, region.file and " " + region.file)]


def register():
    Whereis()
