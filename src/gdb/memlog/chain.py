# SPDX-License-Identifier: MIT
"""Why an object is alive: a way from a root to it, found from the object upwards, level by level."""

# Where a level has a root, which of several is shown: what lasts comes first. What is on a stack
# may be left from a call that is over.
KINDS = ("data", "added range", "thread-local", "thread-specific", "thread argument", "finalizer",
         "uncollectable", "register", "stack")
LEVEL_MOST = 1 << 16  # objects


class Chain:
    """`see` is given the hits of the object itself; `find` goes on from there."""

    def __init__(self, finder, thing, depth):
        self.finder, self.heap, self.thing, self.depth = finder, finder.heap, thing, depth
        # A hit for each object that was come to: by which word it leads on, and None of the first.
        self.steps = {thing.address: None}
        self.targets = [thing]  # of the level
        self.next = []          # the level above it
        self.root = None        # the best hit in a root of the level
        self.was_cut = self.is_deep = False
        self.collectable = thing.span.kind != self.heap.UNCOLLECTABLE

    def see(self, hit):
        """A hit whose target is one of the level's."""
        if hit.holder is None:
            if hit.place.is_root:
                self.take_root(hit, hit.place.kind)
        elif self.collectable and hit.holder.span.kind == self.heap.UNCOLLECTABLE:
            self.take_root(hit, "uncollectable")
        elif hit.holder.address not in self.steps:
            if len(self.next) >= LEVEL_MOST:
                self.was_cut = True
                return
            self.steps[hit.holder.address] = (hit, self.targets[hit.target].address)
            self.next.append(hit.holder)

    def take_root(self, hit, kind):
        rank = KINDS.index(kind)
        if self.root is None or rank < self.root[0]:
            self.root = rank, hit, self.targets[hit.target].address

    def find(self):
        """The hits from the root down to the object, or None."""
        while self.root is None and self.next:
            if self.depth == 0:
                self.is_deep = True
                return None
            self.depth -= 1
            self.targets, self.next = self.next, []
            ranges = [(each.address, each.address + each.bytes) for each in self.targets]
            for hit in self.finder.in_roots(ranges):
                self.see(hit)
            for hit in self.finder.in_heap(ranges) if self.root is None else ():
                self.see(hit)
        return None if self.root is None else self.links()

    def links(self):
        _, hit, address = self.root
        found = [hit]
        while self.steps[address] is not None:
            hit, address = self.steps[address]
            found.append(hit)
        return found

    def failure(self):
        """Why `find` has found none."""
        objects = len(self.steps) - 1
        if self.is_deep:
            return ("no root was found within the depth that was asked for; the way up to there is "
                    "from %d objects (-depth N looks further)" % objects)
        if self.was_cut:
            return "no root was found; the search was cut, for too many objects lead to it"
        if objects == 0:
            return ("no root leads to it: it is garbage that is not yet collected or swept"
                    if self.collectable else "no root leads to it: it may be lost")
        what = ("they are garbage that is not yet collected or swept" if self.collectable
                else "they may be lost with it")
        return ("only %s to it, and no root to any of them: %s, a chain or a cycle"
                % ("1 object leads" if objects == 1 else "%d objects lead" % objects, what))
