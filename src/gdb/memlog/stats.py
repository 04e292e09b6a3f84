# SPDX-License-Identifier: MIT
"""MemStats and what memlog counts beside it, by Go's names: what src/stats/raw.c makes of the
counters, out of an image.
"""
import struct

from memlog.counters import ALL_BITS, Counters
from memlog.names import BY_SIZE_ROWS

NUM_GC_BITS = (1 << 32) - 1  # Go counts in 32


class Stats:
    """stats.numbers["HeapAlloc"]; rings and BySize are lists, histograms (counts, sum)."""

    def __init__(self, image):
        self.image = image
        self.counters = Counters(image)
        self.pages = image.variable_view("ml_pageheap_figures", "pageheap.figures")
        self.history = image.variable_view("ml_gc_history", "gc.history")
        self.pages_are_changing = image.value("pageheap.sequence") & 1 == 1
        self.history_is_changing = image.value("gc.sequence") & 1 == 1
        if self.is_skewed():
            self.counters.cap_frees()
        self.numbers = {}
        for add in (self.add_objects, self.add_memory, self.add_collector, self.add_frees,
                    self.add_history, self.add_settings, self.add_log):
            add()
        self.numbers["Lookups"] = (self.counters.lookups + self.history["looked_up"]
                                   + self.numbers["FreesExplicit"]) & ALL_BITS

    def put(self, **numbers):
        for name, value in numbers.items():
            self.numbers[name] = value & ALL_BITS

    def is_skewed(self):
        """Objects fill more than the spans: it shows that somebody was in the middle of it."""
        pages = self.pages
        large = pages["large_malloc_bytes"] - pages["large_free_bytes"] & ALL_BITS
        return self.counters.small_bytes() + large & ALL_BITS > pages["inuse_bytes"]

    # --- MemStats ---

    def add_objects(self):
        counters, pages = self.counters, self.pages
        mallocs, frees = pages["large_mallocs"], pages["large_frees"]
        allocated, freed = pages["large_malloc_bytes"], pages["large_free_bytes"]
        rows = [(0, 0, 0)] * BY_SIZE_ROWS
        for each, size in enumerate(counters.class_bytes):
            row = (size, counters.mallocs[each] & ALL_BITS, counters.frees(each) & ALL_BITS)
            rows[each + 1] = row
            mallocs += row[1]
            frees += row[2]
            allocated += row[1] * size
            freed += row[2] * size
        self.numbers["BySize"] = rows
        self.put(Mallocs=mallocs, Frees=frees, TotalAlloc=allocated, Alloc=allocated - freed,
                 HeapAlloc=allocated - freed, HeapObjects=mallocs - frees)

    def add_memory(self):
        image, pages = self.image, self.pages
        obtained, inuse = (list(image.words_of(each)) for each in ("metadata.sys",
                                                                   "metadata.inuse"))
        threads, collector, profile, other = (
            image.number("pool_" + each) for each in ("threads", "gc", "profile", "other"))
        spans = pages["spans"] * image.layout("ml_span").size & ALL_BITS
        stacks = image.value("thread.own_stack_bytes")
        self.put(
            HeapSys=pages["heap_bytes"], HeapInuse=pages["inuse_bytes"],
            HeapIdle=pages["heap_bytes"] - pages["inuse_bytes"],
            HeapReleased=pages["released_bytes"], StackInuse=stacks, StackSys=stacks,
            MSpanInuse=spans, MSpanSys=max(image.value("spanmap.span_bytes"), spans),
            MCacheInuse=inuse[threads], MCacheSys=max(obtained[threads], inuse[threads]),
            BuckHashSys=obtained[profile],
            GCSys=(image.value("spanmap.table_bytes") + obtained[collector]
                   + image.value("markstack.committed_bytes")),
            OtherSys=obtained[other])
        self.put(Sys=sum(self.numbers[each] for each in (
            "HeapSys", "StackSys", "MSpanSys", "MCacheSys", "BuckHashSys", "GCSys", "OtherSys")))

    def add_collector(self):
        image, history = self.image, self.history
        self.put(
            NextGC=min(image.value("pacer.percent_goal"), image.value("pacer.limit_goal")),
            LastGC=history["last_end"], PauseTotalNs=history["pause_total_ns"],
            NumGC=history["cycles"] & NUM_GC_BITS, NumForcedGC=history["forced"] & NUM_GC_BITS)
        self.numbers.update(
            PauseNs=list(history.u64s("pause_ns")), PauseEnd=list(history.u64s("pause_end")),
            GCCPUFraction=struct.unpack("<d", history.raw("cpu_fraction"))[0],
            EnableGC=self.percent() >= 0, DebugGC=image.value("verify.on") != 0)

    def percent(self):
        return self.image.variable_view("ml_pace", "pacer.pace").signed("percent")

    # --- what Go leaves out ---

    def add_frees(self):
        counters, pages = self.counters, self.pages
        swept, swept_bytes = pages["large_swept"], pages["large_swept_bytes"]
        explicit = pages["large_frees"] - swept
        explicit_bytes = pages["large_free_bytes"] - swept_bytes
        for each, size in enumerate(counters.class_bytes):
            swept += counters.swept_frees[each]
            swept_bytes += counters.swept_frees[each] * size
            explicit += counters.explicit_frees[each]
            explicit_bytes += counters.explicit_frees[each] * size
        self.put(LargeMallocs=pages["large_mallocs"], LargeFrees=pages["large_frees"],
                 LargeMallocBytes=pages["large_malloc_bytes"],
                 LargeFreeBytes=pages["large_free_bytes"], FreesExplicit=explicit,
                 FreesSwept=swept, BytesFreedExplicit=explicit_bytes,
                 BytesFreedSwept=swept_bytes, Threads=counters.threads)

    def live(self, what):
        """What the last mark found, less what the sweep found to be counted twice since."""
        history = self.history
        then = self.image.layout("ml_marked_twice").view(0, history.raw("twice"))
        now = self.image.variable_view("ml_marked_twice", "taken.marked_twice")
        found = history["live_" + what]
        return found - min(found, now[what] - then[what] & ALL_BITS)

    def add_history(self):
        history = self.history
        self.put(
            LiveBytes=self.live("bytes"), LiveObjects=self.live("objects"),
            RootStackBytes=history["root_stack_bytes"], RootDataBytes=history["root_data_bytes"],
            RootAddedBytes=history["root_added_bytes"], LastStopNs=history["last_stop_ns"],
            LastMarkNs=history["last_mark_ns"], GCCPUNs=history["cpu_ns"],
            GCAlong=history["along"], GCConcurrent=history["last_along"],
            Pauses=history["pauses"], PauseLongestNs=history["pause_longest_ns"])
        for name, member in (("PauseHistogram", "pause_times"), ("StopHistogram", "stop_times")):
            *counts, total = history.u64s(member)
            self.numbers[name] = (counts, total)

    def add_settings(self):
        image = self.image
        finalizers = image.variable_view("ml_finalize_counts", "finalize.counts")
        self.put(
            HeapReserved=image.variable_view("ml_spanmap", "spanmap.map")["reserved_bytes"],
            MemoryLimit=image.value("limit.bytes"), LimitGoal=image.value("pacer.limit_goal"),
            LimitHeldGC=image.value("limit.last_held"),
            FinalizersRegistered=finalizers["registered"], FinalizersQueued=finalizers["queued"],
            FinalizersRun=finalizers["run"], WeakReferences=image.value("weak.count"))
        self.numbers["GCPercent"] = self.percent()

    def add_log(self):
        """A static program that writes no log may be without it."""
        image = self.image
        self.put(**{name: image.value(variable) if image.has(variable) else 0
                    for name, variable in (("LogSamples", "log.samples"), ("LogLost", "log.lost"))})
