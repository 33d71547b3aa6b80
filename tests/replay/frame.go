package replay

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
)

// Directions of a Frame.
const (
	FromClient = "c2s"
	FromServer = "s2c"
)

// serverSC is the Server of frames from and to the SC; SPUs are serverSPU, with their id behind it in a cluster of several.
const (
	serverSC  = "SC"
	serverSPU = "SPU"
)

// maxMessage is the largest message a Recorder or a Player reads. Official servers take batches of up to 32 MiB.
const maxMessage = 256 << 20

// Hex is bytes that are hexadecimal digits in JSON.
type Hex []byte

// MarshalText gives the digits.
func (h Hex) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h), nil }

// UnmarshalText reads the digits.
func (h *Hex) UnmarshalText(text []byte) (err error) {
	*h, err = hex.AppendDecode(nil, text)
	return err
}

// Frame is one message of a recording.
type Frame struct {
	Conn    int    `json:"conn"`
	Server  string `json:"server"`
	Dir     string `json:"dir"`
	Millis  int64  `json:"ms"`
	Len     int    `json:"len"`               // of the whole message
	Msg     Hex    `json:"hex"`               // header and body
	Trimmed bool   `json:"trimmed,omitempty"` // Msg is only the start of it
}

// Read reads a recording and refuses lines that are not frames.
func Read(r io.Reader) ([]Frame, error) {
	var frames []Frame
	lines := bufio.NewReader(r)
	for n := 1; ; n++ {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var f Frame
			if err := json.Unmarshal(line, &f); err != nil {
				return nil, fmt.Errorf("line %d of the recording: %w", n, err)
			}
			if err := f.check(); err != nil {
				return nil, fmt.Errorf("line %d of the recording: %w", n, err)
			}
			frames = append(frames, f)
		}
		if err == io.EOF {
			return frames, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// ReadFile is Read from a file.
func ReadFile(name string) ([]Frame, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	frames, err := Read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return frames, nil
}

func (f *Frame) check() error {
	switch {
	case f.Dir != FromClient && f.Dir != FromServer:
		return fmt.Errorf("dir is %q, neither %s nor %s", f.Dir, FromClient, FromServer)
	case f.Server == "":
		return fmt.Errorf("server is missing")
	case f.Trimmed && len(f.Msg) > f.Len, !f.Trimmed && len(f.Msg) != f.Len:
		return fmt.Errorf("len is %d, hex has %d bytes", f.Len, len(f.Msg))
	case len(f.Msg) < 4:
		return fmt.Errorf("a message of %d bytes has no header", len(f.Msg))
	}
	return nil
}

// readMessage reads one message off a connection, without its length. io.EOF is the end between two messages.
func readMessage(r io.Reader) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := int32(binary.BigEndian.Uint32(head[:]))
	if n < 4 || n > maxMessage {
		return nil, fmt.Errorf("a message announces %d bytes (%q): is this Fluvio without TLS?", n, head)
	}
	msg := make([]byte, n)
	if _, err := io.ReadFull(r, msg); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("the connection ended inside a message of %d bytes: %w", n, err)
	}
	return msg, nil
}

// framed puts the length in front of a message.
func framed(msg []byte) []byte {
	return append(binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(msg)), uint32(len(msg))), msg...)
}

// opensStream says whether a request is answered more than once.
func opensStream(server string, key uint16) bool {
	return (server == serverSC && key == keyWatch) || (server != serverSC && key == keyStreamFetch)
}

// link gives, for every answer of a recording, the index of the request it belongs to, and -1 for requests. Clients use a
// correlation id again (a watch takes the one that ApiVersions had), so an answer belongs to the latest request that waits
// under its id, else to the stream that was opened under it.
func link(frames []Frame) ([]int, error) {
	type slot struct {
		conn int
		id   uint32
	}
	waiting, streams := map[slot]int{}, map[slot]int{}
	out := make([]int, len(frames))
	for i := range frames {
		f := &frames[i]
		if f.Dir == FromClient {
			out[i] = -1
			if len(f.Msg) < 8 {
				return nil, fmt.Errorf("line %d: a request of %d bytes has no header", i+1, len(f.Msg))
			}
			at := slot{f.Conn, binary.BigEndian.Uint32(f.Msg[4:])}
			if opensStream(f.Server, binary.BigEndian.Uint16(f.Msg)) {
				streams[at] = i
			} else {
				waiting[at] = i
			}
			continue
		}
		at := slot{f.Conn, binary.BigEndian.Uint32(f.Msg)}
		of, ok := waiting[at]
		if delete(waiting, at); !ok {
			if of, ok = streams[at]; !ok {
				return nil, fmt.Errorf("line %d answers correlation id %d, under which nothing was asked", i+1, at.id)
			}
		}
		out[i] = of
	}
	return out, nil
}
