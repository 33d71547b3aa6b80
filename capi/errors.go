package main

// #include "bridge.h"
import "C"

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// bug makes the error of a panic; it carries the stack, because nobody else will ever see it.
func bug(value any) error {
	return fluvioerr.New(fluvioerr.Internal, "libfluvio", "panic: %v\n%s", value, debug.Stack())
}

// errClosed says that a handle was closed under a request.
func errClosed(op, what string) error {
	return fluvioerr.New(fluvioerr.Closed, op, "the %s is closed", what)
}

// ours returns the libfluvio error in err; every other error is one the core should have wrapped, except the ends of
// contexts.
func ours(err error) *fluvioerr.Error {
	if e := fluvioerr.As(err); e != nil {
		return e
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fluvioerr.New(fluvioerr.Timeout, "request", "timed out")
	case errors.Is(err, context.Canceled):
		return fluvioerr.New(fluvioerr.Cancelled, "request", "cancelled")
	}
	return fluvioerr.Wrap(fluvioerr.Internal, "request", err)
}

// details lists what an error says besides its message, by key.
func details(e *fluvioerr.Error) (pairs []string) {
	add := func(key, value string, there bool) {
		if there {
			pairs = append(pairs, key, value)
		}
	}
	add("operation", e.Op, e.Op != "")
	add("topic", e.Topic, e.Topic != "")
	add("partition", strconv.Itoa(int(e.Partition)), e.Topic != "" && e.Partition >= 0)
	add("offset", strconv.FormatInt(e.Offset, 10), e.Offset >= 0)
	add("address", e.Addr, e.Addr != "")
	add("setting", e.Setting, e.Setting != "")
	add("hint", e.HintText(), e.HintText() != "")
	add("waited_ms", strconv.FormatInt(e.Waited.Milliseconds(), 10), e.Waited > 0)
	add("server_code", fmt.Sprint(e.Server), e.Server != fluvioerr.ServerNone)
	if r := e.Record; r != nil { // it may hold anything, and details are texts
		add("record_key", base64.StdEncoding.EncodeToString(r.Key), r.Key != nil)
		add("record_value", base64.StdEncoding.EncodeToString(r.Value), true)
	}
	keys := make([]string, 0, len(e.Detail))
	for key := range e.Detail {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		add(key, e.Detail[key], true)
	}
	return pairs
}

// cError makes the C object of an error, nil of nil.
func cError(err error) *C.fluvio_error_t {
	if err == nil {
		return nil
	}
	e := ours(err)
	var flags C.uint32_t
	if fluvioerr.Retriable(e) {
		flags |= C.FLUVIOC_RETRIABLE
	}
	if fluvioerr.Fatal(e) {
		flags |= C.FLUVIOC_FATAL
	}
	if fluvioerr.MaybeWritten(e) {
		flags |= C.FLUVIOC_MAYBE_WRITTEN
	}
	flags |= C.uint32_t(fluvioerr.EndOf(e)) << C.FLUVIOC_END_SHIFT
	pairs := details(e)
	texts := cTexts(append([]string{e.Error()}, pairs...)...)
	return C.fluvioc_error_new(C.fluvio_status_t(e.Code), C.int32_t(e.Server), flags,
		(*C.char)(unsafe.Pointer(unsafe.SliceData(texts))), C.size_t(len(texts)), C.size_t(len(pairs)/2))
}

// cTexts puts texts one after the other, each ending with a zero; zeros inside become spaces.
func cTexts(texts ...string) []byte {
	var b []byte
	for _, text := range texts {
		b = append(b, strings.ReplaceAll(text, "\x00", " ")...)
		b = append(b, 0)
	}
	return b
}
