package smartengine

import (
	"context"
	"encoding/binary"

	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// Chain is modules at work, one behind the other.
type Chain struct {
	ctx   context.Context
	steps []*instance
}

// Chain makes instances of the modules in their order and has each initialised before the next one. The version is that of the
// request, at which inputs and outputs are written. When ctx ends, so do calls into the modules, now and later. The error has the
// text that SPUs send; it is a MemoryError where SPUs have a code for that. Close must be called.
func (e *Engine) Chain(ctx context.Context, version int16, steps []Step) (*Chain, error) {
	c := &Chain{ctx: ctx}
	for i := range steps {
		instance, err := e.instantiate(ctx, version, &steps[i])
		if err != nil {
			c.Close()
			return nil, err
		}
		c.steps = append(c.steps, instance)
	}
	return c, nil
}

// Close ends the instances. A nil chain has none.
func (c *Chain) Close() {
	if c == nil {
		return
	}
	for _, i := range c.steps {
		i.close()
	}
}

// LookBack shows stored records to every module that wants to be shown some and has a function for it, in the order of the chain.
// read gives them as a list. The error is one of read, or the root of what went wrong in a module, which is what SPUs tell.
func (c *Chain) LookBack(read func(wire.Lookback) ([]byte, error)) error {
	for _, i := range c.steps {
		if i.lookBack == nil || i.step.Look == nil {
			continue
		}
		records, err := read(*i.step.Look)
		if err != nil {
			return err
		}
		if err := i.showPast(c.ctx, records); err != nil {
			return err
		}
	}
	return nil
}

// Input is the records of one batch.
type Input struct {
	BaseOffset    int64
	BaseTimestamp int64  // ms since the epoch
	Records       []byte // as a list: a count, then records
}

// Output is what became of them.
type Output struct {
	Records []byte // as a list; a view that lives until the next call of Process
	Count   int
	Error   *wire.RuntimePayload // why a module refused a record: what came before it is in Records, though no later module saw it
}

// Process runs records through the chain. After an error nothing more can be expected of it.
func (c *Chain) Process(in Input) (out Output, err error) {
	out = Output{Records: in.Records}
	if len(in.Records) >= wire.RecordCountSize {
		out.Count = int(binary.BigEndian.Uint32(in.Records))
	}
	for _, i := range c.steps {
		out, err = i.process(c.ctx, in)
		if err != nil || out.Error != nil {
			return out, err
		}
		in.Records = out.Records
	}
	return out, nil
}
