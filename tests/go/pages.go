// SPDX-License-Identifier: MIT

// pages.go - /debug/vars as Go's own decoder reads it: into runtime.MemStats, with no field left over
// and none that is missing. Prints the command line's first word and a few numbers.
package main

import (
	"encoding/json"
	"expvar"
	"fmt"
	"io"
	"net/http"
	"os"
	"reflect"
	"runtime"
	"strings"
)

func fail(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
	os.Exit(1)
}

func get(url string) (http.Header, []byte) {
	response, err := http.Get(url)
	if err != nil {
		fail("%v", err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != 200 {
		fail("%s: %s, %v", url, response.Status, err)
	}
	return response.Header, body
}

// What Go itself would serve, for the keys of memstats in their order.
func goKeys() []string {
	var own runtime.MemStats
	if err := json.Unmarshal([]byte(expvar.Get("memstats").String()), &own); err != nil {
		fail("%v", err)
	}
	kind := reflect.TypeOf(own)
	var keys []string
	for i := 0; i < kind.NumField(); i++ {
		keys = append(keys, kind.Field(i).Name)
	}
	return keys
}

func main() {
	header, body := get(os.Args[1] + "/debug/vars")
	if kind := header.Get("Content-Type"); kind != "application/json; charset=utf-8" {
		fail("Content-Type %s", kind)
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(body, &all); err != nil {
		fail("%v in %s", err, body)
	}
	var command []string
	if err := json.Unmarshal(all["cmdline"], &command); err != nil {
		fail("cmdline: %v", err)
	}
	var stats runtime.MemStats
	decoder := json.NewDecoder(strings.NewReader(string(all["memstats"])))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&stats); err != nil {
		fail("memstats: %v", err)
	}
	at := 0
	for _, key := range goKeys() {
		found := strings.Index(string(all["memstats"])[at:], `"`+key+`":`)
		if found < 0 {
			fail("memstats has no %s, or not where Go has it", key)
		}
		at += found
	}
	// Line by line, as Go's handler writes it.
	lines := strings.Split(strings.TrimSuffix(string(body), "\n"), "\n")
	if lines[0] != "{" || lines[len(lines)-1] != "}" || len(lines) != len(all)+2 {
		fail("%d lines for %d variables", len(lines), len(all))
	}
	fmt.Println(command[0], stats.Mallocs-stats.Frees == stats.HeapObjects, stats.Alloc == stats.HeapAlloc,
		stats.Sys > stats.HeapInuse, stats.HeapObjects)
}
