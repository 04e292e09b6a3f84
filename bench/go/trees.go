// SPDX-License-Identifier: MIT

// trees.go - trees.c in Go.
package main

import (
	"fmt"
	"os"
)

const (
	leastDepth = 4
	depthStep  = 4
	depth      = 20
)

type node struct{ left, right *node }

func makeTree(depth int) *node {
	n := &node{}
	if depth > 0 {
		n.left = makeTree(depth - 1)
		n.right = makeTree(depth - 1)
	}
	return n
}

func (n *node) count() int {
	if n.left == nil {
		return 1
	}
	return 1 + n.left.count() + n.right.count()
}

func main() {
	nodes := makeTree(depth + 1).count()
	longLived := makeTree(depth)
	for d := leastDepth; d <= depth; d += depthStep {
		for left := 1 << (depth - d + leastDepth); left > 0; left-- {
			nodes += makeTree(d).count()
		}
	}
	nodes += longLived.count()
	report()
	fmt.Fprintln(os.Stderr, nodes, "nodes")
}
