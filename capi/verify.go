package main

// #include <stdlib.h>
// #include "bridge.h"
import "C"

import (
	"context"
	"crypto/tls"
	"errors"
	"strings"
	"unsafe"
)

// verifier is the application as a judge of servers, for one client.
type verifier struct {
	handle *C.fluvioc_verifier_t
	turn   chan struct{} // capacity 1: held by who asks, and in the end for ever
	over   chan struct{} // closed when nobody is to be asked any more
}

// newVerifier gives nil for NULL, which can be ended, too.
func newVerifier(handle *C.fluvioc_verifier_t) *verifier {
	if handle == nil {
		return nil
	}
	return &verifier{C.fluvioc_verifier_keep(handle), make(chan struct{}, 1), make(chan struct{})}
}

var errVerifierOver = errors.New("the client is closed")

// ask asks the application about a server, one question at a time.
func (v *verifier) ask(state tls.ConnectionState) error {
	select {
	case v.turn <- struct{}{}:
		defer func() { <-v.turn }()
	case <-v.over:
		return errVerifierOver
	}
	select {
	case <-v.over:
		return errVerifierOver
	default:
	}
	var chain []byte
	lengths := make([]C.size_t, 0, len(state.PeerCertificates))
	for _, c := range state.PeerCertificates {
		chain = append(chain, c.Raw...)
		lengths = append(lengths, C.size_t(len(c.Raw)))
	}
	name := C.CString(state.ServerName)
	defer C.free(unsafe.Pointer(name))
	message := make([]byte, C.FLUVIO_TLS_VERIFY_MESSAGE)
	text := (*C.char)(unsafe.Pointer(unsafe.SliceData(message)))
	if C.fluvioc_verifier_ask(v.handle, name, (*C.uint8_t)(unsafe.SliceData(chain)), unsafe.SliceData(lengths), C.size_t(len(lengths)), text, C.size_t(len(message))) == 0 {
		return nil
	}
	if why := strings.ToValidUTF8(C.GoString(text), "?"); why != "" {
		return errors.New(why)
	}
	return errors.New("tls_verify refused the server")
}

// end makes sure that the application is not asked any more, and waits for a question that is on its way as long as ctx lets it.
func (v *verifier) end(ctx context.Context) {
	if v == nil {
		return
	}
	close(v.over)
	let := func() { C.fluvioc_drop(unsafe.Pointer(v.handle)) }
	select {
	case v.turn <- struct{}{}:
		let()
		return
	default:
	}
	select {
	case v.turn <- struct{}{}:
		let()
	case <-ctx.Done():
		go func() {
			v.turn <- struct{}{}
			let()
		}()
	}
}
