# SPDX-License-Identifier: MIT
"""For gdb in the tests: what mstat says, against what memlog itself has said.

What prog_gdb_stats has written is in NAME.stats, NAME.extra and NAME.json; the table that says
where in those structs each number is comes from print_stats fields.
"""
import json
import struct

import gdb

HOME_MEMSTATS, HOME_EXTRA = 0, 1
# enum ml_field_type
FORMATS = {0: "<Q", 1: "<q", 2: "<I", 3: "<d", 4: "<?", 5: "<256Q", 7: "<49Q"}
BY_SIZE = struct.Struct("<IxxxxQQ")
# Of the system.
NOT_IN_MEMORY = {"RSS", "CgroupLimit"}


def fail(text):
    print("FAIL: " + text)


def run(command):
    return gdb.execute(command, to_string=True)


def table(path):
    """Rows (name, home, offset, type, unit)."""
    with open(path, encoding="ascii") as lines:
        return [(row[0], *map(int, row[1:])) for row in map(str.split, lines)]


def read(path):
    with open(path, "rb") as file:
        return file.read()


def decoded(rows, home, data):
    """A struct's numbers as JSON would have them."""
    numbers = {}
    for name, its_home, offset, kind, _ in rows:
        if its_home != home:
            continue
        if kind == 6:
            numbers[name] = [dict(zip(("Size", "Mallocs", "Frees"), row)) for row in
                             BY_SIZE.iter_unpack(data[offset:offset + 61 * BY_SIZE.size])]
            continue
        values = struct.unpack_from(FORMATS[kind], data, offset)
        if kind == 5:
            values = [list(values)]
        elif kind == 7:
            values = [{"Counts": list(values[:48]), "SumNs": values[48]}]
        numbers[name] = values[0]
    return numbers


def compare(what, found, wanted):
    if list(found) != list(wanted):
        fail("%s: the names are %s, not %s" % (what, list(found), list(wanted)))
    for name in wanted:
        if found.get(name) != wanted[name]:
            fail("%s: %s is %s, not %s" % (what, name, found.get(name), wanted[name]))


def check_text(wanted):
    """The lines without options: the plain numbers stand first."""
    header, *lines = run("mstat").splitlines()
    if header != "memlog.MemStats":
        fail("mstat begins with %r" % header)
    found = dict(line.split(" = ", 1) for line in lines)
    plain = [name for name in wanted if name != "BySize"]
    if list(found) != plain:
        fail("mstat has the names %s, not %s" % (list(found), plain))
    for name in plain:
        value = wanted[name]
        if isinstance(value, bool):
            value = str(value).lower()
        if not isinstance(value, (list, float)) and found[name].split()[0] != str(value):
            fail("mstat: %s = %s, not %s" % (name, found[name], value))
    newest = wanted["PauseNs"][(wanted["NumGC"] + 255) % 256]
    if wanted["NumGC"] and found["PauseNs"].split(",")[0] != str(newest):
        fail("mstat: the newest pause is %s, not %d" % (found["PauseNs"], newest))


def check(name, fields):
    """All of mstat's answers, against the files."""
    rows = table(fields)
    text = run("mstat -json")
    if text != read(name + ".json").decode("ascii") + "\n":
        fail("mstat -json is not what memlog_memstats_json wrote")
    stats = decoded(rows, HOME_MEMSTATS, read(name + ".stats"))
    extra = decoded(rows, HOME_EXTRA, read(name + ".extra"))
    for each in NOT_IN_MEMORY:
        del extra[each]
    both = json.loads(run("mstat -all -json"))
    compare("mstat -json", json.loads(text), stats)
    compare("mstat -all -json, memstats", both["memstats"], stats)
    compare("mstat -all -json, memlog", both["memlog"], extra)
    check_text(stats)
    print("%s is checked: NumGC %d, Mallocs %d" % (name, stats["NumGC"], stats["Mallocs"]))
