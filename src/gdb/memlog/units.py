# SPDX-License-Identifier: MIT
"""What sizes and times are told in: "set memlog unit", and numbers for people as src/stats/text.c
writes them.
"""
import datetime

import gdb

NO_LIMIT = (1 << 63) - 1

# Largest first; the last one is told in whole numbers.
BINARY = (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("bytes", 1))
DECIMAL = (("MB", 10 ** 6), ("kB", 1000), ("bytes", 1))
TIMES = (("s", 10 ** 9), ("ms", 10 ** 6), ("us", 1000), ("ns", 1))
SCALES = {"GiB": BINARY, "MiB": BINARY[1:], "KiB": BINARY[2:], "MB": DECIMAL}


class Unit(gdb.Parameter):
    """The unit of sizes in the answers of memlog's commands.

bytes           whole numbers, and no word behind them
KiB, MiB, GiB   2^10, 2^20, 2^30 bytes
MB              10^6 bytes
auto            the largest of KiB, MiB, GiB that a number fills

A number that is too small for the unit is told in a smaller one. JSON is always in bytes."""

    set_doc = "Set the unit in which memlog's commands show sizes."
    show_doc = "Show the unit in which memlog's commands show sizes."
    current = None

    def __init__(self):
        super().__init__("memlog unit", gdb.COMMAND_DATA, gdb.PARAM_ENUM,
                         ["bytes", "KiB", "MiB", "GiB", "MB", "auto"])
        self.value = "bytes"
        Unit.current = self

    def get_set_string(self):
        return ""

    def get_show_string(self, value):
        return "memlog's commands show sizes in %s." % value


def split(value, one):
    """Whole ones, and hundredths: rounded to the nearest."""
    return divmod(value // one * 100 + (value % one * 100 + one // 2) // one, 100)


def scaled(value, scales):
    """In the first of the scales; where the number would be lost, in the first one behind it that
    it fills."""
    (name, one), *smaller = scales
    whole, hundredths = split(value, one)
    if value != 0 and whole == 0 and hundredths == 0:
        name, one = next(scale for scale in smaller if value >= scale[1])
        whole, hundredths = split(value, one)
    text = str(whole)
    if hundredths != 0:
        text += (".%02d" % hundredths).rstrip("0")
    return "%s %s" % (text, "byte" if name == "bytes" and value == 1 else name)


def filled(value, scales):
    """From the largest scale on that the value fills."""
    return next((scales[at:] for at, (_, one) in enumerate(scales) if value >= one), scales[-1:])


def bytes_text(value):
    """With its unit, or the plain number where that is bytes."""
    unit = Unit.current.value
    if unit == "bytes":
        return str(value)
    return scaled(value, filled(value, BINARY) if unit == "auto" else SCALES[unit])


def size_text(value):
    """With a unit in any case."""
    told = bytes_text(value)
    return told + " bytes" if told.isdigit() else told


def limit_text(value):
    """The same for what may be no limit at all."""
    if value < NO_LIMIT:
        return bytes_text(value)
    return "%d (none)" % value if Unit.current.value == "bytes" else "none"


def span_text(ns):
    """A time that something took: in milliseconds, unless it is short or very long."""
    if ns == 0:
        return "0 ms"
    return scaled(ns, filled(ns, TIMES if ns >= 10 * 10 ** 9 else TIMES[1:]))


def moment_text(ns):
    if ns == 0:
        return "never"
    moment = datetime.datetime.fromtimestamp(ns // 10 ** 9, datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def register():
    gdb.Command("set memlog", gdb.COMMAND_DATA, gdb.COMPLETE_NONE, True)
    gdb.Command("show memlog", gdb.COMMAND_DATA, gdb.COMPLETE_NONE, True)
    Unit()
