// SPDX-License-Identifier: MIT

// gcbench.go - gcbench.c in Go. A node is 24 bytes here.
package main

import (
	"fmt"
	"os"
)

const (
	liveTrees  = 32768
	liveDepth  = 9
	leastDepth = 4
	mostDepth  = 20
	depthStep  = 2
	workDepth  = 21
	numbers    = 500000
)

type node struct {
	left, right *node
	i, j        int32
}

var (
	live   [liveTrees]*node
	floats []float64
	sink   *node
)

func bottomUp(depth int) *node {
	if depth <= 0 {
		return &node{}
	}
	left, right := bottomUp(depth-1), bottomUp(depth-1)
	return &node{left: left, right: right}
}

func populate(depth int, n *node) {
	if depth <= 0 {
		return
	}
	n.left = &node{}
	n.right = &node{}
	populate(depth-1, n.left)
	populate(depth-1, n.right)
}

func topDown(depth int) *node {
	n := &node{}
	populate(depth, n)
	return n
}

func treeNodes(depth int) int { return 2<<depth - 1 }

func makeTemporaryTrees(depth int) {
	trees := 2 * treeNodes(workDepth) / treeNodes(depth)
	for i := 0; i < trees; i++ {
		sink = topDown(depth)
	}
	for i := 0; i < trees; i++ {
		sink = bottomUp(depth)
	}
	sink = nil
}

func (n *node) count() int {
	if n == nil {
		return 0
	}
	return 1 + n.left.count() + n.right.count()
}

func main() {
	for i := range live {
		live[i] = topDown(liveDepth)
	}
	floats = make([]float64, numbers)
	for d := leastDepth; d <= mostDepth; d += depthStep {
		makeTemporaryTrees(d)
	}
	report()
	nodes := 0
	for _, n := range live {
		nodes += n.count()
	}
	fmt.Fprintln(os.Stderr, nodes, "nodes live", floats[numbers/2])
}
