package transport

import (
	"math/bits"
	"sync"
	"sync/atomic"
)

// Frames of streams are large and short-lived, so their buffers are pooled by size: powers of two from 64 KiB to 16 MiB.
// Anything larger is left to the collector.
const (
	minClass = 16
	maxClass = 24
)

var bufferPools [maxClass - minClass + 1]sync.Pool

// Buffer is a reference-counted frame buffer. A Buffer that is never released is simply collected.
type Buffer struct {
	B    []byte
	refs atomic.Int32
}

// NewBuffer gives a buffer of n bytes with one reference; its content is undefined.
func NewBuffer(n int) *Buffer {
	class := max(bits.Len(uint(max(n, 1)-1)), minClass)
	if class > maxClass || n < 1<<minClass/4 {
		b := &Buffer{B: make([]byte, n)}
		b.refs.Store(1)
		return b
	}
	b, _ := bufferPools[class-minClass].Get().(*Buffer)
	if b == nil {
		b = &Buffer{B: make([]byte, 1<<class)}
	}
	b.B = b.B[:n]
	b.refs.Store(1)
	return b
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
	c := cap(b.B)
	class := bits.Len(uint(c)) - 1
	if class < minClass || class > maxClass || c != 1<<class {
		return
	}
	b.B = b.B[:c]
	poison(b.B)
	bufferPools[class-minClass].Put(b)
}

// OwnBuffer wraps memory that is not from the pool.
func OwnBuffer(b []byte) *Buffer {
	buf := &Buffer{B: b}
	buf.refs.Store(1)
	return buf
}
