# SPDX-License-Identifier: MIT
"""For gdb in the tests: mstat at each instruction of a malloc and a free.

The program stands in `reached` when this begins, and has run to `turned` when it ends.
"""
import json
import re

import gdb

DOUBT = re.compile(r"^(thread \d+ \(LWP \d+\) was in the middle of an update: "
                   r"its counts may be off by one object"
                   r"|the page heap was in the middle of a change: .*"
                   r"|the collector was in the middle of .*)$")
# Of each moment: what is different from the beginning.
MOMENTS = [(0, 0), (1, 0), (1, 1)]


def fail(text):
    print("FAIL: " + text)


def look():
    """(JSON, lines of doubt) where the program stands."""
    text, *doubts = gdb.execute("mstat -json", to_string=True).splitlines()
    for line in doubts:
        if not DOUBT.match(line):
            fail("mstat says %r" % line)
    return text, doubts


def address_of(name):
    return int(gdb.parse_and_eval("(unsigned long) &%s" % name))


def each_instruction(end):
    while gdb.selected_frame().pc() != end:
        yield look()
        gdb.execute("stepi", to_string=True)
    yield look()


def moment(numbers, first):
    """Before the malloc, between, after the free: 0, 1, 2."""
    counted = tuple(numbers[name] - first[name] for name in ("Mallocs", "Frees"))
    if counted not in MOMENTS:
        fail("Mallocs and Frees are %s more than before" % (counted,))
        return 0
    at = MOMENTS.index(counted)
    if (numbers["Alloc"] > first["Alloc"]) != (at == 1):
        fail("Alloc is %d at moment %d, and was %d" % (numbers["Alloc"], at, first["Alloc"]))
    if numbers["Alloc"] > numbers["HeapInuse"]:
        fail("Alloc %d, HeapInuse %d" % (numbers["Alloc"], numbers["HeapInuse"]))
    return at


def step(is_exact):
    """Exact: nothing but the object's own counts changes, so that there are three answers."""
    # The others stand; they were idle when the program said something.
    gdb.execute("set scheduler-locking on")
    this = "thread 1 (LWP %d)" % gdb.selected_thread().ptid[1]
    first, before, instructions, doubtful = None, 0, 0, 0
    answers, is_told = [], True
    for text, doubts in each_instruction(address_of("turned")):
        instructions += 1
        doubtful += bool(doubts)
        named = [line for line in doubts if "(LWP" in line]
        if any(not line.startswith(this) for line in named):
            fail("%s is not the one: %s" % (this, doubts))
        is_told = is_told or bool(named)
        if doubts or (answers and answers[-1] == text):
            continue
        if not is_told:
            fail("the numbers change, and no thread is named")
        answers.append(text)
        is_told = False
        numbers = json.loads(text)
        first = first or numbers
        at = moment(numbers, first)
        if at < before:
            fail("moment %d comes after moment %d" % (at, before))
        before = at
    if before != 2:
        fail("the free does not show at the end")
    if doubtful == 0:
        fail("no instruction is in the middle of an update")
    if is_exact and len(answers) != 3:
        fail("%d answers: %s" % (len(answers), answers))
    gdb.execute("set scheduler-locking off")
    print("stepped: %d instructions, %d in the middle, %d answers"
          % (instructions, doubtful, len(answers)))


def crash(name):
    """SIGSEGV in the middle of the malloc's update, without gdb; what mstat says there is in the
    file."""
    for text, doubts in each_instruction(address_of("turned")):
        if doubts:
            with open(name, "w", encoding="ascii") as file:
                print(text, *doubts, sep="\n", file=file)
            gdb.execute("queue-signal SIGSEGV")
            gdb.execute("detach")
            return
    fail("no instruction is in the middle of an update")
