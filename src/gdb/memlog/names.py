# SPDX-License-Identifier: MIT
"""The table of every number: Go's names in Go's order, then what memlog counts beside them.

It is src/stats/fields.c's; the tests compare the two. What the system says (RSS, CgroupLimit)
is not in it: no memory of the process holds that.
"""
from collections import namedtuple

BYTES, COUNT, NANOSECONDS, MOMENT, FRACTION, PERCENT, FLAG = range(7)  # units
NUMBER, RING, BY_SIZE, HISTOGRAM = range(4)  # shapes

Field = namedtuple("Field", "name unit shape", defaults=(NUMBER,))

MEMSTATS = (
    Field("Alloc", BYTES),
    Field("TotalAlloc", BYTES),
    Field("Sys", BYTES),
    Field("Lookups", COUNT),
    Field("Mallocs", COUNT),
    Field("Frees", COUNT),
    Field("HeapAlloc", BYTES),
    Field("HeapSys", BYTES),
    Field("HeapIdle", BYTES),
    Field("HeapInuse", BYTES),
    Field("HeapReleased", BYTES),
    Field("HeapObjects", COUNT),
    Field("StackInuse", BYTES),
    Field("StackSys", BYTES),
    Field("MSpanInuse", BYTES),
    Field("MSpanSys", BYTES),
    Field("MCacheInuse", BYTES),
    Field("MCacheSys", BYTES),
    Field("BuckHashSys", BYTES),
    Field("GCSys", BYTES),
    Field("OtherSys", BYTES),
    Field("NextGC", BYTES),
    Field("LastGC", MOMENT),
    Field("PauseTotalNs", NANOSECONDS),
    Field("PauseNs", NANOSECONDS, RING),
    Field("PauseEnd", MOMENT, RING),
    Field("NumGC", COUNT),
    Field("NumForcedGC", COUNT),
    Field("GCCPUFraction", FRACTION),
    Field("EnableGC", FLAG),
    Field("DebugGC", FLAG),
    Field("BySize", COUNT, BY_SIZE),
)

EXTRA = (
    Field("LargeMallocs", COUNT),
    Field("LargeFrees", COUNT),
    Field("LargeMallocBytes", BYTES),
    Field("LargeFreeBytes", BYTES),
    Field("FreesExplicit", COUNT),
    Field("FreesSwept", COUNT),
    Field("BytesFreedExplicit", BYTES),
    Field("BytesFreedSwept", BYTES),
    Field("LiveBytes", BYTES),
    Field("LiveObjects", COUNT),
    Field("RootStackBytes", BYTES),
    Field("RootDataBytes", BYTES),
    Field("RootAddedBytes", BYTES),
    Field("LastStopNs", NANOSECONDS),
    Field("LastMarkNs", NANOSECONDS),
    Field("GCCPUNs", NANOSECONDS),
    Field("GCPercent", PERCENT),
    Field("Threads", COUNT),
    Field("LogSamples", COUNT),
    Field("LogLost", COUNT),
    Field("HeapReserved", BYTES),
    Field("GCAlong", COUNT),
    Field("GCConcurrent", COUNT),
    Field("Pauses", COUNT),
    Field("PauseLongestNs", NANOSECONDS),
    Field("MemoryLimit", BYTES),
    Field("LimitGoal", BYTES),
    Field("LimitHeldGC", COUNT),
    Field("FinalizersRegistered", COUNT),
    Field("FinalizersQueued", COUNT),
    Field("FinalizersRun", COUNT),
    Field("WeakReferences", COUNT),
    Field("PauseHistogram", NANOSECONDS, HISTOGRAM),
    Field("StopHistogram", NANOSECONDS, HISTOGRAM),
)

# Of the rings, and of BySize.
PAUSES, BY_SIZE_ROWS = 256, 61
