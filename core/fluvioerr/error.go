package fluvioerr

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Error is the one error type of libfluvio. Fields that do not apply are zero (Partition and Offset: -1, set by New).
type Error struct {
	Code      Code
	Server    ServerCode    // the server's own code, 0 when the error is the client's
	Op        string        // what was being done: "connect", "produce", "create topic" …
	Message   string        // what went wrong, without Op and the place
	Hint      string        // what a person should do; the table's hint when empty
	Topic     string        // the topic concerned
	Partition int32         // the partition concerned, -1 for none
	Offset    int64         // the offset concerned, -1 for none
	Addr      string        // host:port of the peer concerned
	Setting   string        // the setting concerned, in its wire spelling (max_request_size)
	Waited    time.Duration // for Timeout: how long was waited
	// RetryAfter is how long it is no use to try again, 0 when that is not known.
	RetryAfter time.Duration
	Detail     map[string]string
	Record     *Record   // the record that a SmartModule refused; nil for none
	Sent       bool      // bytes of the request left this process, so it may have taken effect
	End        EndReason // the stream that it came from has ended for this reason, whatever the code says
	Err        error     // the cause
}

// Record is the content of the record that an error is about. No message holds it.
type Record struct {
	Key   []byte // nil: it has no key
	Value []byte
}

// New makes an error of a code with a formatted message.
func New(code Code, op, format string, args ...any) *Error {
	return &Error{Code: code, Op: op, Message: fmt.Sprintf(format, args...), Partition: -1, Offset: -1}
}

// FromServer makes the error of a server code. text is the server's message, which may be empty.
func FromServer(code ServerCode, op, text string) *Error {
	row := LookupServer(code)
	msg := row.Name
	if text != "" {
		msg += ": " + text
	}
	return &Error{Code: row.Code, Server: code, Op: op, Message: msg, Hint: row.Hint, Partition: -1, Offset: -1}
}

// Wrap makes an error of a code around a cause.
func Wrap(code Code, op string, cause error) *Error {
	return &Error{Code: code, Op: op, Message: cause.Error(), Err: cause, Partition: -1, Offset: -1}
}

// FromContext turns the end of a context into an error: Timeout for a deadline, Cancelled otherwise. what completes
// "waited for …". errors.Is finds context.DeadlineExceeded and context.Canceled in it.
func FromContext(ctx context.Context, op, what string, waited time.Duration) *Error {
	e := NewTimeout(op, what, waited)
	if errors.Is(ctx.Err(), context.Canceled) {
		e = New(Cancelled, op, "cancelled while waiting for %s", what)
	}
	e.Err = ctx.Err()
	return e
}

// NewTimeout makes a Timeout error that says what was waited for and how long.
func NewTimeout(op, what string, waited time.Duration) *Error {
	e := New(Timeout, op, "timed out after %s waiting for %s", waited.Round(time.Millisecond), what)
	e.Waited = waited
	return e
}

// At sets topic and partition and returns e.
func (e *Error) At(topic string, partition int32) *Error {
	e.Topic, e.Partition = topic, partition
	return e
}

// AtOffset sets the offset and returns e.
func (e *Error) AtOffset(offset int64) *Error { e.Offset = offset; return e }

// AtAddr sets the peer's address and returns e.
func (e *Error) AtAddr(addr string) *Error { e.Addr = addr; return e }

// ForSetting names the setting and returns e.
func (e *Error) ForSetting(name string) *Error { e.Setting = name; return e }

// WithHint sets the hint and returns e.
func (e *Error) WithHint(hint string) *Error { e.Hint = hint; return e }

// WithDetail adds a key and value and returns e.
func (e *Error) WithDetail(key, value string) *Error {
	if e.Detail == nil {
		e.Detail = map[string]string{}
	}
	e.Detail[key] = value
	return e
}

// Error gives the operation, the place, the message and the hint in one line.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Topic != "" {
		b.WriteString(" " + e.Topic)
		if e.Partition >= 0 {
			b.WriteString("/" + strconv.Itoa(int(e.Partition)))
		}
	}
	if e.Offset >= 0 {
		b.WriteString(" at offset " + strconv.FormatInt(e.Offset, 10))
	}
	if e.Addr != "" {
		b.WriteString(" (" + e.Addr + ")")
	}
	place := strings.TrimPrefix(b.String(), " ") // there may be no operation
	b.Reset()
	if place != "" {
		b.WriteString(place + ": ")
	}
	b.WriteString(e.Message)
	if h := e.HintText(); h != "" {
		b.WriteString(" [hint: " + h + "]")
	}
	return b.String()
}

// HintText returns the hint of this error, else that of its code.
func (e *Error) HintText() string {
	if e.Hint != "" {
		return e.Hint
	}
	if row, ok := Lookup(e.Code); ok {
		return row.Hint
	}
	return ""
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is makes errors.Is(err, fluvioerr.Target(fluvioerr.Timeout)) work: what Target makes of a code fits every error of that code.
func (e *Error) Is(target error) bool {
	var c codeError
	if errors.As(target, &c) {
		return e.Code == Code(c)
	}
	return false
}

// codeError lets a bare code stand as the target of errors.Is.
type codeError Code

func (c codeError) Error() string { return Code(c).String() }

// Target returns an error value that errors.Is matches with every Error of that code.
func Target(c Code) error { return codeError(c) }

// As returns the libfluvio error inside err, nil if there is none.
func As(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}

// CodeOf returns the code of err: OK for nil, Internal for an error that is not libfluvio's.
func CodeOf(err error) Code {
	if err == nil {
		return OK
	}
	if e := As(err); e != nil {
		return e.Code
	}
	return Internal
}

// Retriable says whether repeating the same call later may succeed. It does not say that repeating is free of
// duplicates: see MaybeWritten.
func Retriable(err error) bool {
	e := As(err)
	if e == nil {
		return false
	}
	if e.Server != ServerNone {
		return LookupServer(e.Server).Retriable
	}
	row, _ := Lookup(e.Code)
	return row.Retriable
}

// Fatal says whether the object the error came from can no longer be used.
func Fatal(err error) bool {
	e := As(err)
	if e == nil {
		return false
	}
	row, _ := Lookup(e.Code)
	return row.Fatal || e.End != NotEnded
}

// NeedsMetadata says whether the route must be looked up again before repeating.
func NeedsMetadata(err error) bool {
	e := As(err)
	if e == nil {
		return false
	}
	if e.Server != ServerNone {
		return LookupServer(e.Server).NeedsMetadata
	}
	return e.Code == Connection
}

// RetryAfter is how long it is no use to repeat the call, 0 when that is not known.
func RetryAfter(err error) time.Duration {
	if e := As(err); e != nil {
		return e.RetryAfter
	}
	return 0
}

// MaybeWritten says whether a failed request may have taken effect: its bytes left the process and no answer came, for this
// or an earlier attempt, or the server says so itself.
func MaybeWritten(err error) bool {
	e := As(err)
	if e == nil {
		return false
	}
	return e.Sent || e.Server != ServerNone && LookupServer(e.Server).MaybeWritten
}
