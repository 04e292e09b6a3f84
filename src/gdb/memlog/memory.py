# SPDX-License-Identifier: MIT
"""Bytes out of what gdb looks at: a live process, a core file, a remote target."""
import gdb

from memlog.errors import Error, Unreadable

# More at one time is no struct and no table of ours.
MOST_AT_ONCE = 1 << 30


def read(address, count):
    """So many bytes, all of them, or Unreadable."""
    if not (0 <= address and 0 <= count <= MOST_AT_ONCE and address + count <= 1 << 64):
        raise Unreadable(address, count)
    if count == 0:
        return b""
    try:
        return bytes(gdb.selected_inferior().read_memory(address, count))
    except (gdb.error, OverflowError):
        pass
    raise Unreadable(address, count)


def read_or_none(address, count):
    try:
        return read(address, count)
    except Unreadable:
        return None


def is_far():
    """Whether it comes over a wire, at a few MB a second. Older gdbs can't tell."""
    connection = getattr(gdb.selected_inferior(), "connection", None)
    return "remote" in (connection.type if connection is not None else "")


def require_process():
    """gdb reads from the program's file where there is no process, which tells nothing, and does
    not look at one that runs."""
    if gdb.selected_inferior().pid == 0:
        raise Error("there is no process and no core file: start the program, or say "
                    "\"attach PID\" or \"core-file FILE\"")
    thread = gdb.selected_thread()
    if thread is not None and thread.is_running():
        raise Error("the process is running: stop it first, by Ctrl-C or \"interrupt\"")
