package wire

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// Layout of a record batch. batch_len counts what follows it; the checksum covers everything from the attributes on.
const (
	BatchHeaderSize = 57 // up to and including first_sequence
	BatchPrefixSize = 12 // base_offset and batch_len, which batch_len does not count
	batchCRCStart   = 21
	SchemaIDSize    = 4
	RecordCountSize = 4
	attrCodecMask   = 0x07
	attrSchema      = 0x10
	batchMagic      = 2
)

// Codec ids in the attributes of a batch (not those of a topic's setting, which number differently).
const (
	CompressionNone   = 0
	CompressionGzip   = 1
	CompressionSnappy = 2
	CompressionLz4    = 3
	CompressionZstd   = 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Checksum is CRC-32C, as batches carry it.
func Checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// BatchHeader is the fixed part of a record batch.
type BatchHeader struct {
	BaseOffset      int64
	BatchLen        int32 // bytes after this field
	LeaderEpoch     int32
	Magic           int8
	CRC             uint32
	Attributes      int16
	LastOffsetDelta int32 // offset of the last record minus BaseOffset
	FirstTimestamp  int64 // ms since the epoch, -1 none
	MaxTimestamp    int64
	ProducerID      int64
	ProducerEpoch   int16
	FirstSequence   int32
	SchemaID        uint32 // only with the schema flag
}

// Size is the size of the whole batch in bytes.
func (h *BatchHeader) Size() int { return BatchPrefixSize + int(h.BatchLen) }

// HeaderSize is the size of the part before the records section.
func (h *BatchHeader) HeaderSize() int {
	if h.HasSchema() {
		return BatchHeaderSize + SchemaIDSize
	}
	return BatchHeaderSize
}

// Compression is the codec id of the records section.
func (h *BatchHeader) Compression() int { return int(h.Attributes) & attrCodecMask }

// HasSchema says whether a schema id follows the fixed part. Read such batches, never write them: SPUs cannot store them.
func (h *BatchHeader) HasSchema() bool { return h.Attributes&attrSchema != 0 }

// NextOffset is the offset after the batch.
func (h *BatchHeader) NextOffset() int64 { return h.BaseOffset + int64(h.LastOffsetDelta) + 1 }

// DecodeBatchHeader reads the header at the start of b and checks that its lengths can be true. It needs the header to be
// whole, not the batch.
func DecodeBatchHeader(b []byte) (h BatchHeader, err error) {
	if len(b) < BatchHeaderSize {
		return h, fluvioerr.New(fluvioerr.Protocol, "decode batch", "%d bytes are less than a batch header of %d", len(b), BatchHeaderSize)
	}
	be := binary.BigEndian
	h = BatchHeader{
		BaseOffset:      int64(be.Uint64(b[0:])),
		BatchLen:        int32(be.Uint32(b[8:])),
		LeaderEpoch:     int32(be.Uint32(b[12:])),
		Magic:           int8(b[16]),
		CRC:             be.Uint32(b[17:]),
		Attributes:      int16(be.Uint16(b[21:])),
		LastOffsetDelta: int32(be.Uint32(b[23:])),
		FirstTimestamp:  int64(be.Uint64(b[27:])),
		MaxTimestamp:    int64(be.Uint64(b[35:])),
		ProducerID:      int64(be.Uint64(b[43:])),
		ProducerEpoch:   int16(be.Uint16(b[51:])),
		FirstSequence:   int32(be.Uint32(b[53:])),
	}
	if h.BatchLen < int32(h.HeaderSize()-BatchPrefixSize) {
		return h, fluvioerr.New(fluvioerr.Protocol, "decode batch", "a batch announces %d bytes, less than its header", h.BatchLen)
	}
	if h.HasSchema() {
		if len(b) < h.HeaderSize() {
			return h, fluvioerr.New(fluvioerr.Protocol, "decode batch", "%d bytes are less than a batch header with schema", len(b))
		}
		h.SchemaID = be.Uint32(b[BatchHeaderSize:])
	}
	return h, nil
}

// Put writes the header to the start of b, which must have room for HeaderSize bytes. The checksum is written as it
// stands: call SealBatch when the records are in place.
func (h *BatchHeader) Put(b []byte) {
	be := binary.BigEndian
	_ = b[BatchHeaderSize-1]
	be.PutUint64(b[0:], uint64(h.BaseOffset))
	be.PutUint32(b[8:], uint32(h.BatchLen))
	be.PutUint32(b[12:], uint32(h.LeaderEpoch))
	b[16] = byte(h.Magic)
	be.PutUint32(b[17:], h.CRC)
	be.PutUint16(b[21:], uint16(h.Attributes))
	be.PutUint32(b[23:], uint32(h.LastOffsetDelta))
	be.PutUint64(b[27:], uint64(h.FirstTimestamp))
	be.PutUint64(b[35:], uint64(h.MaxTimestamp))
	be.PutUint64(b[43:], uint64(h.ProducerID))
	be.PutUint16(b[51:], uint16(h.ProducerEpoch))
	be.PutUint32(b[53:], uint32(h.FirstSequence))
	if h.HasSchema() {
		be.PutUint32(b[BatchHeaderSize:], h.SchemaID)
	}
}

// NewBatchHeader is a producer's header: what Fluvio leaves unused is -1, the base offset is the SPU's to set.
func NewBatchHeader(codec int, count int, firstTimestamp, maxTimestamp int64) BatchHeader {
	return BatchHeader{
		LeaderEpoch: -1, Magic: batchMagic, Attributes: int16(codec), LastOffsetDelta: int32(count - 1),
		FirstTimestamp: firstTimestamp, MaxTimestamp: maxTimestamp,
		ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1,
	}
}

// SealBatch writes h and its checksum into batch, which is the header's room followed by the records section as sent.
func SealBatch(batch []byte, h *BatchHeader) {
	h.BatchLen = int32(len(batch) - BatchPrefixSize)
	h.Put(batch)
	h.CRC = Checksum(batch[batchCRCStart:])
	binary.BigEndian.PutUint32(batch[17:], h.CRC)
}

// SetBaseOffset overwrites the base offset of an encoded batch; the checksum does not cover it.
func SetBaseOffset(batch []byte, offset int64) { binary.BigEndian.PutUint64(batch, uint64(offset)) }

// VerifyBatch checks the checksum of a whole batch.
func VerifyBatch(batch []byte, h *BatchHeader) error {
	if h.Size() < BatchHeaderSize || h.Size() > len(batch) {
		return fluvioerr.New(fluvioerr.Protocol, "decode batch", "a batch of %d bytes announces %d", len(batch), h.Size()).AtOffset(h.BaseOffset)
	}
	if got := Checksum(batch[batchCRCStart:h.Size()]); got != h.CRC {
		return fluvioerr.New(fluvioerr.Corrupt, "decode batch", "checksum %08x, expected %08x", got, h.CRC).AtOffset(h.BaseOffset)
	}
	return nil
}

// NextBatch splits the first whole batch off a record set. A cut-off last batch, which is how servers end a frame at
// max_bytes, gives ok false, no error, and in need the size from which on the batch would be whole.
func NextBatch(records []byte) (h BatchHeader, batch, rest []byte, need int, ok bool, err error) {
	if len(records) < BatchPrefixSize {
		return h, nil, records, BatchHeaderSize, false, nil
	}
	size := BatchPrefixSize + int(int32(binary.BigEndian.Uint32(records[8:])))
	if size < BatchHeaderSize {
		return h, nil, records, 0, false, fluvioerr.New(fluvioerr.Protocol, "decode batch", "a batch announces %d bytes, less than its header", size)
	}
	if len(records) < size {
		return h, nil, records, size, false, nil
	}
	if h, err = DecodeBatchHeader(records[:size]); err != nil {
		return h, nil, records, 0, false, err
	}
	return h, records[:size:size], records[size:], 0, true, nil
}
