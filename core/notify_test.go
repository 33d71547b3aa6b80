package fluvio

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core/internal/transport"
)

// Who does not take events has the first 10,000 of them, and then hears how many were dropped.
func TestEventsNobodyTakes(t *testing.T) {
	pool := transport.NewPool(&transport.Config{})
	defer pool.Close()
	begun, goOn := make(chan struct{}), make(chan struct{})
	var seen []ClientEvent
	n := newNotifier(func(e ClientEvent) {
		if len(seen) == 0 {
			close(begun)
			<-goOn
		}
		seen = append(seen, e)
	}, "sc:9003", pool)
	add := func(attempt int) { n.add(ClientEvent{Kind: ClientRetry, Attempt: attempt}) }
	add(0)
	<-begun
	for i := range mostEvents + 5 {
		add(i + 1)
	}
	close(goOn)
	n.mu.Lock()
	for n.running {
		n.ended.Wait()
	}
	n.mu.Unlock()
	require.Len(t, seen, mostEvents+1)
	add(-1)
	n.close()
	require.Len(t, seen, mostEvents+2)
	for i, e := range seen[:mostEvents+1] {
		require.Equal(t, ClientEvent{Kind: ClientRetry, Attempt: i}, e, "the newest are dropped")
	}
	require.Equal(t, ClientEvent{Kind: ClientRetry, Attempt: -1, Dropped: 5}, seen[mostEvents+1])
}
