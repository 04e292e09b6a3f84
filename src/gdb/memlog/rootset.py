# SPDX-License-Identifier: MIT
"""Where a collection begins, as src/gc/roots.c has it: stacks and registers, thread-local blocks,
data segments, what threads are given and leave, what finalizers are given, added ranges. Objects
that are uncollectable are in the heap, and the search's business.

In a program that the collector sleeps in (the plain door) the same places are looked at: what
they hold is in use, though nothing is collected.
"""
from memlog import elf, magazines, tls
from memlog.cover import Cover, Range
from memlog.errors import Error
from memlog.ownmemory import OwnMemory
from memlog.regions import Regions, auxiliary
from memlog.threads import every, function_at, symbol_at

RED_ZONE = 128  # below the stack pointer, a function's own
PAGE = 4096
AWAKE = 0


class RootSet:
    """To be made, and used, within threads.kept_selection."""

    def __init__(self, image, heap):
        self.image, self.heap = image, heap
        self.regions, self.objects = Regions(), elf.loaded_objects()
        self.threads = every()
        self.doubts = []  # what could not be read
        self.is_awake = image.value("asleep.sleep") == AWAKE
        self.mutators = list(self.readable(self.known_threads()))
        # Their own numbers are others than gdb's, which may be outside of their container.
        self.by_pointer = {}
        for view in self.mutators:
            self.by_pointer.setdefault(view["thread_pointer"], []).append(view)
        self.blocks = list(self.readable(magazines.blocks(image)))
        self.own_tids = {block.tid for block in self.blocks
                         if block.own and block.active and block.tid}
        self.own = OwnMemory(heap)
        self.cover = Cover()
        for ranges in (self.records(), self.finalizers(), self.thread_data(), self.stacks(),
                       self.surplus(), self.data(), self.added()):
            for each in self.readable(ranges):
                self.cover.add(each)
        self.add_own_memory()

    def readable(self, things):
        """As many of them as can be read: what leads to the others may be overwritten."""
        try:
            yield from things
        except Error as error:
            self.doubts.append(str(error))

    def known_threads(self):
        return self.image.walk(self.image.value("mutator.mutators"), "ml_mutator", "next",
                               "the list of the threads that the collector knows")

    # --- threads ---

    def mutator_of(self, thread):
        """What the collector knows of the thread, or None. One that ended without a word may have
        had the same pointer."""
        found = self.by_pointer.get(thread.pointer, self.mutators if not thread.pointer else ())
        same = next((each for each in found if each["tid"] == thread.tid), None)
        return found[0] if same is None and found and thread.pointer else same

    def is_own(self, thread):
        """memlog's own: neither stopped nor looked at."""
        if self.mutator_of(thread) is not None:
            return False
        return thread.tid in self.own_tids or (thread.name or "").startswith("memlog-")

    def counts(self, thread):
        """Whether what the thread has is alive because of it."""
        if self.is_own(thread):
            return False
        return not self.is_awake or self.mutator_of(thread) is not None

    def why_not(self, thread):
        return ("memlog's own thread" if self.is_own(thread)
                else "the collector does not know the thread")

    def name_of(self, what, thread):
        text = "%s of %s" % (what, thread.label())
        return text if self.counts(thread) else "%s (%s)" % (text, self.why_not(thread))

    def pointer_of(self, thread):
        mutator = self.mutator_of(thread)
        return thread.pointer or (mutator["thread_pointer"] if mutator else 0)

    def thread_data(self):
        specific = tls.Specific(self.image)
        for thread in self.threads:
            pointer = self.pointer_of(thread)
            if pointer:
                yield from specific.ranges(thread, pointer, self.counts(thread))
                yield from tls.blocks(thread, pointer, self.objects, self.counts(thread))

    def surplus(self):
        for thread in self.threads:
            if self.pointer_of(thread):
                yield tls.surplus(thread, self.pointer_of(thread), self.objects,
                                  self.counts(thread))

    def stacks(self):
        for thread in self.threads:
            for begin, end in self.stack_parts(thread):
                yield Range(begin, end, "stack", self.stack_teller(thread, begin, end),
                            self.counts(thread), True)

    def stack_teller(self, thread, begin, end):
        def text(address):
            name = self.name_of("stack", thread)
            frame = thread.frame_over(address, begin, end)
            return name if frame is None else "%s, %s" % (name, frame)
        return text

    def stack_parts(self, thread):
        """From the stack pointer to the end; of a thread that is on another stack than the one it
        began with (a signal's, a coroutine's) both."""
        low, high = self.stack_bounds(thread)
        begin = thread.stack_pointer - RED_ZONE
        if low <= thread.stack_pointer < high:
            return [(begin, high)]
        around = self.regions.around(thread.stack_pointer)
        if around is None:
            return [(low, high), (begin, (thread.stack_pointer // PAGE + 1) * PAGE)]
        if thread.is_first and thread.stack_pointer < high <= around.end:
            return [(begin, high)]
        return [(low, high), (begin, around.end)]

    def stack_bounds(self, thread):
        mutator = self.mutator_of(thread)
        if mutator is not None:
            return mutator["stack_low"], mutator["stack_high"]
        if thread.is_first:
            first = self.regions.around(auxiliary().get("AT_EXECFN", thread.stack_pointer))
            return (first.begin, first.end) if first else (0, 0)
        pointer = self.pointer_of(thread)
        # The thread's descriptor ends its stack.
        around = self.regions.around(pointer)
        return (around.begin if around else 0), (pointer // PAGE + 1) * PAGE

    # --- data segments ---

    def data(self):
        hole = (self.image.variable("roots.no_roots_begin")[0],
                self.image.variable("roots.no_roots_end")[0])
        own = own_library(self.image, self.objects)
        for each in self.objects:
            for begin, end in each.writable() if each is not own else ():
                for part in elf.without(begin, end, hole) if hole[0] < hole[1] else [(begin, end)]:
                    yield Range(*part, "data", data_teller("data", each))

    def add_own_memory(self):
        """memlog's library's data: nothing there keeps anything alive."""
        own = own_library(self.image, self.objects)
        for each in self.objects if own is None else [own]:
            for segment in each.loaded():
                if segment.flags & elf.WRITABLE:
                    self.cover.add(Range(segment.begin, segment.end, "own",
                                         data_teller("memlog's own data", each), False))

    # --- what memlog keeps for others ---

    def records(self):
        image = self.image
        names = {image.number("thread_starting"): "argument of a thread that has not begun yet",
                 image.number("thread_ended"): "result of a thread that has ended"}
        for record in image.walk(image.value("interpose.records"), "record", "next",
                                 "the list of the started threads"):
            text = names.get(record["state"], "argument of a running thread")
            yield Range(record.at("value"), record.at("value") + 8, "thread argument",
                        lambda address, text=text: text)

    def finalizers(self):
        image = self.image
        layout, count = image.layout("ml_watch"), image.value("watch.count")
        begin = image.value("watch.watches")
        if begin and count:
            yield Range(begin, begin + count * layout.size, "finalizer", self.watch_teller(begin),
                        accepts=self.watch_chooser(begin))
        layout, first = image.layout("ml_due"), image.value("finalize.queue_first")
        begin, capacity = image.value("finalize.queue"), image.value("finalize.queue_capacity")
        for at in range(min(image.value("finalize.queue_count"), capacity)):
            due = image.view("ml_due", begin + (first + at) % capacity * layout.size)
            yield Range(due.at("object"), due.at("finalizer"), "finalizer", due_teller(due))

    def watch_over(self, begin, address):
        layout = self.image.layout("ml_watch")
        return self.image.view("ml_watch", address - (address - begin) % layout.size)

    def watch_teller(self, begin):
        def text(address):
            watch = self.watch_over(begin, address)
            return "data of the finalizer %s of the object at 0x%x" % (
                function_at(watch["finalizer"]), watch["object"])
        return text

    def watch_chooser(self, begin):
        """Only what a finalizer is given counts, not the object that has it."""
        layout = self.image.layout("ml_watch")

        def accepts(address):
            return ((address - begin) % layout.size == layout.offset("data")
                    and self.watch_over(begin, address)["finalizer"] != 0)
        return accepts

    def added(self):
        image = self.image
        layout, begin = image.layout("range"), image.value("roots.ranges")
        for at in range(min(image.value("roots.ranges_count"), 1 << 20) if begin else 0):
            each = image.view("range", begin + at * layout.size)
            yield Range(each["begin"], each["end"], "added range", added_teller(each["begin"]))

    # --- all other memory ---

    def other(self):
        """What the process can write to and is neither the heap nor any of the above."""
        heap = self.heap.state, self.heap.base + self.heap.reserved  # the tables are in front
        for region in self.regions.writable():
            for begin, end in self.cover.gaps(region.begin, region.end):
                for part in elf.without(begin, end, heap):
                    yield Range(*part, "other", other_teller(region, self.own), False)


def own_library(image, objects):
    """The object that memlog is in, if that is a library."""
    ours = image.variable("spanmap.map")[0]
    return next((each for each in objects if each.contains(ours) and not each.is_program), None)


def data_teller(what, its_object):
    def text(address):
        symbol = symbol_at(address) or "at + 0x%x" % (address - its_object.bias)
        return "%s of %s: %s" % (what, its_object.short_name(), symbol)
    return text


def due_teller(due):
    def text(address):
        function = function_at(due["finalizer"])
        if address == due.at("object"):
            return "object whose finalizer %s is due" % function
        return "data of the finalizer %s, which is due" % function
    return text


def added_teller(begin):
    return lambda address: "added root range at 0x%x, + %d" % (begin, address - begin)


def other_teller(region, own):
    def text(address):
        its_own = own.over(address)
        if its_own is not None:
            return "memlog's own memory: " + its_own
        return "other memory, in 0x%x-0x%x%s" % (region.begin, region.end,
                                                 region.file and " " + region.file)
    return text
