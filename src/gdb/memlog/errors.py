# SPDX-License-Identifier: MIT
"""What can go wrong, and how a command says so: in one line, never with a traceback.

Memory may hold anything: it is another program's, which may have overwritten it, or a core
file's, which may be cut. Whatever comes of reading it ends here.
"""
import functools

import gdb


class Error(Exception):
    """A clear text for the user: what is wrong, and what to do."""


class Unreadable(Error):
    """Memory that is not there: not mapped, or not in the core file."""

    def __init__(self, address, count):
        self.address, self.count = address, count
        super().__init__("the memory at 0x%x (%d bytes) can't be read: what leads there was "
                         "overwritten, or the core file is cut or was written without it"
                         % (address, count))


class NotThere(Error):
    """A name that this memlog does not publish."""

    def __init__(self, name):
        super().__init__("this memlog has no \"%s\": it is older or newer than the extension; "
                         "use the one that is installed beside it" % name)


class Usage(Error):
    """A command that was called wrongly."""


def text_of(error):
    """The line for whatever was raised."""
    if isinstance(error, Error):
        return str(error)
    if isinstance(error, gdb.MemoryError):
        return "memory can't be read: %s" % one_line(error)
    if isinstance(error, gdb.error):
        return one_line(error)
    return ("what is in the memory makes no sense, it may be overwritten (%s: %s)"
            % (type(error).__name__, one_line(error)))


def one_line(error):
    return " ".join(str(error).split()) or "no reason was given"


def guarded(invoke):
    """Around every command's invoke: what it raises becomes one line. An interrupt is none of
    this: gdb knows what to do with it."""

    @functools.wraps(invoke)
    def call(*arguments):
        try:
            return invoke(*arguments)
        except gdb.GdbError:
            raise
        except Exception as error:
            text = text_of(error)
        # Outside of the handler, so that no chain of causes hangs on it.
        raise gdb.GdbError("memlog: " + text)

    return call
