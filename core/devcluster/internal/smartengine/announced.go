package smartengine

import (
	"errors"
	"math"
)

// Further sections of a module.
const (
	sectionType    = 1
	sectionExport  = 7
	sectionStart   = 8
	sectionElement = 9
	sectionData    = 11
	sectionCounted = 12 // the number of data segments, of which the section of data says the same
)

// mostLocals is what other engines allow a function, too.
const mostLocals = 50_000

var errAnnounced = errors.New("it announces more than it holds")

// announced looks whether a module holds as much as it says in advance: wazero takes memory for what is announced, and a few bytes
// that announce billions would end the process, which no recover prevents. Where a section ends in the middle of something wazero
// reads on in the next one, and finds numbers there. What is wrong otherwise is left to wazero to say.
func announced(wasm []byte) (err error) {
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(error)
			switch {
			case ok && (errors.Is(e, errAnnounced) || errors.Is(e, errEnds)):
				err = errAnnounced
			case !ok || !errors.Is(e, errUnguarded):
				panic(r)
			}
		}
	}()
	for r := (&reader{b: wasm, at: min(8, len(wasm))}); !r.done(); {
		id := r.byte()
		in := &guard{reader: reader{b: r.bytes(r.count())}, globals: math.MaxInt}
		switch id {
		case sectionCustom:
			if in.name() == "name" {
				in.names()
			}
			continue
		case sectionStart, sectionCounted:
			continue
		}
		n := in.count()
		each := map[byte]func(){
			sectionType: in.signature, sectionImport: func() { in.imported() }, sectionExport: in.exported, sectionElement: in.elements,
			sectionCode: in.locals, sectionData: in.segment,
		}[id]
		if each != nil {
			for range n {
				each()
			}
		}
	}
	return nil
}

// count reads how many of something come, each of a byte at least.
func (r *reader) count() int {
	n := r.u32()
	if n > len(r.b)-r.at {
		panic(errAnnounced)
	}
	return n
}

// signature reads over the type of a function.
func (g *guard) signature() {
	g.byte()
	for range 2 {
		for range g.count() {
			g.valueType()
		}
	}
}

// exported reads over an export.
func (r *reader) exported() {
	r.name()
	r.byte()
	r.u32()
}

// constant reads over the instructions of a constant.
func (g *guard) constant() {
	for g.sub(g.at, g.at+1)[0] != opEnd {
		g.instruction()
	}
	g.byte()
}

// elements reads over a segment of a table's elements.
func (g *guard) elements() {
	kind := g.u32()
	passive, explicit, expressions := kind&1 != 0, kind&2 != 0, kind&4 != 0
	if !passive {
		if explicit {
			g.u32()
		}
		g.constant()
	}
	if passive || explicit {
		g.byte()
	}
	for range g.count() {
		if expressions {
			g.constant()
		} else {
			g.u32()
		}
	}
}

// locals reads over a function, and adds up its locals, which are announced by number.
func (g *guard) locals() {
	in := &reader{b: g.bytes(g.count())}
	sum := 0
	for range in.count() {
		if sum += in.u32(); sum > mostLocals {
			panic(errAnnounced)
		}
		in.valueType()
	}
}

// segment reads over a segment of data.
func (g *guard) segment() {
	switch g.u32() {
	case 2:
		g.u32()
		g.constant()
	case 0:
		g.constant()
	}
	g.bytes(g.count())
}

// names reads over what a module calls its functions and their locals.
func (g *guard) names() {
	for !g.done() {
		id := g.byte()
		in := &reader{b: g.bytes(g.count())}
		switch id { // wazero passes over others
		case 1:
			in.named()
		case 2: // of each function
			for range in.count() {
				in.u32()
				in.named()
			}
		}
	}
}

func (r *reader) named() {
	for range r.count() {
		r.u32()
		r.name()
	}
}
