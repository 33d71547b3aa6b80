package devcluster

import (
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// api is one row of a server's table of requests. To serve a new one: write its handler in a file of its own (sc_*.go or
// spu_*.go) as a variable of this type, and put it into the table below.
type api struct {
	key      uint16
	name     string // as fault rules call it
	min, max int16  // as ApiVersions advertises them
	hidden   bool   // not advertised
	request  func() wire.Message
	// targets tells what a request is about, for fault rules.
	targets func(wire.Message) []target
	// canFail says that an answer of this request carries error codes, so that error rules make sense.
	canFail bool
	// serve handles a request; an error ends the connection. nil: the real server knows it, this one hangs up.
	serve func(*request) error
}

// target is a topic and a partition that a request touches; partition -1 is none in particular.
type target struct {
	topic     string
	partition int32
}

// The tables are filled in by init, because handlers refer to them.
var scAPIs, spuAPIs []api

func init() {
	scAPIs = []api{
		apiVersions,
		scCreate,
		scDelete,
		scList,
		scWatch,
		{key: 1005, name: "Mirroring", min: 14, max: 19},
		{key: 1006, name: "Update", min: 1, max: 19},
	}
	spuAPIs = []api{
		apiVersions,
		spuProduce,
		{key: 1, name: "Fetch", min: 0, max: 25},
		spuFetchOffsets,
		spuStreamFetch,
		spuUpdateOffsets,
	}
}

func findAPI(apis []api, key uint16) *api {
	for i := range apis {
		if apis[i].key == key {
			return &apis[i]
		}
	}
	return nil
}
