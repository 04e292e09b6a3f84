# SPDX-License-Identifier: MIT
"""The signal by which memlog's collector stops threads.

gdb would stop at each one: in every collection of a program, once for each of its threads. memlog
takes the highest real-time signal but one, unless the program has a handler for it.
"""
import re

import gdb

SIGNAL = "SIG63"
UNTOUCHED = re.compile(r"^%s\s+Yes\s+Yes\s+Yes\s" % SIGNAL, re.MULTILINE)


def register():
    """Unless the user has said what to do with it."""
    if UNTOUCHED.search(gdb.execute("info signals " + SIGNAL, to_string=True)):
        gdb.execute("handle %s nostop noprint pass" % SIGNAL, to_string=True)
