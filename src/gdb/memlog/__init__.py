# SPDX-License-Identifier: MIT
"""memlog's statistics and heap in gdb, out of a live process or a core file.

    errors    one clear line for whatever goes wrong
    memory    bytes through gdb
    mappings  the mapped files
    root      where reading begins
    image     variables and structs by their names
    command   what commands have in common

    names      the table of the statistics' names
    counters   the threads' counters
    stats      the statistics, by name
    gonumbers  doubles as Go writes them
    gojson     the statistics as JSON
    units      "set memlog unit"
    mstat      the command

    signals    gdb does not stop for collections

    heap       spans and objects, by the descriptors
    arguments  options and expressions behind a command
    magazines  free slots that threads keep for themselves
    samples    which stacks the profile has
    spans, top, whereis    commands

    elf        the program and its libraries: data segments, thread-local blocks
    regions    all memory that there is
    threads    registers, stacks, frames
    tls        thread-local storage, pthread_setspecific
    tlsnames   the names of what is in it
    rootset    where a collection begins, out of these
    cover      ranges that do not overlap
    ownmemory  what memlog keeps for itself
    types      which words of typed objects are pointers
    search     words that point into some ranges, in much memory
    holders    who holds pointers to some objects
    chain      the way from a root to an object
    findrefs   the command

    spantable  all descriptors, as columns
    checkpages, checkbins, checkthreads    the heap's rules
    check      the command

Nothing is called in the process, and neither symbols nor debug information are needed.
"""


def register():
    """Make the commands known to gdb. Once, for however many objects it is loaded."""
    if register.is_done:
        return
    from memlog import command, mstat, signals, units
    from memlog import check, findrefs, spans, top, whereis
    for each in (command, mstat, signals, units, spans, whereis, findrefs, top, check):
        each.register()
    register.is_done = True


register.is_done = False
