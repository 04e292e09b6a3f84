// SPDX-License-Identifier: MIT

// report.go - what figures.c and collected_*.c are to the C programs.
package main

import (
	"fmt"
	"runtime"
	"sort"
	"syscall"
	"time"
)

var begun = time.Now()

func figure(name string, value float64) { fmt.Printf("%s\t%.9g\n", name, value) }

// quantile is the value that a fraction q of the values is not above.
func quantile(values []uint64, q float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sort.Slice(values, func(i, j int) bool { return values[i] < values[j] })
	return float64(values[int(q*float64(len(values)-1))])
}

func seconds(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }

// report prints time, memory, collections and pauses.
func report() {
	var usage syscall.Rusage
	var stats runtime.MemStats
	wall := time.Since(begun).Seconds()
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	runtime.ReadMemStats(&stats)
	figure("wall s", wall)
	figure("CPU s", seconds(usage.Utime)+seconds(usage.Stime))
	figure("peak RSS MiB", float64(usage.Maxrss)/1024)
	kept := len(stats.PauseNs) // a ring of the last 256
	if int(stats.NumGC) < kept {
		kept = int(stats.NumGC)
	}
	pauses := append([]uint64(nil), stats.PauseNs[:kept]...)
	figure("collections", float64(stats.NumGC))
	figure("median pause ms", quantile(pauses, 0.5)/1e6)
	figure("longest pause ms", quantile(pauses, 1)/1e6)
}
