// SPDX-License-Identifier: MIT

// pages.go - Go's own pages, net/http/pprof's and expvar's, of a program that has as much to tell as
// tests/prog_http has in the row: served at 127.0.0.1 until its input ends. The address is printed.
package main

import (
	_ "expvar"
	"fmt"
	"io"
	"net"
	"net/http"
	_ "net/http/pprof"
	"os"
)

var kept [][]byte

func keep(count, bytes int) {
	for i := 0; i < count; i++ {
		kept = append(kept, make([]byte, bytes))
	}
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	keep(10000, 5000)
	fmt.Printf("http://%s\n", listener.Addr())
	go http.Serve(listener, nil)
	io.Copy(io.Discard, os.Stdin)
}
