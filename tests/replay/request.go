package replay

import (
	"fmt"
	"strconv"
	"strings"
)

// API keys. The same number can mean different things to the SC and to an SPU.
const (
	keyApiVersions    = 18
	keyCreate         = 1001 // SC
	keyDelete         = 1002 // SC
	keyList           = 1003 // SC
	keyWatch          = 1004 // SC
	keyUpdate         = 1006 // SC
	keyProduce        = 0    // SPU
	keyFetch          = 1    // SPU
	keyFetchOffsets   = 1002 // SPU
	keyStreamFetch    = 1003 // SPU
	keyUpdateOffsets  = 1005 // SPU
	keyUpdateConsumer = 1006 // SPU
	keyDeleteConsumer = 1007 // SPU
	keyFetchConsumers = 1008 // SPU
)

// Request is a message of a client, taken apart.
type Request struct {
	Server        string // SC or SPU
	Key           uint16
	Version       int16
	CorrelationID int32
	Name          string  // of the API, or its number
	Fields        []Field // in the order of the message, header included
}

// Field gives the value of a field by its path, "" when there is none. Texts are quoted as in Go.
func (r *Request) Field(name string) string {
	for _, f := range r.Fields {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// Text is Field without quotes.
func (r *Request) Text(name string) string {
	s, err := strconv.Unquote(r.Field(name))
	if err != nil {
		return ""
	}
	return s
}

// layout is how to read the body of a request.
type layout struct {
	name string
	read func(w *walker, version int16)
}

var scLayouts = map[uint16]layout{
	keyApiVersions: {"ApiVersions", apiVersions},
	keyCreate:      {"Create", create},
	keyDelete:      {"Delete", enveloped("Delete", map[string]bool{labelCustomSPU: true})},
	keyList:        {"List", enveloped("List", nil)},
	keyWatch:       {"Watch", enveloped("Watch", nil)},
	keyUpdate:      {"Update", enveloped("Update", nil)},
}

var spuLayouts = map[uint16]layout{
	keyApiVersions:    {"ApiVersions", apiVersions},
	keyProduce:        {"Produce", produce},
	keyFetch:          {"Fetch", nil},
	keyFetchOffsets:   {"FetchOffsets", fetchOffsets},
	keyStreamFetch:    {"StreamFetch", streamFetch},
	keyUpdateOffsets:  {"UpdateOffsets", updateOffsets},
	keyUpdateConsumer: {"UpdateConsumerOffset", func(w *walker, _ int16) { w.number("offset", 8); w.unsigned("session_id", 4) }},
	keyDeleteConsumer: {"DeleteConsumerOffset", func(w *walker, _ int16) { replica(w); w.text("consumer_id") }},
	keyFetchConsumers: {"FetchConsumerOffsets", fetchConsumers},
}

// DecodeRequest takes a message of a client apart. server is the recording's name of the peer. Bodies of requests or
// objects that this package has no description of become one field; a description that does not fit is an error.
func DecodeRequest(server string, msg []byte) (*Request, error) {
	w := &walker{msg: msg}
	r := &Request{Server: serverSC, Key: uint16(w.unsigned("api_key", 2)), Version: int16(w.number("api_version", 2))}
	r.CorrelationID = int32(w.number("correlation_id", 4))
	w.text("client_id")
	table := scLayouts
	if server != serverSC {
		r.Server, table = serverSPU, spuLayouts
	}
	how, known := table[r.Key]
	r.Name = how.name
	if !known {
		r.Name = fmt.Sprintf("request %d", r.Key)
	}
	if how.read != nil {
		how.read(w, r.Version)
	}
	w.rest()
	r.Fields = w.fields
	if w.err != nil {
		return r, fmt.Errorf("%s of the %s, version %d: %w", r.Name, r.Server, r.Version, w.err)
	}
	return r, nil
}

func apiVersions(w *walker, version int16) {
	if version >= 1 {
		w.text("client_version")
		w.text("client_os")
		w.text("client_arch")
	}
}

// Labels of the SC's objects that are looked into.
const (
	labelTopic     = "Topic"
	labelSPU       = "SPU"
	labelCustomSPU = "CustomSpu"
)

func create(w *walker, version int16) {
	label := w.text("label")
	w.sized(func() {
		w.text("name")
		w.boolean("dry_run")
		w.optionalUnsigned("timeout_ms", 4)
		if label == labelTopic {
			topicSpec(w, version)
		}
	})
}

// enveloped reads the requests that name an object; other are the labels whose objects are named differently.
func enveloped(name string, other map[string]bool) func(*walker, int16) {
	return func(w *walker, version int16) {
		label := w.text("label")
		w.sized(func() {
			if other[label] {
				return
			}
			switch name {
			case "Delete":
				w.text("name")
				if version >= 13 {
					w.boolean("force")
				}
			case "List":
				w.list("filter", func() { w.text("name") })
				w.boolean("summary")
				if version >= 13 {
					w.boolean("system")
				}
			case "Watch":
				w.number("epoch", 8)
				w.boolean("summary")
			case "Update":
				w.text("name")
			}
		})
	}
}

func topicSpec(w *walker, version int16) {
	switch kind := w.unsigned("replicas", 1); kind {
	case 0:
		w.list("assigned", func() {
			w.unsigned("partition", 4)
			w.list("replica", func() { w.number("spu", 4) })
			if version >= 14 {
				w.option("mirror", func() { partitionMirror(w, version) })
			}
		})
	case 1:
		w.unsigned("partitions", 4)
		w.unsigned("replication_factor", 4)
		w.boolean("ignore_rack")
	default:
		// A mirror: its description is not needed to compare it, but nothing behind it can be read.
		w.note("mirror", show(w.take(w.left())))
		return
	}
	w.option("cleanup_policy", func() { w.unsigned("cleanup_policy", 1); w.unsigned("retention_seconds", 4) })
	w.option("storage", func() { w.optionalUnsigned("segment_size", 4); w.optionalUnsigned("max_partition_size", 8) })
	w.unsigned("compression", 1)
	if version >= 12 {
		w.option("deduplication", func() {
			w.unsigned("count", 8)
			w.option("age", func() { w.unsigned("seconds", 8); w.unsigned("nanos", 4) })
			w.text("uses")
			w.dictionary("with", func() { w.text("key"); w.text("value") })
		})
	}
	if version >= 13 {
		w.boolean("system")
	}
}

func partitionMirror(w *walker, version int16) {
	if w.unsigned("kind", 1) == 0 {
		w.text("home_cluster")
		w.text("home_spu_key")
		w.number("home_spu_id", 4)
		w.text("home_spu_endpoint")
	} else {
		w.text("remote_cluster")
		w.text("remote_replica")
	}
	if version >= 18 {
		w.boolean("reversed")
	}
}

func produce(w *walker, version int16) {
	w.optionalText("transactional_id")
	w.number("isolation", 2)
	w.number("timeout_ms", 4)
	w.list("topic", func() {
		w.text("name")
		w.list("partition", func() {
			w.unsigned("id", 4)
			batches(w, w.bytes(""))
		})
	})
	smartModules(w, version)
}

func smartModules(w *walker, version int16) {
	w.list("smartmodule", func() {
		if w.unsigned("source", 1) == 0 {
			w.text("name")
		} else {
			w.bytes("module")
		}
		smartModuleKind(w)
		w.dictionary("parameter", func() { w.text("key"); w.text("value") })
		if version >= 20 {
			w.option("lookback", func() {
				w.unsigned("last", 8)
				if version >= 21 {
					w.option("age", func() { w.unsigned("seconds", 8); w.unsigned("nanos", 4) })
				}
			})
		}
		if version >= 25 {
			w.optionalText("display_name")
		}
	})
}

func smartModuleKind(w *walker) {
	switch w.unsigned("kind", 1) {
	case 3:
		w.bytes("accumulator")
	case 5:
		w.text("join")
	case 6:
		w.text("join")
		w.text("derived")
	case 7:
		switch w.unsigned("context", 1) {
		case 1:
			w.bytes("accumulator")
		case 2:
			w.text("join")
		case 3:
			w.text("join")
			w.text("derived")
		}
	}
}

func replica(w *walker) {
	w.text("topic")
	w.unsigned("partition", 4)
}

func streamFetch(w *walker, version int16) {
	replica(w)
	w.number("fetch_offset", 8)
	w.number("max_bytes", 4)
	w.unsigned("isolation", 1)
	smartModules(w, version)
	if version >= 23 {
		w.optionalText("consumer_id")
	}
}

func updateOffsets(w *walker, _ int16) {
	w.list("offset", func() {
		w.number("offset", 8)
		w.unsigned("session_id", 4)
	})
}

func fetchOffsets(w *walker, version int16) {
	w.list("topic", func() {
		w.text("name")
		w.list("partition", func() { w.unsigned("id", 4) })
	})
	if version == 23 {
		w.optionalText("consumer_id")
	}
}

func fetchConsumers(w *walker, version int16) {
	if version < 24 {
		return
	}
	w.option("filter", func() {
		w.option("filter_replica", func() {
			w.text("filter_topic")
			w.unsigned("filter_partition", 4)
		})
		w.optionalText("consumer_id")
	})
}

// Mask names the fields that a comparison leaves out, by the last part of their paths.
type Mask map[string]bool

// SameClient is for the program that was recorded: what differs from one run to the next.
var SameClient = Mask{"correlation_id": true, "first_timestamp": true, "max_timestamp": true, "timestamp_delta": true, "crc": true}

// OtherClient is for another program, or version, that does the same work. base_offset is the SPU's to set: official
// clients send the number of the batch's last record there, libfluvio sends 0.
var OtherClient = Mask{
	"correlation_id": true, "first_timestamp": true, "max_timestamp": true, "timestamp_delta": true, "crc": true,
	"client_id": true, "client_version": true, "client_os": true, "client_arch": true, "api_version": true,
	"base_offset": true,
}

// same says whether two messages agree under the mask.
func (m Mask) same(a, b []Field) bool {
	i, j := 0, 0
	for {
		for i < len(a) && m[a[i].leaf()] {
			i++
		}
		for j < len(b) && m[b[j].leaf()] {
			j++
		}
		if i == len(a) || j == len(b) {
			return i == len(a) && j == len(b)
		}
		if a[i] != b[j] {
			return false
		}
		i, j = i+1, j+1
	}
}

// render lists the fields, one a line, with ! before those that other has not, or has differently, and ~ before masked ones.
func (m Mask) render(out *strings.Builder, r, other *Request) {
	for _, f := range r.Fields {
		mark := " "
		switch {
		case m[f.leaf()]:
			mark = "~"
		case other != nil && other.Field(f.Name) != f.Value:
			mark = "!"
		}
		value := f.Value
		if len(value) > maxShown {
			value = fmt.Sprintf("%s… (%d characters)", value[:maxShown], len(value))
		}
		fmt.Fprintf(out, "  %s %s = %s\n", mark, f.Name, value)
	}
}

// maxShown is how much of a value a report shows.
const maxShown = 400
