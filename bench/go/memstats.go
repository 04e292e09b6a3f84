// SPDX-License-Identifier: MIT

// memstats.go - memstats.c in Go: runtime.ReadMemStats idle, with 64 threads
// alive, and with every core allocating.
package main

import (
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

const (
	reads    = 2000
	batches  = 100
	batch    = 20
	sleepers = 64
	kept     = 1024
)

type node struct {
	next *node
	more [7]*node
}

var stats runtime.MemStats

// threadCPU is the calling thread's CPU time in nanoseconds.
func threadCPU() uint64 {
	const clockThreadCPU = 3
	var now syscall.Timespec
	syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clockThreadCPU, uintptr(unsafe.Pointer(&now)), 0)
	return uint64(now.Nano())
}

func sleepOn(started *sync.WaitGroup) {
	runtime.LockOSThread()
	started.Done()
	select {}
}

func allocateOn(started *sync.WaitGroup) {
	var ring [kept]*node
	started.Done()
	for i := 0; ; i++ {
		n := &node{}
		if i%16 != 0 { // chains must end
			n.next = ring[i/2%kept]
		}
		ring[i%kept] = n
	}
}

func start(body func(*sync.WaitGroup), count int) {
	var started sync.WaitGroup
	started.Add(count)
	for i := 0; i < count; i++ {
		go body(&started)
	}
	started.Wait()
}

func measureBatches() {
	var samples []uint64
	for i := 0; i < batches; i++ {
		begin := time.Now()
		for j := 0; j < batch; j++ {
			runtime.ReadMemStats(&stats)
		}
		samples = append(samples, uint64(time.Since(begin).Nanoseconds())/batch)
	}
	figure("median us", quantile(samples, 0.5)/1e3)
}

func measureWall() {
	var samples []uint64
	for i := 0; i < reads; i++ {
		begin := time.Now()
		runtime.ReadMemStats(&stats)
		samples = append(samples, uint64(time.Since(begin).Nanoseconds()))
	}
	figure("median us", quantile(samples, 0.5)/1e3)
	figure("longest us", quantile(samples, 1)/1e3)
}

func measureCPU() {
	runtime.LockOSThread()
	var empty, samples []uint64
	for i := 0; i < reads; i++ {
		begin := threadCPU()
		empty = append(empty, threadCPU()-begin)
	}
	for i := 0; i < reads; i++ {
		begin := threadCPU()
		runtime.ReadMemStats(&stats)
		samples = append(samples, threadCPU()-begin)
	}
	clock := quantile(empty, 0.5)
	figure("CPU median us", (quantile(samples, 0.5)-clock)/1e3)
	figure("CPU p99.9 us", (quantile(samples, 0.999)-clock)/1e3)
}

func main() {
	switch {
	case len(os.Args) == 2 && os.Args[1] == "idle":
		measureBatches()
	case len(os.Args) == 2 && os.Args[1] == "threads":
		start(sleepOn, sleepers)
		measureBatches()
	case len(os.Args) == 2 && os.Args[1] == "loaded":
		start(allocateOn, runtime.NumCPU())
		measureWall()
	default:
		println("usage: memstats idle|threads|loaded")
		os.Exit(2)
	}
	measureCPU()
}
