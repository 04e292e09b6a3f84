# SPDX-License-Identifier: MIT
"""What all commands have in common, and the prefix "memlog" that most of them stand behind."""
import gdb

from memlog.errors import Usage, guarded


class Command(gdb.Command):
    """A command of ours: `run` gets the words behind its name; what it raises is told in a line.

    `words` are those that may stand there, which completion offers; `usage` is shown for others.
    """
    name = usage = None
    words = ()

    def __init__(self):
        super().__init__(self.name, gdb.COMMAND_DATA)

    @guarded
    def invoke(self, argument, from_tty):
        self.dont_repeat()
        self.run(gdb.string_to_argv(argument))

    def run(self, words):
        raise NotImplementedError

    def complete(self, text, word):
        """gdb breaks words at "-", and wants what follows that."""
        *given, begun = text.split(" ")
        broken = len(begun) - len(word)
        return [each[broken:] for each in self.words
                if each.startswith(begun) and each not in given]

    def options(self, given):
        """The given words as a set, where all may be given together in any order."""
        for each in given:
            if each not in self.words:
                raise Usage("%s knows no \"%s\"; usage: %s" % (self.name, each, self.usage))
        return set(given)


class Memlog(gdb.Command):
    """memlog's heap in this process or core file.

mstat                     the statistics, as Go's runtime.MemStats
memlog spans              what the heap is made of, by size and kind
memlog top                what fills it: the biggest objects, the most frequent sizes, who allocated
memlog whereis ADDRESS    what is at an address: object, span, stack, data ...
memlog find-refs ADDRESS  who holds a pointer to an object, and why it is alive
memlog check              whether anything has written over memlog's own memory
set memlog unit           the unit of sizes: bytes, MiB, ...

Nothing is called in the process and no debug information is needed: core files of stripped
programs do as well.

gdb does not stop at SIG63 any more, by which the collector stops threads; "handle SIG63 stop"
has it stop there again."""

    def __init__(self):
        super().__init__("memlog", gdb.COMMAND_DATA, gdb.COMPLETE_NONE, True)


def register():
    Memlog()
