package cluster

import (
	"context"
	"time"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/transport"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// ConsumerOffsets asks the keeper of consumer offsets for those that the filter lets pass; nil: all. It tries until ctx ends
// while the keeper cannot be reached: a cluster makes its place for offsets about a second after its start. Unsupported on
// platforms that keep none.
func (c *Cluster) ConsumerOffsets(ctx context.Context, filter *wire.ConsumerFilter) ([]wire.ConsumerOffset, error) {
	const op = "fetch consumer offsets"
	var found []wire.ConsumerOffset
	err := c.askKeeper(ctx, op, func(conn *transport.Conn) error {
		var resp wire.FetchConsumerOffsetsResponse
		if err := conn.Call(ctx, wire.KeyFetchConsumerOffsets, &wire.FetchConsumerOffsetsRequest{Filter: filter}, &resp); err != nil {
			return err
		}
		if e := resp.Error.Err(op); e != nil {
			return e
		}
		found = found[:0]
		for i := range resp.Consumers { // old servers send everything, whatever the filter says
			if filter.Matches(&resp.Consumers[i]) {
				found = append(found, resp.Consumers[i])
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// DeleteConsumerOffset forgets what a consumer stored for a partition; there being nothing is success. It tries as long as
// ConsumerOffsets.
func (c *Cluster) DeleteConsumerOffset(ctx context.Context, req *wire.DeleteConsumerOffsetRequest) error {
	const op = "delete consumer offset"
	return c.askKeeper(ctx, op, func(conn *transport.Conn) error {
		var resp wire.DeleteConsumerOffsetResponse
		if err := conn.Call(ctx, wire.KeyDeleteConsumerOffset, req, &resp); err != nil {
			return err
		}
		if e := resp.Error.Err(op); e != nil {
			return e
		}
		return nil
	})
}

// askKeeper runs ask with a connection to the SPU that keeps the consumer offsets, until it works, fails for good, or ctx ends.
func (c *Cluster) askKeeper(ctx context.Context, op string, ask func(*transport.Conn) error) error {
	if err := c.Ready(ctx, op); err != nil {
		return err
	}
	start := time.Now()
	backoff := transport.NewBackoff(c.cfg.BackoffFirst, c.cfg.BackoffMax)
	for {
		changed := c.Changed()
		conn, err := c.keeper(ctx)
		if err == nil {
			err = ask(conn)
		}
		if err == nil {
			return nil
		}
		e := fluvioerr.As(err)
		if e == nil {
			e = fluvioerr.Wrap(fluvioerr.Internal, op, err)
		}
		own := *e
		own.Op = op
		missing := e.Server == fluvioerr.ServerTopicNotFound // the topic of offsets, which is made later than others
		if ctx.Err() != nil || !missing && !fluvioerr.Retriable(e) {
			return &own
		}
		if !backoff.Sleep(ctx, max(backoff.Next(), e.RetryAfter), changed) {
			late := fluvioerr.FromContext(ctx, op, "the keeper of consumer offsets (topic "+wire.ConsumerOffsetTopic+")", time.Since(start))
			late.Message += ": " + e.Message
			late.Addr, late.Err = e.Addr, &own
			return late
		}
	}
}

// keeper gives a connection to the SPU that keeps the consumer offsets.
func (c *Cluster) keeper(ctx context.Context) (*transport.Conn, error) {
	spu, err := c.Leader(wire.ConsumerOffsetTopic, 0)
	if err == nil {
		return c.Conn(ctx, spu, transport.Control, 0)
	}
	// A platform that keeps no offsets never has that topic: any SPU tells.
	for _, spu := range c.Snapshot().SPUs {
		if spu.Addr == "" || !spu.Online {
			continue
		}
		conn, dialErr := c.Conn(ctx, spu, transport.Control, 0)
		if dialErr != nil {
			continue
		}
		if _, unsupported := conn.Versions().For(wire.KeyFetchConsumerOffsets); unsupported != nil {
			fluvioerr.As(unsupported).Addr = spu.Addr
			return nil, unsupported
		}
		break
	}
	return nil, err
}
