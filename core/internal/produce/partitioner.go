package produce

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"sync/atomic"

	"github.com/dchest/siphash"
)

// Partitions is what a partitioner may choose from.
type Partitions struct {
	Count     int32   // of the topic, online or not
	Available []int32 // those online, ascending; empty while unknown
}

// turn is the partition for the n-th record of a round.
func (of *Partitions) turn(n uint32) int32 {
	if len(of.Available) > 0 {
		return of.Available[n%uint32(len(of.Available))]
	}
	return int32(n % uint32(of.Count))
}

// from is the first partition online from p on, in a circle.
func (of *Partitions) from(p int32) int32 {
	if len(of.Available) == 0 {
		return p % of.Count
	}
	i, _ := slices.BinarySearch(of.Available, p)
	return of.Available[i%len(of.Available)]
}

// Partitioner chooses the partition of a record. It is called from many goroutines at once. A partition that does not exist
// fails the record.
type Partitioner interface {
	Partition(key, value []byte, of *Partitions) int32
}

// Func is a function as a Partitioner.
type Func func(key, value []byte, of *Partitions) int32

// Partition implements Partitioner.
func (f Func) Partition(key, value []byte, of *Partitions) int32 { return f(key, value, of) }

// Siphash places records as the official clients do: by SipHash-2-4 with zero keys over the key's length as u64
// little-endian and the key, modulo the partition count; records without a key round robin over the partitions online. A key
// of length 0 is a key.
type Siphash struct{ round RoundRobin }

// Partition implements Partitioner.
func (s *Siphash) Partition(key, value []byte, of *Partitions) int32 {
	if key != nil {
		return keyed(key, of)
	}
	return s.round.Partition(key, value, of)
}

func keyed(key []byte, of *Partitions) int32 { return int32(KeyHash(key) % uint64(of.Count)) }

// RoundRobin gives each partition online its turn, whatever the keys.
type RoundRobin struct{ next atomic.Uint32 }

// Partition implements Partitioner.
func (r *RoundRobin) Partition(_, _ []byte, of *Partitions) int32 {
	if of.Count == 1 { // nothing to count, or to divide, for each record
		return 0
	}
	return of.turn(r.next.Add(1) - 1)
}

// Sticky places records with a key as Siphash does. Those without one stay in one partition until its batch is closed, then
// go on to the next one online: few batches fill up, instead of one in each partition.
type Sticky struct{ current atomic.Int32 }

// NewSticky begins anywhere, so that many producers do not all begin in the same partition.
func NewSticky() *Sticky {
	s := &Sticky{}
	s.current.Store(rand.Int32())
	return s
}

// Partition implements Partitioner.
func (s *Sticky) Partition(key, _ []byte, of *Partitions) int32 {
	if key != nil {
		return keyed(key, of)
	}
	current := s.current.Load()
	p := of.from(current)
	if p != current {
		s.current.CompareAndSwap(current, p)
	}
	return p
}

// next is where records go on when the batch of partition p was closed; others may have gone on already.
func (s *Sticky) next(p int32, of *Partitions) int32 {
	if n := of.from(p + 1); s.current.CompareAndSwap(p, n) {
		return n
	}
	return s.Partition(nil, nil, of)
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
