package smartengine

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A module that does not return must be stopped, and machine code cannot be interrupted; nor can Go collect garbage while it runs.
// wazero can look whether to stop at every turn of every loop, by leaving the machine code, which made modules of the official
// crate, with loops over single bytes, some fifty times slower. So the code is changed before it is compiled: it counts down a
// global of its own at every turn and every call, and for every KiB that one instruction moves, and only now and then, when that
// is used up, calls the one function that every module imports, copy_records, with a place that cannot be.

const (
	// allowance is how much a module may do between two looks whether to stop: below a millisecond's work, but for the largest moves.
	allowance = 100_000
	// nowhere is both place and size of a call of copy_records that is such a look.
	nowhere = 1<<32 - 1
)

// Sections of a module.
const (
	sectionCustom = 0
	sectionImport = 2
	sectionGlobal = 6
	sectionCode   = 10
)

var (
	errUnguarded = errors.New("it has code that the engine does not know and could not stop")
	errEnds      = fmt.Errorf("%w: it ends in the middle", errUnguarded)
)

// guarded gives a module with the looks in it. An error says no more than that the module is wrong, or uses what wazero does not know.
func guarded(wasm []byte) (_ []byte, err error) {
	g := &guard{reader: reader{b: wasm, at: 8}}
	defer func() { // a read behind the end
		if r := recover(); r != nil {
			if e, ok := r.(error); !ok || !errors.Is(e, errUnguarded) {
				panic(r)
			}
			err = errUnguarded
		}
	}()
	g.out = append(make([]byte, 0, 2*len(wasm)), g.sub(0, 8)...)
	for !g.done() {
		g.section()
	}
	if !g.found {
		return nil, errUnguarded
	}
	return g.out, nil
}

// reader reads a module. It panics with errEnds behind the end, and with errUnguarded where nothing known stands.
type reader struct {
	b  []byte
	at int
}

func (r *reader) done() bool { return r.at >= len(r.b) }

func (r *reader) sub(from, to int) []byte {
	if from < 0 || from > to || to > len(r.b) {
		panic(errEnds)
	}
	return r.b[from:to]
}

func (r *reader) bytes(n int) []byte {
	b := r.sub(r.at, r.at+n)
	r.at += n
	return b
}

func (r *reader) byte() byte { return r.bytes(1)[0] }

func (r *reader) u32() int {
	n, size := binary.Uvarint(r.b[r.at:])
	if size == 0 {
		panic(errEnds)
	}
	if size < 0 || n > 1<<32-1 {
		panic(errUnguarded)
	}
	r.at += size
	return int(n)
}

func (r *reader) u32s(n int) {
	for range n {
		r.u32()
	}
}

// signed reads over a signed number.
func (r *reader) signed() {
	for more := true; more; {
		more = r.byte() >= 0x80
	}
}

func (r *reader) name() string { return string(r.bytes(r.u32())) }

// valueType reads over a type of a value.
func (r *reader) valueType() {
	if t := r.byte(); t == 0x63 || t == 0x64 { // references to a type that follows
		r.signed()
	}
}

// limits reads over the size of a memory or table.
func (r *reader) limits() {
	if r.byte()&1 != 0 {
		r.u32()
	}
	r.u32()
}

// guard is a module on its way.
type guard struct {
	reader
	out   []byte
	found bool // copy_records
	call  int  // its index
	// The indices of globals: how many the module has, and so that of what is left and that of a place for a size.
	globals  int
	appended bool
	look     []byte // the code of the end of a look, after the new count is on the stack
}

// section takes one section over.
func (g *guard) section() {
	id := g.byte()
	body := g.bytes(g.u32())
	in := &guard{reader: reader{b: body}, found: g.found, call: g.call, globals: g.globals, look: g.look}
	switch {
	case id == sectionImport:
		g.imports(in)
	case id == sectionGlobal:
		n := in.u32()
		g.globals += n
		g.addGlobals(n, body[in.at:])
		return
	case id == sectionCustom:
		if strings.HasPrefix(in.name(), ".debug_") { // it tells of places that are elsewhere now
			return
		}
	case id > sectionGlobal && !g.appended:
		g.addGlobals(0, nil)
		in.look = g.look
	}
	if id == sectionCode {
		in.globals = g.globals
		body = in.code()
	}
	g.emit(id, body)
}

func (g *guard) emit(id byte, body []byte) {
	g.out = binary.AppendUvarint(append(g.out, id), uint64(len(body)))
	g.out = append(g.out, body...)
}

// imports notes the function copy_records and how many globals come from outside.
func (g *guard) imports(in *guard) {
	functions := 0
	for range in.u32() {
		switch name, kind := in.imported(); kind {
		case importFunction:
			if name == copyRecords && !g.found {
				g.found, g.call = true, functions
			}
			functions++
		case importGlobal:
			g.globals++
		}
	}
}

// What a module imports.
const (
	importFunction = iota
	importTable
	importMemory
	importGlobal
	importTag
)

// imported reads an import.
func (r *reader) imported() (name string, kind byte) {
	r.name() // of the module that it comes from
	name, kind = r.name(), r.byte()
	switch kind {
	case importFunction:
		r.u32()
	case importTable:
		r.valueType()
		r.limits()
	case importMemory:
		r.limits()
	case importGlobal:
		r.valueType()
		r.byte()
	case importTag:
		r.byte()
		r.u32()
	default:
		panic(errUnguarded)
	}
	return name, kind
}

// Instructions.
const (
	opBlock, opLoop, opIf, opEnd      = 0x02, 0x03, 0x04, 0x0b
	opCall                            = 0x10
	opGlobalGet, opGlobalSet          = 0x23, 0x24
	opMemoryGrow                      = 0x40
	opI32Const, opI32LeS              = 0x41, 0x4c
	opI32Add, opI32Sub, opI32ShrU     = 0x6a, 0x6b, 0x76
	blockEmpty, typeI32, globalCanSet = 0x40, 0x7f, 1
)

// addGlobals writes the section of globals with two more: what is left, and a place for a size. Nothing of the module itself uses
// them: that it refers to no global which it does not have is looked for.
func (g *guard) addGlobals(n int, entries []byte) {
	if !g.found || g.appended {
		panic(errUnguarded)
	}
	g.appended = true
	amount := i32Const(allowance)
	body := append(binary.AppendUvarint(nil, uint64(n+2)), entries...)
	body = append(append(append(body, typeI32, globalCanSet), amount...), opEnd)
	body = append(append(append(body, typeI32, globalCanSet), i32Const(0)...), opEnd)
	g.emit(sectionGlobal, body)
	left := g.global(0)
	g.look = slices.Concat([]byte{opGlobalSet}, left, []byte{opGlobalGet}, left, i32Const(0), []byte{opI32LeS, opIf, blockEmpty},
		i32Const(-1), i32Const(-1), binary.AppendUvarint([]byte{opCall}, uint64(g.call)), amount, []byte{opGlobalSet}, left, []byte{opEnd})
}

// global is the index of one of the added globals.
func (g *guard) global(n int) []byte { return binary.AppendUvarint(nil, uint64(g.globals+n)) }

// i32Const is the instruction for a number.
func i32Const(n int32) []byte {
	b := []byte{opI32Const}
	for ; n < -64 || n > 63; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(b, byte(n)&0x7f)
}

// turn is the look at a turn of a loop or a call, moved the one before an instruction that has a size on top of the stack.
func (g *guard) turn() []byte {
	return slices.Concat([]byte{opGlobalGet}, g.global(0), i32Const(1), []byte{opI32Sub}, g.look)
}

func (g *guard) moved() []byte {
	size := g.global(1)
	return slices.Concat([]byte{opGlobalSet}, size, []byte{opGlobalGet}, g.global(0), []byte{opGlobalGet}, size, i32Const(10),
		[]byte{opI32ShrU}, i32Const(1), []byte{opI32Add, opI32Sub}, g.look, []byte{opGlobalGet}, size)
}

// code changes the section of code.
func (g *guard) code() []byte {
	turn, moved := g.turn(), g.moved()
	n := g.u32()
	g.out = binary.AppendUvarint(make([]byte, 0, 2*len(g.b)), uint64(n))
	var body []byte
	for range n {
		f := &guard{reader: reader{b: g.bytes(g.u32())}, globals: g.globals}
		for range f.u32() {
			f.u32()
			f.byte()
		}
		body = append(append(body[:0], f.sub(0, f.at)...), turn...)
		for kept := f.at; !f.done(); kept = f.at {
			switch f.instruction() {
			case loops:
				body = append(append(body, f.b[kept:f.at]...), turn...)
			case moves:
				body = append(append(body, moved...), f.b[kept:f.at]...)
			default:
				body = append(body, f.b[kept:f.at]...)
			}
		}
		g.out = binary.AppendUvarint(g.out, uint64(len(body)))
		g.out = append(g.out, body...)
	}
	return g.out
}

// What an instruction is, for a guard.
type instruction int

const (
	plain instruction = iota
	loops
	moves // as much as the number on top of the stack says
)

// noOperands are the instructions of one byte that stand by themselves.
var noOperands = []byte{0x00, 0x01, 0x05, opEnd, 0x0f, 0x1a, 0x1b, 0xd1}

// instruction reads over one instruction of WebAssembly 2.0.
func (g *guard) instruction() instruction {
	switch op := g.byte(); {
	case op >= opBlock && op <= opIf:
		g.signed()
		if op == opLoop {
			return loops
		}
	case op >= 0x45 && op <= 0xc4 || bytes.IndexByte(noOperands, op) >= 0:
	case op == opGlobalGet, op == opGlobalSet:
		if g.u32() >= g.globals {
			panic(errUnguarded)
		}
	case op == 0x0c, op == 0x0d, op == opCall, op >= 0x20 && op <= 0x26, op == 0x3f, op == 0xd2: // br, br_if, locals, tables, ref.func
		g.u32()
	case op == opMemoryGrow:
		g.u32()
		return moves
	case op == 0x0e: // br_table
		g.u32s(g.u32() + 1)
	case op == 0x11, op >= 0x28 && op <= 0x3e: // call_indirect, loads and stores
		g.u32s(2)
	case op == 0x1c: // select
		g.bytes(g.u32())
	case op == opI32Const, op == 0x42:
		g.signed()
	case op == 0x43:
		g.bytes(4)
	case op == 0x44:
		g.bytes(8)
	case op == 0xd0: // ref.null
		g.byte()
	case op == 0xfc:
		return g.miscellaneous()
	case op == 0xfd:
		g.vector()
	default:
		panic(errUnguarded)
	}
	return plain
}

// miscellaneous reads over what stands behind 0xfc.
func (g *guard) miscellaneous() instruction {
	switch op := g.u32(); op {
	case 0, 1, 2, 3, 4, 5, 6, 7: // conversions
	case 9, 13, 16: // data.drop, elem.drop, table.size
		g.u32()
	case 8, 10, 12, 14: // memory.init, memory.copy, table.init, table.copy
		g.u32s(2)
		return moves
	case 11, 15, 17: // memory.fill, table.grow, table.fill
		g.u32()
		return moves
	default:
		panic(errUnguarded)
	}
	return plain
}

// vector reads over what stands behind 0xfd.
func (g *guard) vector() {
	switch op := g.u32(); {
	case op <= 11, op == 92, op == 93: // loads and stores
		g.u32s(2)
	case op == 12, op == 13: // v128.const, i8x16.shuffle
		g.bytes(16)
	case op >= 21 && op <= 34: // lanes
		g.byte()
	case op >= 84 && op <= 91: // loads and stores of lanes
		g.u32s(2)
		g.byte()
	case op > 255:
		panic(errUnguarded)
	}
}
