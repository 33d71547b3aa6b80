package wire

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/stretchr/testify/require"
)

// FuzzFrame reads frames off a stream until it ends, with a limit far below what a length can announce.
func FuzzFrame(f *testing.F) {
	for _, v := range hostileVectors(f) {
		f.Add(append([]byte{byte(len(v.msg) >> 24), byte(len(v.msg) >> 16), byte(len(v.msg) >> 8), byte(len(v.msg))}, v.msg...))
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		const limit = 1 << 16
		r := bytes.NewReader(stream)
		for {
			before := r.Len()
			msg, err := ReadFrame(r, limit, nil)
			if err != nil {
				if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
					require.Equal(t, fluvioerr.Protocol, fluvioerr.CodeOf(err))
				}
				return
			}
			require.Equal(t, before-r.Len(), FrameHeaderSize+len(msg))
			require.LessOrEqual(t, len(msg), limit)
			id, body, err := SplitResponse(msg)
			require.NoError(t, err, "a frame of less than four bytes was let through")
			again, err := AppendResponse(nil, id, 0, walk(func(c *Codec) { c.Tail(&body) }))
			require.NoError(t, err)
			require.Equal(t, msg, again[FrameHeaderSize:])
			checkDecoded(t, "header", func() Message { return &RequestHeader{} }, 0, msg)
		}
	})
}

// FuzzBatch reads a record set as a consumer does, and the same bytes as a records section.
func FuzzBatch(f *testing.F) {
	for _, v := range allVectors(f) {
		m := v.message()
		_, err := Decode(v.body(), v.version, m)
		require.NoError(f, err)
		for _, set := range recordSets(m) {
			f.Add(set)
			if h, batch, _, _, ok, err := NextBatch(set); ok && err == nil {
				f.Add(batch[h.HeaderSize():])
			}
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		readBatches(t, b)
		readSection(t, &BatchHeader{BaseOffset: 5, FirstTimestamp: 1}, b)
	})
}

// FuzzRequests and FuzzResponses decode any bytes as any message: the first byte chooses the row of the table, the second
// the version.
func FuzzRequests(f *testing.F) {
	fuzzMessages(f, false, func(api *API) func() Message { return api.Request })
}

func FuzzResponses(f *testing.F) {
	fuzzMessages(f, true, func(api *API) func() Message { return api.Response })
}

func fuzzMessages(f *testing.F, response bool, side func(*API) func() Message) {
	for _, v := range hostileVectors(f) {
		if len(v.msg) > 1<<13 {
			continue // uploads: their 40 KB of payload only slow the search down
		}
		for i := range APIs {
			api := &APIs[i]
			if v.response == response && api.Role == v.role && api.Key == v.key {
				f.Add(byte(i), byte(v.version-api.Min), v.body())
			}
		}
	}
	f.Fuzz(func(t *testing.T, row, version byte, body []byte) {
		api := &APIs[int(row)%len(APIs)]
		v := api.Min + int16(version)%(api.Max-api.Min+1)
		checkDecoded(t, api.Name, side(api), v, body)
	})
}
