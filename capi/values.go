package main

// #include "bridge.h"
import "C"

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// Values carry the core's objects to C: structs become maps, whose members are called as their json or setting tags say, times
// milliseconds.

// tree lays out the nodes of a value: the children of a node lie side by side.
type tree struct {
	nodes []C.fluvioc_node_t
	texts []byte
	keys  map[string]C.uint32_t // where the names of members are: they repeat
	json  bytes.Buffer
}

// cValue makes the C value of an object or a list of objects.
func cValue(op string, object any) (unsafe.Pointer, error) {
	t := &tree{nodes: make([]C.fluvioc_node_t, 1), keys: map[string]C.uint32_t{}}
	t.put(0, reflect.ValueOf(object))
	position := len(t.texts)
	t.texts = append(t.texts, t.json.Bytes()...)
	t.texts = append(t.texts, 0)
	v := C.fluvioc_value_new(unsafe.SliceData(t.nodes), C.size_t(len(t.nodes)), (*C.char)(unsafe.Pointer(unsafe.SliceData(t.texts))),
		C.size_t(len(t.texts)), C.size_t(position))
	if v == nil {
		return nil, fluvioerr.New(fluvioerr.OutOfMemory, op, "no memory for the result")
	}
	return unsafe.Pointer(v), nil
}

// put fills a node, and appends to the JSON.
func (t *tree) put(at int, v reflect.Value) {
	if !v.IsValid() {
		t.null(at)
		return
	}
	switch x := v.Interface().(type) {
	case time.Duration:
		t.number(at, x.Milliseconds())
		return
	case time.Time:
		if x.IsZero() {
			t.null(at)
		} else {
			t.number(at, x.UnixMilli())
		}
		return
	case []byte:
		if x == nil {
			t.null(at)
		} else {
			t.bytes(at, x)
		}
		return
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		t.put(at, v.Elem())
	case reflect.String:
		t.text(at, v.String())
	case reflect.Bool:
		t.nodes[at]._type, t.nodes[at].number = C.FLUVIO_VALUE_BOOL, 0
		if v.Bool() {
			t.nodes[at].number = 1
		}
		t.json.WriteString(strconv.FormatBool(v.Bool()))
	case reflect.Slice:
		t.list(at, v)
	case reflect.Map:
		t.textMap(at, v.Interface().(map[string]string))
	case reflect.Struct:
		t.object(at, v)
	default:
		if v.CanUint() {
			t.nodes[at]._type, t.nodes[at].number = C.FLUVIO_VALUE_NUMBER, C.int64_t(min(v.Uint(), math.MaxInt64))
			t.json.WriteString(strconv.FormatUint(v.Uint(), 10))
			return
		}
		t.number(at, v.Int())
	}
}

func (t *tree) null(at int) {
	t.nodes[at]._type = C.FLUVIO_VALUE_NULL
	t.json.WriteString("null")
}

func (t *tree) number(at int, n int64) {
	t.nodes[at]._type, t.nodes[at].number = C.FLUVIO_VALUE_NUMBER, C.int64_t(n)
	t.json.WriteString(strconv.FormatInt(n, 10))
}

func (t *tree) bytes(at int, b []byte) {
	t.nodes[at]._type, t.nodes[at].number, t.nodes[at].text = C.FLUVIO_VALUE_BYTES, C.int64_t(len(b)), C.uint64_t(len(t.texts))
	t.texts = append(t.texts, b...)
	t.json.WriteString(`{"base64":"` + base64.StdEncoding.EncodeToString(b) + `"}`)
}

func (t *tree) text(at int, s string) {
	t.nodes[at]._type, t.nodes[at].text = C.FLUVIO_VALUE_TEXT, C.uint64_t(len(t.texts))
	t.texts = append(append(t.texts, s...), 0)
	t.quote(s)
}

// quote writes a text into the JSON; a text that is not UTF-8 is repaired.
func (t *tree) quote(s string) {
	quoted, _ := json.Marshal(s) // strings have no errors
	t.json.Write(quoted)
}

// children makes room for the children of a node.
func (t *tree) children(at int, kind C.int32_t, n int) (first int) {
	first = len(t.nodes)
	t.nodes = append(t.nodes, make([]C.fluvioc_node_t, n)...)
	t.nodes[at]._type, t.nodes[at].count, t.nodes[at].first = kind, C.uint32_t(n), C.uint32_t(first)
	return first
}

func (t *tree) list(at int, v reflect.Value) {
	first := t.children(at, C.FLUVIO_VALUE_LIST, v.Len())
	t.json.WriteByte('[')
	for i := range v.Len() {
		if i > 0 {
			t.json.WriteByte(',')
		}
		t.put(first+i, v.Index(i))
	}
	t.json.WriteByte(']')
}

// member begins a member of a map.
func (t *tree) member(at, i int, name string) {
	key, known := t.keys[name]
	if !known {
		key = C.uint32_t(len(t.texts))
		t.keys[name] = key
		t.texts = append(append(t.texts, name...), 0)
	}
	t.nodes[at].key = key
	if i > 0 {
		t.json.WriteByte(',')
	}
	t.quote(name)
	t.json.WriteByte(':')
}

func (t *tree) textMap(at int, m map[string]string) {
	first := t.children(at, C.FLUVIO_VALUE_MAP, len(m))
	t.json.WriteByte('{')
	for i, name := range slices.Sorted(maps.Keys(m)) {
		t.member(first+i, i, name)
		t.text(first+i, m[name])
	}
	t.json.WriteByte('}')
}

func (t *tree) object(at int, v reflect.Value) {
	first := t.children(at, C.FLUVIO_VALUE_MAP, v.NumField())
	t.json.WriteByte('{')
	for i := range v.NumField() {
		t.member(first+i, i, memberName(v.Type().Field(i)))
		t.put(first+i, v.Field(i))
	}
	t.json.WriteByte('}')
}

func memberName(f reflect.StructField) string {
	if name := f.Tag.Get("json"); name != "" {
		return name
	}
	return strings.ToLower(f.Name)
}
