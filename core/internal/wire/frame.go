package wire

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// FrameHeaderSize is the i32 length in front of every message. It does not count itself.
const FrameHeaderSize = 4

// DefaultMaxFrame is the largest message a client accepts. The protocol has no limit of its own; 64 MiB is ample with the
// servers' default limits (batches of at most 32 MiB).
const DefaultMaxFrame = 64 << 20

// FrameLength reads the length in front of a message and refuses what cannot be one, before anything is allocated.
func FrameLength(header []byte, maxFrame int) (int, error) {
	n := int32(binary.BigEndian.Uint32(header))
	if n < 4 {
		return 0, fluvioerr.New(fluvioerr.Protocol, "read frame", "a frame announces %d bytes; %s", n, describeNonFrame(header))
	}
	if int64(n) > int64(maxFrame) {
		return 0, fluvioerr.New(fluvioerr.Protocol, "read frame", "a frame announces %d bytes, more than the limit of %d; %s", n, maxFrame, describeNonFrame(header))
	}
	return int(n), nil
}

// describeNonFrame guesses what speaks at the other end when the first bytes are not a frame.
func describeNonFrame(b []byte) string {
	switch {
	case string(b[:4]) == "HTTP", string(b[:4]) == "<!DO", string(b[:4]) == "<htm":
		return "the peer speaks HTTP, not Fluvio"
	case string(b[:3]) == "SSH":
		return "the peer speaks SSH, not Fluvio"
	case b[0] == 0x15 && b[1] == 0x03:
		return "the peer answers with a TLS alert: it wants TLS, or refuses this client's TLS"
	}
	return fmt.Sprintf("its first bytes are %q", b[:4])
}

// untested is how much memory a peer gets for announcing a message, before it has sent any of it.
const untested = 1 << 20

// ReadFrame reads one message. alloc gives the buffer it is read into, which may be larger than asked for; nil means make. Of
// large messages it is asked for a part first, and for four times what has come whenever that is full: who announces much
// and sends little costs little.
func ReadFrame(r io.Reader, maxFrame int, alloc func(int) []byte) ([]byte, error) {
	var header [FrameHeaderSize]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return nil, err
	}
	n, err := FrameLength(header[:], maxFrame)
	if err != nil {
		return nil, err
	}
	if alloc == nil {
		alloc = func(n int) []byte { return make([]byte, n) }
	}
	var b []byte
	for size := min(n, untested); ; size = min(n, 4*size) {
		next := alloc(size)
		size = min(n, cap(next))
		next = next[:size]
		at := copy(next, b)
		b = next
		if _, err := io.ReadFull(r, b[at:]); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		if size == n {
			return b, nil
		}
	}
}

// RequestHeader stands in front of every request body. It is not versioned.
type RequestHeader struct {
	APIKey        uint16
	APIVersion    int16
	CorrelationID int32
	ClientID      string
}

// Wire walks the header.
func (h *RequestHeader) Wire(c *Codec) {
	c.U16(&h.APIKey)
	c.I16(&h.APIVersion)
	c.I32(&h.CorrelationID)
	c.String(&h.ClientID)
}

// ResponseHeaderSize is the i32 correlation id in front of every response body. A response names neither its key nor its
// version: the receiver remembers them by correlation id.
const ResponseHeaderSize = 4

// AppendRequest appends a whole request frame: length, header, body at h.APIVersion.
func AppendRequest(dst []byte, h *RequestHeader, body Message) ([]byte, error) {
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dst, err := Append(dst, h.APIVersion, h)
	if err != nil {
		return dst[:at], err
	}
	if dst, err = Append(dst, h.APIVersion, body); err != nil {
		return dst[:at], err
	}
	binary.BigEndian.PutUint32(dst[at:], uint32(len(dst)-at-FrameHeaderSize))
	return dst, nil
}

// AppendResponse appends a whole response frame: length, correlation id, body at version.
func AppendResponse(dst []byte, correlationID int32, version int16, body Message) ([]byte, error) {
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dst = binary.BigEndian.AppendUint32(dst, uint32(correlationID))
	dst, err := Append(dst, version, body)
	if err != nil {
		return dst[:at], err
	}
	binary.BigEndian.PutUint32(dst[at:], uint32(len(dst)-at-FrameHeaderSize))
	return dst, nil
}

// DecodeRequestHeader reads the header of a request message (without its length) and returns the body.
func DecodeRequestHeader(msg []byte) (h RequestHeader, body []byte, err error) {
	n, err := Decode(msg, 0, &h)
	if err != nil {
		return h, nil, err
	}
	return h, msg[n:], nil
}

// SplitResponse reads the correlation id of a response message (without its length) and returns the body.
func SplitResponse(msg []byte) (correlationID int32, body []byte, err error) {
	if len(msg) < ResponseHeaderSize {
		return 0, nil, fluvioerr.New(fluvioerr.Protocol, "decode", "a response of %d bytes has no correlation id", len(msg))
	}
	return int32(binary.BigEndian.Uint32(msg)), msg[ResponseHeaderSize:], nil
}
