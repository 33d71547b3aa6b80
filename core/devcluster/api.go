package devcluster

import (
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// api is one row of a server's table of requests. To serve a new one: write its handler in a file of its own (sc_*.go or
// spu_*.go) as a variable of this type, and put it into the table below. Which versions of it servers advertise, and since
// which release, is known to the wire package.
type api struct {
	key     uint16
	name    string // as fault rules call it
	request func() wire.Message
	// targets tells what a request is about, for fault rules.
	targets func(wire.Message) []target
	// sessions are the streams of the connection that a request is about, for fault rules.
	sessions func(wire.Message) []uint32
	// canFail says that an answer of this request carries error codes, so that error rules make sense.
	canFail bool
	// serve handles a request; an error ends the connection.
	serve func(*request) error
}

// target is a topic and a partition that a request touches; partition -1 is none in particular. Requests about other
// objects of the SC put the object's name into topic.
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
		scUpdate,
	}
	spuAPIs = []api{
		apiVersions,
		spuProduce,
		spuFetch,
		spuFetchOffsets,
		spuStreamFetch,
		spuUpdateOffsets,
		spuUpdateConsumerOffset,
		spuDeleteConsumerOffset,
		spuFetchConsumerOffsets,
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
