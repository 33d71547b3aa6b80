package devcluster

import (
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// scWatch opens a stream of changes: the full snapshot first, then what changed, until the connection ends.
var scWatch = api{
	key: wire.KeyWatch, name: "Watch",
	request: func() wire.Message { return &wire.WatchRequest{} },
	serve: func(r *request) error {
		c, m := r.conn, r.msg.(*wire.WatchRequest)
		if !c.srv.cl.platform.accepts(wire.KeyWatch, m.Label) {
			return errHangUp
		}
		watch, first := c.srv.cl.stores[m.Label].watch()
		c.background(func() {
			defer watch.close()
			for update := first; ; update = watch.next() {
				if update != nil {
					if m.Summary {
						summarize(update)
					}
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

// summarize takes the payloads of SmartModules out of an update, save of deleted ones: the real SC leaves them there.
func summarize(m *wire.MetadataUpdate) {
	for i := range m.All {
		m.All[i] = summary(m.All[i])
	}
	for i := range m.Changes {
		if ch := &m.Changes[i]; ch.Kind == wire.ChangeUpdate {
			ch.Object = summary(ch.Object)
		}
	}
}
