package devcluster

import (
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// scWatch opens a stream of changes: the full snapshot first, then what changed, until the connection ends.
var scWatch = api{
	key: wire.KeyWatch, name: "Watch", min: 15, max: 19,
	request: func() wire.Message { return &wire.WatchRequest{} },
	serve: func(r *request) error {
		c, m := r.conn, r.msg.(*wire.WatchRequest)
		s := c.srv.cl.store(m.Label)
		if s == nil {
			return errHangUp
		}
		watch, first := s.watch()
		c.background(func() {
			defer watch.close()
			for update := first; ; update = watch.next() {
				if update != nil {
					// Every message is an answer of its own to the rules.
					frame := &request{conn: c, api: r.api, header: r.header, msg: r.msg}
					if frame.reply(update) != nil {
						c.close()
						return
					}
				}
				select {
				case <-watch.wake:
				case <-c.done:
					return
				}
			}
		})
		return nil
	},
}
