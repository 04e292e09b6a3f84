// SPDX-License-Identifier: MIT

// latency.go - latency.c in Go. A node is 32 bytes here too.
package main

import (
	"fmt"
	"math/bits"
	"os"
	"strconv"
	"time"
)

const (
	levels         = 10
	partLevel      = 5
	treesOfMib     = 32
	magic          = 0x6d6c
	period         = 5 * time.Microsecond
	defaultMib     = 1024
	defaultSeconds = 20
	fineBits       = 5
	fine           = 1 << fineBits
)

type node struct {
	left, right  *node
	number       uint32
	level, magic uint16
	_            uint64 // so that it takes as much as in the others
}

var (
	trees   []*node
	numbers uint32
	chance  uint64 = 1
)

func random() uint64 { // splitmix64
	chance += 0x9e3779b97f4a7c15
	z := chance
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func makeNode(level int, number uint32) *node {
	if level == partLevel {
		number = numbers
		numbers++
	}
	n := &node{number: number, level: uint16(level), magic: magic}
	if level+1 < levels {
		n.left = makeNode(level+1, number)
		n.right = makeNode(level+1, number)
	}
	return n
}

func makeTree() *node {
	numbers++
	return makeNode(0, numbers-1)
}

// anyPart is where the pointer to a part of chance stands.
func anyPart() **node {
	place := &trees[random()%uint64(len(trees))]
	path := random()
	for level := 0; level < partLevel; level, path = level+1, path>>1 {
		if path&1 != 0 {
			place = &(*place).right
		} else {
			place = &(*place).left
		}
	}
	return place
}

func (n *node) check(level int, number uint32) {
	if n != nil && level == partLevel {
		number = n.number
	}
	if n == nil || n.magic != magic || int(n.level) != level || n.number != number {
		fmt.Fprintln(os.Stderr, "a node is not what it was")
		os.Exit(1)
	}
	if level+1 < levels {
		n.left.check(level+1, number)
		n.right.check(level+1, number)
	}
}

// histogram is histogram.c's.
type histogram struct {
	counts          [(64 - fineBits + 1) * fine]uint64
	values, longest uint64
}

func (h *histogram) add(value uint64) {
	bucket := value
	if value >= fine {
		shift := 63 - bits.LeadingZeros64(value) - fineBits
		bucket = uint64(shift)*fine + value>>shift
	}
	h.counts[bucket]++
	h.values++
	if value > h.longest {
		h.longest = value
	}
}

func (h *histogram) quantile(q float64) uint64 {
	below := uint64(0)
	for bucket, count := range h.counts {
		below += count
		if below == 0 || float64(below) < q*float64(h.values) {
			continue
		}
		top := uint64(bucket)
		if bucket >= 2*fine {
			top = (uint64(bucket%fine+fine)+1)<<(bucket/fine-1) - 1
		}
		if top < h.longest {
			return top
		}
		break
	}
	return h.longest
}

var latencies histogram

// operateOnTime tells how long after the start the last one was done.
func operateOnTime(warmUp, measured time.Duration) time.Duration {
	begin := time.Now()
	var over time.Duration
	for due := time.Duration(0); due < warmUp+measured; due += period {
		for time.Since(begin) < due {
		}
		part := makeNode(partLevel, 0)
		*anyPart() = part
		over = time.Since(begin)
		if due >= warmUp {
			latencies.add(uint64(over - due))
		}
	}
	return over
}

func argument(at, byDefault int) int {
	if len(os.Args) <= at {
		return byDefault
	}
	number, err := strconv.Atoi(os.Args[at])
	if err != nil || number < 1 {
		fmt.Fprintln(os.Stderr, "usage: latency [MIB [SECONDS]]")
		os.Exit(2)
	}
	return number
}

func main() {
	trees = make([]*node, argument(1, defaultMib)*treesOfMib)
	measured := time.Duration(argument(2, defaultSeconds)) * time.Second
	for i := range trees {
		trees[i] = makeTree()
	}
	over := operateOnTime(measured/4, measured)
	figure("median us", float64(latencies.quantile(0.5))/1e3)
	figure("p99 us", float64(latencies.quantile(0.99))/1e3)
	figure("p99.9 us", float64(latencies.quantile(0.999))/1e3)
	figure("p99.99 us", float64(latencies.quantile(0.9999))/1e3)
	figure("longest us", float64(latencies.longest)/1e3)
	figure("behind at the end ms", float64(over-(measured/4+measured-period))/1e6)
	report()
	for _, tree := range trees {
		tree.check(0, tree.number)
	}
}
