package produce

import (
	"fmt"
	"strconv"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// SmartModules on produce. The SPU runs each batch through the chain and stores what comes out as one batch. When nothing
// does, it stores nothing and answers with offset 0, as it also does for the first record of a partition. What became of a
// single record is therefore not known, and no offsets are reported.

// encodedModules is the chain as it stands at the end of requests of one version.
type encodedModules struct {
	version int16
	bytes   []byte
}

// modules gives the chain for requests of a version. SPUs of several versions are rare, so one is kept.
func (p *Producer) modules(version int16) ([]byte, error) {
	if kept := p.encoded.Load(); kept != nil && kept.version == version {
		return kept.bytes, nil
	}
	if err := p.cfg.SmartModules.Fit(wire.KeyProduce, version); err != nil {
		return nil, err
	}
	b, err := wire.Append(nil, version, &p.cfg.SmartModules)
	if err != nil {
		return nil, err
	}
	p.encoded.Store(&encodedModules{version, b})
	return b, nil
}

// verdict is what the answer says of a batch: the offset of its first record, -1 when it is not known, and why it failed.
func (p *Producer) verdict(a *wire.ProducePartitionResponse) (base int64, err error) {
	e := a.Error.Err("produce")
	if len(p.cfg.SmartModules) == 0 {
		if e != nil {
			err = e
		}
		return a.BaseOffset, err
	}
	if e == nil {
		return -1, nil
	}
	p.cfg.SmartModules.Explain(e)
	if failed, ok := a.Error.Payload.(*wire.RuntimePayload); ok {
		// The batch had no offsets yet when the module saw it: this is the record's place in it.
		e.Offset = -1
		e.Message = fmt.Sprintf("%s: %s (record %d of the batch, counted from 0)", fluvioerr.LookupServer(e.Server).Name, failed.Hint, failed.Offset)
		e.WithDetail("record", strconv.FormatInt(failed.Offset, 10))
	}
	return -1, e
}
