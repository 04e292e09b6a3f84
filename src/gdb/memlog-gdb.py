# SPDX-License-Identifier: MIT
"""memlog's commands for gdb: "mstat", "memlog ..." and "set memlog ...".

By hand: source .../memlog-gdb.py. gdb loads it by itself where it stands under the name of the
library in gdb's own folder of scripts, as a copy; the package is then found from there.
"""
import os
import sys

import gdb

AUTO_LOAD = "/gdb/auto-load/"


def folder_of(file):
    """The one that the package is in."""
    beside = os.path.dirname(os.path.abspath(file))
    share, found, _ = beside.rpartition(AUTO_LOAD)
    return share + "/memlog/gdb" if found else beside


def load(folder):
    if not os.path.isfile(folder + "/memlog/__init__.py"):
        gdb.write("memlog: its commands are not in %s, where they belong; install them again\n"
                  % folder, gdb.STDERR)
        return
    # First, so that nothing else of that name comes before it.
    if folder not in sys.path:
        sys.path.insert(0, folder)
    # Compiled files beside the sources would stay when they are uninstalled.
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        import memlog
        memlog.register()
    finally:
        sys.dont_write_bytecode = before


load(folder_of(__file__))
