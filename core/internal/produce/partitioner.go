package produce

import (
	"encoding/binary"
	"sync/atomic"

	"github.com/dchest/siphash"
)

// Partitions is what a partitioner may choose from.
type Partitions struct {
	Count     int32   // of the topic, online or not
	Available []int32 // those online, ascending; empty while unknown
}

// Partitioner chooses the partition of a record. It is called from many goroutines at once.
type Partitioner interface {
	Partition(key []byte, value []byte, of *Partitions) int32
}

// Siphash places records as the official clients do: by SipHash-2-4 with zero keys over the key's length as u64
// little-endian and the key, modulo the partition count; records without a key round robin over the partitions online. A key
// of length 0 is a key.
type Siphash struct{ next atomic.Uint32 }

// Partition implements Partitioner.
func (s *Siphash) Partition(key, _ []byte, of *Partitions) int32 {
	if key != nil {
		return int32(KeyHash(key) % uint64(of.Count))
	}
	n := s.next.Add(1) - 1
	if len(of.Available) > 0 {
		return of.Available[n%uint32(len(of.Available))]
	}
	return int32(n % uint32(of.Count))
}

// KeyHash is the hash of the official clients. The length prefix comes from the way Rust hashes a byte slice on a 64-bit
// little-endian machine.
func KeyHash(key []byte) uint64 {
	var small [128]byte
	b := small[:0]
	b = binary.LittleEndian.AppendUint64(b, uint64(len(key)))
	b = append(b, key...)
	return siphash.Hash(0, 0, b)
}

// Fixed puts every record into one partition.
type Fixed int32

// Partition implements Partitioner.
func (f Fixed) Partition([]byte, []byte, *Partitions) int32 { return int32(f) }
