package replay

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// maxSection is the largest records section that is decompressed.
const maxSection = 64 << 20

// batches reads a record set: batches back to back. Records are compared decompressed: compressors may differ.
func batches(w *walker, set []byte) {
	inner := &walker{msg: set, path: w.path, fields: w.fields, err: w.err}
	for i := 0; inner.left() > 0 && inner.err == nil; i++ {
		inner.within(fmt.Sprintf("batch[%d]", i), func() { batch(inner) })
	}
	w.fields, w.err = inner.fields, inner.err
}

func batch(w *walker) {
	w.number("base_offset", 8)
	body := &walker{msg: w.take(int(w.number("", 4))), path: w.path, fields: w.fields, err: w.err}
	body.number("leader_epoch", 4)
	body.number("magic", 1)
	body.unsigned("crc", 4)
	attributes := body.number("attributes", 2)
	body.number("last_offset_delta", 4)
	body.number("first_timestamp", 8)
	body.number("max_timestamp", 8)
	body.number("producer_id", 8)
	body.number("producer_epoch", 2)
	body.number("first_sequence", 4)
	if attributes&0x10 != 0 {
		body.unsigned("schema_id", 4)
	}
	if body.err == nil {
		section, err := decompress(int(attributes&7), body.take(body.left()))
		if err != nil {
			body.fail("records of codec %d: %w", attributes&7, err)
		}
		records := &walker{msg: section, path: body.path, fields: body.fields, err: body.err}
		records.list("record", func() { record(records) })
		records.rest()
		body.fields, body.err = records.fields, records.err
	}
	w.fields, w.err = body.fields, body.err
}

func record(w *walker) {
	size := w.varint("")
	end := w.at + int(size)
	w.number("attributes", 1)
	w.varint("timestamp_delta")
	w.varint("offset_delta")
	w.option("key", func() { w.varbytes("key") })
	w.varbytes("value")
	w.varint("headers")
	if w.err == nil && w.at != end {
		w.fail("a record announces %d bytes and ends %d bytes off", size, w.at-end)
	}
}

// decompress opens a records section by the codec's number.
func decompress(codec int, section []byte) ([]byte, error) {
	var r io.Reader
	src := bytes.NewReader(section)
	switch codec {
	case 0:
		return section, nil
	case 1:
		g, err := gzip.NewReader(src)
		if err != nil {
			return nil, err
		}
		r = g
	case 2:
		r = snappy.NewReader(src)
	case 3:
		r = lz4.NewReader(src)
	case 4:
		z, err := zstd.NewReader(src, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxSection))
		if err != nil {
			return nil, err
		}
		defer z.Close()
		r = z
	default:
		return nil, fmt.Errorf("the codec is unknown")
	}
	out, err := io.ReadAll(io.LimitReader(r, maxSection+1))
	if err == nil && len(out) > maxSection {
		err = fmt.Errorf("more than %d bytes come out", maxSection)
	}
	return out, err
}
