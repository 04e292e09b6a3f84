// SPDX-License-Identifier: MIT

// oracle.go - the Go half of test_stats_json_go.sh: reads what print_stats
// wrote and says whether Go would have written the same.
//
//	oracle structs < lines    pairs: a struct's bytes, its JSON
//	oracle doubles < lines    "bits json go"
package main

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"strconv"
	"strings"
	"unsafe"
)

const statsBytes = int(unsafe.Sizeof(runtime.MemStats{}))

func main() {
	checks := map[string]func(*bufio.Scanner) (int, error){
		"structs": checkStructs,
		"doubles": checkDoubles,
	}
	if len(os.Args) != 2 || checks[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: oracle structs | doubles")
		os.Exit(2)
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	checked, err := checks[os.Args[1]](lines)
	if err == nil {
		err = lines.Err()
	}
	if err == nil && checked == 0 {
		err = errors.New("nothing to check")
	}
	if err != nil {
		fmt.Printf("%s, after %d that were right: %v\n", os.Args[1], checked, err)
		os.Exit(1)
	}
	fmt.Printf("%d %s as Go writes them\n", checked, os.Args[1])
}

func checkStructs(lines *bufio.Scanner) (checked int, err error) {
	for ; lines.Scan(); checked++ {
		image, err := hex.DecodeString(lines.Text())
		if err != nil {
			return checked, err
		}
		if !lines.Scan() {
			return checked, errors.New("a struct without its JSON")
		}
		if err := checkStruct(image, lines.Bytes()); err != nil {
			return checked, err
		}
	}
	return checked, nil
}

// checkStruct takes the C struct's bytes for a runtime.MemStats, which they
// are when the layout is the same, and compares in both directions.
func checkStruct(image, text []byte) error {
	if len(image) != statsBytes {
		return fmt.Errorf("the struct has %d bytes, not %d", len(image), statsBytes)
	}
	var original runtime.MemStats
	copy((*[statsBytes]byte)(unsafe.Pointer(&original))[:], image)

	var decoded runtime.MemStats
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&decoded); err != nil {
		return err
	}
	if decoded != original {
		return errors.New("a number was read back as another one")
	}
	for what, stats := range map[string]*runtime.MemStats{"original": &original, "decoded": &decoded} {
		expected, err := json.Marshal(stats)
		if err != nil {
			return err
		}
		if !bytes.Equal(text, expected) {
			return fmt.Errorf("%s: %s", what, firstDifference(text, expected))
		}
	}
	return nil
}

func firstDifference(got, expected []byte) string {
	at := 0
	for at < len(got) && at < len(expected) && got[at] == expected[at] {
		at++
	}
	around := func(text []byte) []byte {
		from, to := at-30, at+30
		if from < 0 {
			from = 0
		}
		if to > len(text) {
			to = len(text)
		}
		return text[from:to]
	}
	return fmt.Sprintf("byte %d: have ...%s..., Go has ...%s...", at, around(got), around(expected))
}

func checkDoubles(lines *bufio.Scanner) (checked int, err error) {
	for ; lines.Scan(); checked++ {
		words := strings.Split(lines.Text(), " ")
		if len(words) != 3 {
			return checked, fmt.Errorf("not three words: %q", lines.Text())
		}
		bits, err := strconv.ParseUint(words[0], 16, 64)
		if err != nil {
			return checked, err
		}
		value := math.Float64frombits(bits)
		if expected := jsonStyle(value); words[1] != expected {
			return checked, fmt.Errorf("JSON of %s: have %s, Go has %s", words[0], words[1], expected)
		}
		if expected := fmt.Sprintf("%v", value); words[2] != expected {
			return checked, fmt.Errorf("%%v of %s: have %s, Go has %s", words[0], words[2], expected)
		}
	}
	return checked, nil
}

// jsonStyle is what encoding/json writes; it refuses what JSON has not, for
// which memlog writes 0.
func jsonStyle(value float64) string {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return "0"
	}
	text, err := json.Marshal(value)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
