package replay

import (
	"encoding/binary"
	"slices"
	"strings"
)

// object is an SC object inside an answer to List or Watch.
type object struct {
	name    string
	raw     []byte // name, spec and status as they stand in the message; nothing in them depends on what is around
	system  bool   // topics
	id      int32  // SPUs
	ports   []port // SPUs: public and local ones
	deleted bool   // a change of a watch that takes the object away
}

// port is where clients reach an SPU.
type port struct {
	at     int // of the two bytes, in the message
	host   string
	number uint16
}

// answer is an answer to List or Watch, taken apart.
type answer struct {
	label   string
	whole   bool // objects are all there are; else they are changes
	objects []object
}

// decodeAnswer takes an answer of the SC apart if it holds SPUs or topics, and gives nil for all others.
func decodeAnswer(key uint16, version int16, msg []byte) (*answer, error) {
	if key != keyList && key != keyWatch {
		return nil, nil
	}
	w := &walker{msg: msg}
	w.take(4)
	a := &answer{label: w.text("")}
	if a.label != labelSPU && a.label != labelTopic {
		return nil, w.err
	}
	one := func(deleted bool) {
		from := w.at
		o := object{name: w.text(""), deleted: deleted}
		if a.label == labelSPU {
			spuObject(w, &o)
		} else {
			topicObject(w, &o, version)
		}
		if w.err == nil {
			o.raw = w.msg[from:w.at:w.at]
			a.objects = append(a.objects, o)
		}
	}
	w.sized(func() {
		if key == keyWatch {
			w.number("", 8)
			w.list("change", func() { one(w.unsigned("", 1) == 1) })
			a.whole = len(a.objects) == 0
		}
		if key == keyList || a.whole {
			a.whole = true
			w.list("object", func() { one(false) })
		}
	})
	return a, w.err
}

func spuObject(w *walker, o *object) {
	o.id = int32(w.number("", 4))
	w.unsigned("", 1) // managed or custom
	public := readPort(w)
	w.list("", func() {
		var host string
		w.option("", func() { host = w.text("") })
		w.option("", func() {
			if ip := w.text(""); host == "" {
				host = ip
			}
		})
		if public.host == "" {
			public.host = host
		}
	})
	w.unsigned("", 1) // encryption
	endpoint := func() port {
		p := readPort(w)
		p.host = w.text("")
		w.unsigned("", 1)
		return p
	}
	endpoint() // private
	w.option("", func() { w.text("") })
	if public.host != "" {
		o.ports = append(o.ports, public)
	}
	w.option("", func() { o.ports = append(o.ports, endpoint()) })
	w.unsigned("", 1) // status
}

// readPort reads the number of a port and notes where it stands.
func readPort(w *walker) (p port) {
	p.at = w.at
	p.number = uint16(w.unsigned("", 2))
	return p
}

func topicObject(w *walker, o *object, version int16) {
	before := len(w.fields)
	topicSpec(w, version)
	for _, f := range w.fields[before:] {
		if f.Name == w.path+"system" {
			o.system = f.Value == "true"
		}
	}
	w.unsigned("", 1) // resolution
	w.dictionary("", func() { w.unsigned("", 4); w.list("", func() { w.number("", 4) }) })
	if version >= 14 {
		w.dictionary("", func() { w.unsigned("", 4); partitionMirror(w, version) })
	}
	w.text("") // reason
}

// redirect gives msg with the ports of its SPUs replaced by what to says. Only numbers of fixed size change, so everything
// else stays where it is.
func (a *answer) redirect(msg []byte, to func(id int32, p port) uint16) []byte {
	out := slices.Clone(msg)
	for _, o := range a.objects {
		for _, p := range o.ports {
			binary.BigEndian.PutUint16(out[p.at:], to(o.id, p))
		}
	}
	return out
}

// objects are the topics that a client has been shown by watch.
type objects map[string]object

func (s objects) apply(a *answer) {
	if a.whole && len(a.objects) > 0 {
		clear(s)
	}
	for _, o := range a.objects {
		if o.deleted {
			delete(s, o.name)
		} else {
			s[o.name] = o
		}
	}
}

// list is the SC's answer to a List of topics: those whose names contain one of the filters.
func (s objects) list(correlationID int32, filters []string, system bool) []byte {
	var names []string
	for name, o := range s {
		if o.system == system && (len(filters) == 0 || slices.ContainsFunc(filters, func(f string) bool { return strings.Contains(name, f) })) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	body := binary.BigEndian.AppendUint32(nil, uint32(len(names)))
	for _, name := range names {
		body = append(body, s[name].raw...)
	}
	msg := binary.BigEndian.AppendUint32(nil, uint32(correlationID))
	msg = binary.BigEndian.AppendUint16(msg, uint16(len(labelTopic)))
	msg = append(msg, labelTopic...)
	msg = binary.BigEndian.AppendUint32(msg, uint32(len(body)))
	return append(msg, body...)
}
