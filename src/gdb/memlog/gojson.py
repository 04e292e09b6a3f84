# SPDX-License-Identifier: MIT
"""The statistics as JSON: MemStats to the byte as memlog_memstats_json writes it."""
from memlog.gonumbers import json_double
from memlog.names import BY_SIZE, EXTRA, HISTOGRAM, MEMSTATS, RING


def memstats(numbers):
    return an_object(numbers, MEMSTATS)


def all_of_it(numbers):
    """Both, as memlog core writes them. Without the numbers that no memory holds, which it has
    as 0."""
    return "{\"memstats\":%s,\"memlog\":%s}" % (memstats(numbers), an_object(numbers, EXTRA))


def an_object(numbers, fields):
    return "{%s}" % ",".join("\"%s\":%s" % (field.name, text_of(field, numbers[field.name]))
                             for field in fields)


def text_of(field, value):
    if field.shape == RING:
        return array(value)
    if field.shape == BY_SIZE:
        return "[%s]" % ",".join("{\"Size\":%d,\"Mallocs\":%d,\"Frees\":%d}" % row
                                 for row in value)
    if field.shape == HISTOGRAM:
        counts, total = value
        return "{\"Counts\":%s,\"SumNs\":%d}" % (array(counts), total)
    if isinstance(value, bool):
        return "true" if value else "false"
    return json_double(value) if isinstance(value, float) else str(value)


def array(numbers):
    return "[%s]" % ",".join(map(str, numbers))
