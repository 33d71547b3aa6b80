package wire

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A vector is one message of testdata/vectors, matched to its API and version.
type vector struct {
	name     string // where it is from, for failures
	role     Role
	key      uint16
	version  int16
	response bool
	msg      []byte // the message without the four length bytes: header and body
}

func (v *vector) body() []byte {
	if v.response {
		return v.msg[ResponseHeaderSize:]
	}
	return v.msg[10+int(v.msg[9]):]
}

func (v *vector) message() Message {
	api := LookupAPI(v.role, v.key)
	if v.response {
		return api.Response()
	}
	return api.Request()
}

// recordedVectors reads the recordings. A response names neither key nor version: they are those of the latest request
// of its correlation id that waits for an answer, else of the stream that was opened under it.
func recordedVectors(t testing.TB) []vector {
	files, err := filepath.Glob("testdata/vectors/recorded/*.jsonl")
	require.NoError(t, err)
	require.Len(t, files, 6)
	var out []vector
	for _, file := range files {
		f, err := os.Open(file)
		require.NoError(t, err)
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 1<<20)
		pending, streams := map[string]vector{}, map[string]vector{}
		for n := 1; lines.Scan(); n++ {
			var frame struct {
				Conn, Len        int
				Server, Dir, Hex string
			}
			require.NoError(t, json.Unmarshal(lines.Bytes(), &frame))
			v := vector{name: fmt.Sprintf("%s:%d", filepath.Base(file), n), response: frame.Dir == "s2c"}
			v.msg, err = hex.DecodeString(frame.Hex)
			require.NoError(t, err, v.name)
			require.Len(t, v.msg, frame.Len, v.name)
			if frame.Server != "SC" {
				v.role = SPU
			}
			if v.response {
				id, _, err := SplitResponse(v.msg)
				require.NoError(t, err, v.name)
				slot := fmt.Sprint(frame.Conn, id)
				of, ok := pending[slot]
				if delete(pending, slot); !ok {
					of, ok = streams[slot]
				}
				require.True(t, ok, "%s answers correlation id %d, which nobody asked under", v.name, id)
				v.key, v.version = of.key, of.version
			} else {
				h, _, err := DecodeRequestHeader(v.msg)
				require.NoError(t, err, v.name)
				v.key, v.version = h.APIKey, h.APIVersion
				slot := fmt.Sprint(frame.Conn, h.CorrelationID)
				if (v.role == SC && v.key == KeyWatch) || (v.role == SPU && v.key == KeyStreamFetch) {
					streams[slot] = v
				} else {
					pending[slot] = v
				}
			}
			out = append(out, v)
		}
		require.NoError(t, lines.Err())
		require.NoError(t, f.Close())
	}
	return out
}

// computed reads a file of names and bytes.
func computed(t testing.TB, file string) map[string][]byte {
	text, err := os.ReadFile(filepath.Join("testdata/vectors", file))
	require.NoError(t, err)
	var named map[string]string
	require.NoError(t, json.Unmarshal(text, &named))
	out := make(map[string][]byte, len(named))
	for name, s := range named {
		out[name], err = hex.DecodeString(s)
		require.NoError(t, err, name)
	}
	return out
}

// spuKeys are the names in computed-data.json.
var spuKeys = map[string]uint16{
	"ApiVersions": 18, "Produce": 0, "Fetch": 1, "FetchOffsets": 1002, "StreamFetch": 1003, "UpdateOffsets": 1005,
	"UpdateConsumerOffset": 1006, "DeleteConsumerOffset": 1007, "FetchConsumerOffsets": 1008,
}

var framedName = regexp.MustCompile(`^(\w+) (request|response)(?: of an? (SC|SPU)[^,]*)?(?: v(\d+))?(?: of an? (SC|SPU)[^,]*)?, framed`)

// controlResponses gives the key that each response of computed-control.json belongs to, all at version 19 but the first.
var controlResponses = map[string]uint16{
	"api_versions_response": 18, "create_status_ok": 1001, "create_status_exists": 1001, "delete_status_system_topic": 1002,
	"list_topics_response": 1003, "list_spus_response": 1003, "watch_partition_response_all": 1004, "watch_partition_response_change": 1004,
}

// computedVectors are the framed entries of the computed files. rest are the names of computed-data.json that are no
// frames, with their bytes.
func computedVectors(t testing.TB) (out []vector, rest map[string][]byte) {
	rest = computed(t, "computed-data.json")
	for name, frame := range rest {
		m := framedName.FindStringSubmatch(name)
		if m == nil {
			continue
		}
		delete(rest, name)
		v := vector{name: name, role: SPU, response: m[2] == "response", msg: unframe(t, name, frame), version: 25}
		if strings.Contains(m[3]+m[5], "SC") {
			v.role = SC
		}
		var known bool
		v.key, known = spuKeys[m[1]]
		require.True(t, known, name)
		switch {
		case m[4] != "":
			n, err := strconv.Atoi(m[4])
			require.NoError(t, err)
			v.version = int16(n)
		case v.key == KeyApiVersions:
			v.version = 2
		case v.key == KeyUpdateOffsets:
			v.version = 0
		}
		out = append(out, v)
	}
	for name, frame := range computed(t, "computed-control.json") {
		if strings.HasPrefix(name, "auth_") {
			continue // in no table of requests: TestAuthVectors has them
		}
		v := vector{name: name, role: SC, version: 19, msg: unframe(t, name, frame)}
		if v.key, v.response = controlResponses[name]; !v.response {
			h, _, err := DecodeRequestHeader(v.msg)
			require.NoError(t, err, name)
			v.key, v.version = h.APIKey, h.APIVersion
		} else if v.key == KeyApiVersions {
			v.version = 2
		}
		out = append(out, v)
	}
	return out, rest
}

var objectName = regexp.MustCompile(`^(SC|SPU) (\w+) (request|response) v(\d+): `)

// objectVectors are the entries of computed-objects.json, which name their API, direction and version.
func objectVectors(t testing.TB) (out []vector) {
	for name, frame := range computed(t, "computed-objects.json") {
		m := objectName.FindStringSubmatch(name)
		require.NotNil(t, m, name)
		i := slices.IndexFunc(APIs, func(a API) bool { return a.Role.String() == m[1] && a.Name == m[2] })
		require.GreaterOrEqual(t, i, 0, name)
		version, err := strconv.Atoi(m[4])
		require.NoError(t, err, name)
		v := vector{name: name, role: APIs[i].Role, key: APIs[i].Key, version: int16(version), response: m[3] == "response", msg: unframe(t, name, frame)}
		if !v.response {
			h, _, err := DecodeRequestHeader(v.msg)
			require.NoError(t, err, name)
			require.Equal(t, v.key, h.APIKey, name)
			require.Equal(t, v.version, h.APIVersion, name)
		}
		out = append(out, v)
	}
	return out
}

func unframe(t testing.TB, name string, frame []byte) []byte {
	n, err := FrameLength(frame, DefaultMaxFrame)
	require.NoError(t, err, name)
	require.Len(t, frame, FrameHeaderSize+n, name)
	return frame[FrameHeaderSize:]
}

// allVectors are all vectors, recorded and computed.
func allVectors(t testing.TB) []vector {
	c, _ := computedVectors(t)
	return slices.Concat(recordedVectors(t), c, objectVectors(t))
}
