# SPDX-License-Identifier: MIT
"""For gdb in the tests: what needs no process, against what print_stats has written."""
import struct

from gdb_check import HOME_EXTRA, HOME_MEMSTATS, NOT_IN_MEMORY, decoded, fail, table
from memlog import gojson, gonumbers, names, units


def check_names(path):
    """The table is src/stats/fields.c's."""
    rows = table(path)
    for home, fields in ((HOME_MEMSTATS, names.MEMSTATS), (HOME_EXTRA, names.EXTRA)):
        wanted = [(name, unit, max(0, kind - 4)) for name, its_home, _, kind, unit in rows
                  if its_home == home and name not in NOT_IN_MEMORY]
        found = [tuple(field) for field in fields]
        if found != wanted:
            fail("the table has %s, not %s" % (sorted(set(found) - set(wanted)),
                                               sorted(set(wanted) - set(found))))
    print("names are checked: %d" % len(rows))
    return rows


def check_structs(rows, path):
    """Structs, and the JSON that src/stats/json.c makes of them."""
    with open(path, encoding="ascii") as file:
        lines = file.read().splitlines()
    for data, wanted in zip(lines[::2], lines[1::2]):
        numbers = decoded(rows, HOME_MEMSTATS, bytes.fromhex(data))
        numbers["BySize"] = [tuple(row.values()) for row in numbers["BySize"]]
        if gojson.memstats(numbers) != wanted:
            fail("JSON is %s, not %s" % (gojson.memstats(numbers), wanted))
    print("structs are checked: %d" % (len(lines) // 2))


def check_doubles(path):
    count = 0
    with open(path, encoding="ascii") as lines:
        for bits, json, go in map(str.split, lines):
            value, = struct.unpack(">d", bytes.fromhex(bits))
            found = gonumbers.json_double(value), gonumbers.go_double(value)
            if found != (json, go):
                fail("%s is %s, not %s" % (bits, found, (json, go)))
            count += 1
    print("doubles are checked: %d" % count)


BYTES = (
    ("bytes", 583200, "583200"), ("bytes", 0, "0"),
    ("KiB", 583200, "569.53 KiB"), ("MiB", 583200, "0.56 MiB"), ("GiB", 583200, "569.53 KiB"),
    ("MB", 583200, "0.58 MB"), ("MB", 1, "1 byte"), ("MB", 4999, "5 kB"), ("MiB", 0, "0 MiB"),
    ("MiB", 5242, "5.12 KiB"), ("MiB", 5243, "0.01 MiB"), ("MiB", 1 << 20, "1 MiB"),
    ("MiB", 3 << 19, "1.5 MiB"), ("GiB", (1 << 64) - 1, "17179869184 GiB"),
    ("auto", 0, "0 bytes"), ("auto", 1, "1 byte"), ("auto", 1023, "1023 bytes"),
    ("auto", 1024, "1 KiB"), ("auto", 583200, "569.53 KiB"), ("auto", 5 << 30, "5 GiB"),
)
SPANS = ((0, "0 ms"), (1, "1 ns"), (999, "999 ns"), (1500, "1.5 us"), (1234567, "1.23 ms"),
         (2000000000, "2000 ms"), (10000000000, "10 s"), ((1 << 64) - 1, "18446744073.71 s"))
MOMENTS = ((0, "never"), (1784966400 * 10 ** 9, "2026-07-25T08:00:00Z"),
           ((1 << 64) - 1, "2554-07-21T23:34:33Z"))


def check_units():
    for unit, value, wanted in BYTES:
        units.Unit.current.value = unit
        if units.bytes_text(value) != wanted:
            fail("%d in %s is %s, not %s" % (value, unit, units.bytes_text(value), wanted))
    units.Unit.current.value = "bytes"
    for write, cases in ((units.span_text, SPANS), (units.moment_text, MOMENTS)):
        for value, wanted in cases:
            if write(value) != wanted:
                fail("%d is %s, not %s" % (value, write(value), wanted))
    print("units are checked")


def check():
    check_structs(check_names("fields"), "structs")
    check_doubles("doubles")
    check_units()
