package wire

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// ErrorCode is an i16 and, for some codes, a payload of varying form: it must be read with its payload, or everything
// behind it shifts.
type ErrorCode struct {
	Code    fluvioerr.ServerCode
	Payload ErrorPayload // nil for the codes that have none
}

// ErrorPayload is the part behind the number of some error codes.
type ErrorPayload interface {
	Message
	// Text is the payload for people.
	Text() string
}

// The payloads. Which code has which is in newErrorPayload.
type (
	// TextPayload is a message, a name or a hint: codes 2, 3003, 6001, 6005, 6006, 6007, 8001, 8003, 10001.
	TextPayload struct{ Message string }
	// TimeoutPayload belongs to RequestTimedOut. Kind 0 is produce.
	TimeoutPayload struct {
		TimeoutMS uint64
		Kind      uint8
	}
	// EvictedPayload belongs to OffsetEvicted.
	EvictedPayload struct{ Offset, NextAvailable int64 }
	// PartitionPayload belongs to PartitionFull.
	PartitionPayload struct {
		Topic     string
		Partition uint32
	}
	// ModuleInvalidPayload belongs to SmartModuleInvalid.
	ModuleInvalidPayload struct {
		Error string
		Name  *string
	}
	// TwoTextPayload belongs to SmartModuleInvalidExports (error, kind) and to the system spec codes (kind, name).
	TwoTextPayload struct{ First, Second string }
	// RuntimePayload belongs to SmartModuleRuntimeError: the record the module failed on. Kind: 0 filter, 1 map,
	// 2 array map, 3 aggregate, 4 filter map, 5 join, 6 generic. Key is nil when the record has none.
	RuntimePayload struct {
		Hint   string
		Offset int64
		Kind   uint8
		Key    *[]byte
		Value  []byte
	}
	// MemoryPayload belongs to SmartModuleMemoryLimitExceeded, in bytes.
	MemoryPayload struct{ Requested, Max uint64 }
)

// Wire walks the payload.
func (p *TextPayload) Wire(c *Codec) { c.String(&p.Message) }

// Text implements ErrorPayload.
func (p *TextPayload) Text() string { return p.Message }

// Wire walks the payload.
func (p *TimeoutPayload) Wire(c *Codec) { c.U64(&p.TimeoutMS); c.U8(&p.Kind) }

// Text implements ErrorPayload.
func (p *TimeoutPayload) Text() string {
	return fmt.Sprintf("stored, but not replicated within %d ms", p.TimeoutMS)
}

// Wire walks the payload.
func (p *EvictedPayload) Wire(c *Codec) { c.I64(&p.Offset); c.I64(&p.NextAvailable) }

// Text implements ErrorPayload.
func (p *EvictedPayload) Text() string {
	return fmt.Sprintf("offset %d was removed, the next available one is %d", p.Offset, p.NextAvailable)
}

// Wire walks the payload.
func (p *PartitionPayload) Wire(c *Codec) { c.String(&p.Topic); c.U32(&p.Partition) }

// Text implements ErrorPayload.
func (p *PartitionPayload) Text() string { return fmt.Sprintf("%s/%d", p.Topic, p.Partition) }

// Wire walks the payload.
func (p *ModuleInvalidPayload) Wire(c *Codec) { c.String(&p.Error); c.OptString(&p.Name) }

// Text implements ErrorPayload.
func (p *ModuleInvalidPayload) Text() string {
	if p.Name != nil {
		return *p.Name + ": " + p.Error
	}
	return p.Error
}

// Wire walks the payload.
func (p *TwoTextPayload) Wire(c *Codec) { c.String(&p.First); c.String(&p.Second) }

// Text implements ErrorPayload.
func (p *TwoTextPayload) Text() string { return p.First + " " + p.Second }

// Wire walks the payload.
func (p *RuntimePayload) Wire(c *Codec) {
	c.String(&p.Hint)
	c.I64(&p.Offset)
	c.U8(&p.Kind)
	Opt(c, &p.Key, (*Codec).VarBytes)
	c.VarBytes(&p.Value)
}

// Text implements ErrorPayload. The record's content is left out: it belongs into no log.
func (p *RuntimePayload) Text() string {
	return fmt.Sprintf("%s (record at offset %d)", p.Hint, p.Offset)
}

// Wire walks the payload.
func (p *MemoryPayload) Wire(c *Codec) { c.U64(&p.Requested); c.U64(&p.Max) }

// Text implements ErrorPayload.
func (p *MemoryPayload) Text() string {
	return fmt.Sprintf("%d bytes wanted, %d allowed", p.Requested, p.Max)
}

// newErrorPayload gives an empty payload for a code, nil for the codes without one.
func newErrorPayload(code fluvioerr.ServerCode) ErrorPayload {
	switch code {
	case 2, 3003, 6001, 6005, 6006, 6007, 8001, 8003, 10001:
		return &TextPayload{}
	case 7:
		return &TimeoutPayload{}
	case 71:
		return &EvictedPayload{}
	case 72:
		return &PartitionPayload{}
	case 6002:
		return &ModuleInvalidPayload{}
	case 6003, 12001, 12002:
		return &TwoTextPayload{}
	case 6004:
		return &RuntimePayload{}
	case 6008:
		return &MemoryPayload{}
	}
	return nil
}

// UnknownErrorCode is the failure of decoding a message that holds an error code newer than this package: its payload
// cannot be skipped, so the rest of the message is lost, but the number is kept.
type UnknownErrorCode struct{ Code fluvioerr.ServerCode }

func (u *UnknownErrorCode) Error() string {
	return fmt.Sprintf("the server answered with error code %d, which this version of libfluvio does not know", int16(u.Code))
}

// Wire walks the code and its payload. A code encoded without the payload it needs gets an empty one.
func (e *ErrorCode) Wire(c *Codec) {
	n := int16(e.Code)
	c.I16(&n)
	if c.err != nil {
		return
	}
	payload := e.Payload
	if c.decoding {
		e.Code = fluvioerr.ServerCode(n)
		payload = newErrorPayload(e.Code)
		e.Payload = payload
		if payload == nil && n != 0 && fluvioerr.LookupServer(e.Code).Name == "Unknown" {
			unknown := &UnknownErrorCode{e.Code}
			fe := fluvioerr.FromServer(e.Code, "decode", unknown.Error())
			fe.Err = unknown
			c.err = fe
			return
		}
	} else if payload == nil {
		payload = newErrorPayload(e.Code)
	}
	if payload != nil {
		payload.Wire(c)
	}
}

// Ok says whether the code is success.
func (e *ErrorCode) Ok() bool { return e.Code == fluvioerr.ServerNone }

// Err turns the code into an error, nil for success.
func (e *ErrorCode) Err(op string) *fluvioerr.Error {
	if e.Ok() {
		return nil
	}
	text := ""
	if e.Payload != nil {
		text = e.Payload.Text()
	}
	err := fluvioerr.FromServer(e.Code, op, text)
	switch p := e.Payload.(type) {
	case *EvictedPayload:
		err.WithDetail("next_available", fmt.Sprint(p.NextAvailable))
		err.Offset = p.Offset
	case *RuntimePayload:
		err.Offset = p.Offset
		err.WithDetail("smartmodule_hint", p.Hint).WithDetail("smartmodule_kind", p.KindName())
		err.Record = &fluvioerr.Record{Value: bytes.Clone(p.Value)}
		if p.Key != nil {
			err.Record.Key = append([]byte{}, *p.Key...)
		}
	case *MemoryPayload:
		err.WithDetail("requested_bytes", fmt.Sprint(p.Requested)).WithDetail("allowed_bytes", fmt.Sprint(p.Max))
	case *TextPayload:
		explainText(err, p.Message)
	}
	return err
}

// The texts in which SPUs put what a module's init and look_back functions say.
const initText = "\n\nSmartModule Init Error: \n"

var lookBackText = regexp.MustCompile(`(?s)^(.*)\n\nSmartModule Lookback Error: \n    Offset: (-?[0-9]+)\n    Key: (.*?)\n    Value: (.*)$`)

// binaryText is what SPUs write for a key or value that is no text.
var binaryText = regexp.MustCompile(`^Binary: [0-9]+ bytes$`)

// explainText takes apart what SPUs say of modules in texts. The offset of a record that look_back refused is only its place in
// its batch, so it is a detail and no offset.
func explainText(err *fluvioerr.Error, text string) {
	if hint, ok := strings.CutSuffix(text, initText); ok {
		err.WithDetail("smartmodule_hint", hint)
		return
	}
	m := lookBackText.FindStringSubmatch(text)
	if m == nil {
		return
	}
	err.WithDetail("smartmodule_hint", m[1]).WithDetail("record", m[2])
	if binaryText.MatchString(m[4]) {
		return
	}
	err.Record = &fluvioerr.Record{Value: []byte(m[4])}
	if m[3] != "NULL" && !binaryText.MatchString(m[3]) {
		err.Record.Key = []byte(m[3])
	}
}

// Errorf makes an ErrorCode of code Other with a text, as servers use it for everything without a code of its own.
func Errorf(format string, args ...any) ErrorCode {
	return ErrorCode{Code: fluvioerr.ServerOther, Payload: &TextPayload{Message: fmt.Sprintf(format, args...)}}
}
