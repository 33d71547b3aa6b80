package transport

import (
	"math/bits"
	"sync"
	"sync/atomic"
)

// Frames of streams are large and short-lived, so their memory is pooled by size: powers of two from 64 KiB to 16 MiB, each
// with some room on top, because a frame is a limit that is usually a power of two and a header. Anything larger, and what
// is much smaller than the smallest class, is left to the collector.
const (
	minClass   = 16
	maxClass   = 24
	classSlack = 4 << 10
	minPooled  = 16 << 10
)

// memory is what the pools hold. Buffers are not reused, only their memory is, so that releasing one too often shows even
// when its memory already serves another.
type memory struct{ b []byte }

var memoryPools [maxClass - minClass + 1]sync.Pool // of *memory

// Buffer is a reference-counted frame buffer. A Buffer that is never released is simply collected.
type Buffer struct {
	B     []byte
	mem   *memory // nil: not from a pool
	class int
	refs  atomic.Int32
}

// NewBuffer gives a buffer of n bytes with one reference; its content is undefined.
func NewBuffer(n int) *Buffer {
	class := max(bits.Len(uint(max(n-classSlack, 1)-1)), minClass)
	if class > maxClass || n < minPooled {
		return OwnBuffer(make([]byte, n))
	}
	mem, _ := memoryPools[class-minClass].Get().(*memory)
	if mem == nil {
		mem = &memory{make([]byte, 1<<class+classSlack)}
	}
	b := &Buffer{B: mem.b[:n], mem: mem, class: class}
	b.refs.Store(1)
	return b
}

// Size is the memory that the buffer holds, in bytes; at least len(B).
func (b *Buffer) Size() int {
	if b.mem != nil {
		return len(b.mem.b)
	}
	return cap(b.B)
}

// Retain adds a reference.
func (b *Buffer) Retain() { b.refs.Add(1) }

// Release drops a reference; the last one gives the memory to the next frame. Views into B must not be used afterwards.
func (b *Buffer) Release() {
	if n := b.refs.Add(-1); n != 0 {
		if n < 0 {
			panic("transport: buffer released too often")
		}
		return
	}
	if b.mem == nil {
		return
	}
	mem := b.mem
	b.B, b.mem = nil, nil
	poison(mem.b)
	memoryPools[b.class-minClass].Put(mem)
}

// OwnBuffer wraps memory that is not from the pool, with one reference.
func OwnBuffer(b []byte) *Buffer {
	buf := &Buffer{B: b}
	buf.refs.Store(1)
	return buf
}
