# SPDX-License-Identifier: MIT
"""Columns that stand below each other."""


def table(heads, rows, left=()):
    """A line each; numbers to the right, the columns in `left` to the left."""
    widths = [max(len(row[at]) for row in [heads] + rows) for at in range(len(heads))]
    lines = []
    for row in [heads] + rows:
        parts = [text.ljust(width) if at in left else text.rjust(width)
                 for at, (text, width) in enumerate(zip(row, widths))]
        lines.append("  ".join(parts).rstrip() + "\n")
    return "".join(lines)


def plural(count, one, more=None):
    return "%d %s" % (count, one if count == 1 else more or one + "s")
