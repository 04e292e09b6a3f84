# SPDX-License-Identifier: MIT
"""Words behind a command that stand before an expression: "-all", "-depth N"."""
import contextlib

import gdb

from memlog.command import Command
from memlog.errors import Usage, guarded


class HeapCommand(Command):
    """A command with options, of which some take a number, and perhaps an expression behind them.

    `numbers` are those that do: name -> default. `wants` names the expression, or is None.
    """
    numbers = {}
    wants = None

    @guarded
    def invoke(self, argument, from_tty):
        self.dont_repeat()
        self.start(argument.strip())

    def start(self, text):
        given = dict(self.numbers)
        flags = set()
        while text.startswith("-"):
            word, _, rest = text.partition(" ")
            if word in self.numbers:
                number, _, rest = rest.strip().partition(" ")
                given[word] = self.count_of(word, number)
            elif word in self.words:
                flags.add(word)
            elif word[1:2].isalpha() or word[1:2] == "-":
                raise Usage("%s knows no \"%s\"; usage: %s" % (self.name, word, self.usage))
            else:
                break  # an expression: -8 + pointer
            text = rest.strip()
        if self.wants is None and text != "":
            raise Usage("%s wants nothing behind its options, but there is \"%s\"; usage: %s"
                        % (self.name, text, self.usage))
        if self.wants is not None and text == "":
            raise Usage("%s wants %s; usage: %s" % (self.name, self.wants, self.usage))
        try:
            self.look(text, flags, given)
        except gdb.error:
            behind = [each for each in self.all_words() if " " + each in text]
            if not behind:
                raise
            raise Usage("%s wants %s in front of the address; usage: %s"
                        % (self.name, behind[0], self.usage)) from None

    def look(self, text, flags, numbers):
        raise NotImplementedError

    def count_of(self, word, number):
        if not number.isascii() or not number.isdigit() or int(number) > 1 << 31:
            raise Usage("%s wants a number, not \"%s\"; usage: %s" % (word, number, self.usage))
        return int(number)

    def complete(self, text, word):
        """Options in front; gdb knows its own about expressions."""
        *given, begun = text.split(" ")
        if begun.startswith("-") or (begun == "" and self.wants is None):
            # gdb breaks words at "-", and wants what follows that.
            return [each[len(begun) - len(word):] for each in self.all_words()
                    if each.startswith(begun) and each not in given]
        return gdb.COMPLETE_EXPRESSION if self.wants is not None else gdb.COMPLETE_NONE

    def all_words(self):
        return tuple(self.words) + tuple(self.numbers)


IN_MEMORY = (gdb.TYPE_CODE_ARRAY, gdb.TYPE_CODE_FUNC, gdb.TYPE_CODE_STRUCT, gdb.TYPE_CODE_UNION)
NO_ADDRESS = (gdb.TYPE_CODE_FLT, gdb.TYPE_CODE_VOID, gdb.TYPE_CODE_COMPLEX)


def address_of(text):
    """What an expression comes to, as an address."""
    with without_calls():
        value = gdb.parse_and_eval(text)
        code = value.type.strip_typedefs().code
        if code in IN_MEMORY:
            value = value.address
        if value is None or code in NO_ADDRESS:
            raise Usage("\"%s\" is no address" % text)
        return int(value) & (1 << 64) - 1


@contextlib.contextmanager
def without_calls():
    """gdb would call malloc in the process for as little as a string."""
    may = gdb.parameter("may-call-functions")
    gdb.execute("set may-call-functions off", to_string=True)
    try:
        yield
    finally:
        if may:
            gdb.execute("set may-call-functions on", to_string=True)
