// Program gen carries the error tables of package fluvioerr into the other languages, so that a code, its class and its
// hint are written down once. It writes the tables of the C library and of the Python and Node bindings, the linker's list of
// exported names, and the page about errors, and verifies the constants of errors and ends in fluvio.h, which is written by hand.
//
//	go run ./core/internal/gen          write the tables, verify the header
//	go run ./core/internal/gen -check   write nothing; exit 1 when a file differs
//
// It is run in the root of the repository.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

const (
	headerPath = "include/fluvio.h"
	codesPath  = "capi/codes.inc"
	mapPath    = "capi/fluvio.map"
	pythonPath = "bindings/python/libfluvio/_codes.py"
	nodePath   = "bindings/node/lib/codes.js"
	pagePath   = "docs/errors.md"
)

func main() {
	check := flag.Bool("check", false, "only compare; exit 1 when a file differs")
	root := flag.String("root", ".", "the repository")
	flag.Parse()
	problems, err := run(*root, *check)
	if err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
	for _, p := range problems {
		fmt.Fprintln(os.Stderr, "gen:", p)
	}
	if len(problems) > 0 {
		os.Exit(1)
	}
}

// run writes or compares the generated files below root and verifies the header. It returns what differs.
func run(root string, check bool) (problems []string, err error) {
	header, err := os.ReadFile(filepath.Join(root, headerPath))
	if err != nil {
		return nil, err
	}
	problems = verifyHeader(string(header))
	for _, file := range []struct {
		path string
		text []byte
	}{{codesPath, codes()}, {mapPath, linkerMap(string(header))}, {pythonPath, python()}, {nodePath, node()}, {pagePath, page()}} {
		path := filepath.Join(root, file.path)
		if check {
			if have, err := os.ReadFile(path); err != nil || !bytes.Equal(have, file.text) {
				problems = append(problems, file.path+" is not what the error tables give: run go run ./core/internal/gen")
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(path, file.text, 0o644); err != nil {
			return nil, err
		}
	}
	return problems, nil
}

var defineLine = regexp.MustCompile(`(?m)^#define (FLUVIO_(?:ERR|END)_\w+) \(?(-?\d+)\)?`)

// verifyHeader compares the constants of errors and of ends in the header with the tables.
func verifyHeader(header string) (problems []string) {
	declared := map[string]int{}
	for _, m := range defineLine.FindAllStringSubmatch(header, -1) {
		n, _ := strconv.Atoi(m[2])
		declared[m[1]] = n
	}
	verify := func(name string, code int) {
		have, ok := declared[name]
		switch {
		case !ok:
			problems = append(problems, fmt.Sprintf("%s lacks %s (%d)", headerPath, name, code))
		case have != code:
			problems = append(problems, fmt.Sprintf("%s has %s as %d, the table as %d", headerPath, name, have, code))
		}
		delete(declared, name)
	}
	for _, row := range fluvioerr.Table {
		verify("FLUVIO_ERR_"+row.Name, int(row.Code))
	}
	verify("FLUVIO_END_NONE", int(fluvioerr.NotEnded))
	for _, reason := range endReasons() {
		verify("FLUVIO_END_"+strings.ToUpper(reason.String()), int(reason))
	}
	for name, code := range declared {
		problems = append(problems, fmt.Sprintf("%s has %s (%d), the table does not", headerPath, name, code))
	}
	return problems
}

// endReasons are the reasons for which a stream ends.
func endReasons() (all []fluvioerr.EndReason) {
	for reason := fluvioerr.EndReached; !strings.HasPrefix(reason.String(), "reason_"); reason++ {
		all = append(all, reason)
	}
	return all
}

var declaredName = regexp.MustCompile(`\b(fluvio_\w+)\(`)

// declaredFunctions returns the names of the functions that the header declares, in its order.
func declaredFunctions(header string) (names []string) {
	for _, line := range strings.Split(header, "\n") {
		if m := declaredName.FindStringSubmatch(line); m != nil && strings.HasPrefix(line, "FLUVIO_API ") {
			names = append(names, m[1])
		}
	}
	return names
}

// linkerMap returns the version script of the library: it exports what the header declares and nothing else.
func linkerMap(header string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "/* %s */\nFLUVIO_1 {\n  global:\n", strings.ReplaceAll(notice, "core/fluvioerr", headerPath))
	for _, name := range declaredFunctions(header) {
		fmt.Fprintf(&b, "    %s;\n", name)
	}
	b.WriteString("  local:\n    *;\n};\n")
	return b.Bytes()
}

// codes returns the rows of the table that the C half of the library includes.
func codes() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "/* %s */\n", notice)
	for _, r := range fluvioerr.Table {
		flags := "0"
		switch {
		case r.Retriable && r.Fatal:
			flags = "FLUVIOC_RETRIABLE | FLUVIOC_FATAL"
		case r.Retriable:
			flags = "FLUVIOC_RETRIABLE"
		case r.Fatal:
			flags = "FLUVIOC_FATAL"
		}
		name := "FLUVIO_ERR_" + r.Name
		fmt.Fprintf(&b, "FLUVIOC_CODE(%s, %q, %s, %q)\n", name, name, flags, r.Hint)
	}
	return b.Bytes()
}

const notice = "Generated by core/internal/gen from core/fluvioerr. Do not edit."

// quoter puts text into the quotes of a language; Go's own escapes are those of Python and JavaScript too.
func quoter(quote string) func(string) string {
	return func(s string) string {
		s = strconv.Quote(s)
		s = s[1 : len(s)-1]
		if quote == `'` {
			s = strings.ReplaceAll(strings.ReplaceAll(s, `\"`, `"`), `'`, `\'`)
		}
		return quote + s + quote
	}
}

// python returns the module _codes of the Python package.
func python() []byte {
	var b bytes.Buffer
	q := quoter(`"`)
	truth := map[bool]string{false: "False", true: "True"}
	fmt.Fprintf(&b, "# %s\n", notice)
	b.WriteString(`"""The error codes of libfluvio and of Fluvio's servers."""

from __future__ import annotations

from typing import NamedTuple


class Code(NamedTuple):
    """One error code of the library."""

    code: int
    name: str
    class_name: str
    retriable: bool
    fatal: bool
    hint: str


class ServerCode(NamedTuple):
    """One error code of a Fluvio server, and the library's code it means."""

    server: int
    name: str
    code: int
    retriable: bool
    maybe_written: bool
    hint: str


CODES: tuple[Code, ...] = (
`)
	for _, r := range fluvioerr.Table {
		fmt.Fprintf(&b, "    Code(%d, %s, %s, %s, %s, %s),\n",
			r.Code, q(r.Name), q(r.Class+"Error"), truth[r.Retriable], truth[r.Fatal], q(r.Hint))
	}
	b.WriteString(")\n\nSERVER_CODES: tuple[ServerCode, ...] = (\n")
	for _, r := range fluvioerr.ServerTable {
		fmt.Fprintf(&b, "    ServerCode(%d, %s, %d, %s, %s, %s),\n",
			r.Server, q(r.Name), r.Code, truth[r.Retriable], truth[r.MaybeWritten], q(r.Hint))
	}
	b.WriteString(")\n")
	return b.Bytes()
}

// node returns the CommonJS module codes of the Node package.
func node() []byte {
	var b bytes.Buffer
	q := quoter(`'`)
	fmt.Fprintf(&b, "// %s\n'use strict';\n\nmodule.exports = {\n  codes: [\n", notice)
	for _, r := range fluvioerr.Table {
		fmt.Fprintf(&b, "    { code: %d, name: %s, className: %s, retriable: %t, fatal: %t, hint: %s },\n",
			r.Code, q(r.Name), q(r.Class+"Error"), r.Retriable, r.Fatal, q(r.Hint))
	}
	b.WriteString("  ],\n  serverCodes: [\n")
	for _, r := range fluvioerr.ServerTable {
		fmt.Fprintf(&b, "    { server: %d, name: %s, code: %d, retriable: %t, maybeWritten: %t, hint: %s },\n",
			r.Server, q(r.Name), r.Code, r.Retriable, r.MaybeWritten, q(r.Hint))
	}
	b.WriteString("  ],\n};\n")
	return b.Bytes()
}
