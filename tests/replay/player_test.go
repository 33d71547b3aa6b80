package replay

import (
	"context"
	"encoding/binary"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// script makes a recording by hand.
type script struct{ frames []Frame }

func (s *script) add(conn int, server, dir string, msg []byte) {
	s.frames = append(s.frames, Frame{Conn: conn, Server: server, Dir: dir, Len: len(msg), Msg: msg})
}

// ask is a request of version 19 with a body.
func ask(key uint16, id uint32, body ...byte) []byte {
	msg := binary.BigEndian.AppendUint16(nil, key)
	msg = append(msg, 0, 19)
	msg = binary.BigEndian.AppendUint32(msg, id)
	return append(append(msg, 0, 0), body...)
}

// answerTo is an answer with a body.
func answerTo(id uint32, body string) []byte {
	return append(binary.BigEndian.AppendUint32(nil, id), body...)
}

// about is the body of a FetchOffsets for partition 0 of a topic with a name of one letter.
func about(topic byte) []byte { return []byte{0, 0, 0, 1, 0, 1, topic, 0, 0, 0, 1, 0, 0, 0, 0} }

// raw is a client that sends what a test tells it to.
type raw struct {
	t *testing.T
	net.Conn
}

func dial(t *testing.T, addr string) *raw {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	require.NoError(t, nc.SetDeadline(time.Now().Add(time.Minute)))
	t.Cleanup(func() { _ = nc.Close() })
	return &raw{t, nc}
}

func (r *raw) send(msg []byte) {
	r.t.Helper()
	_, err := r.Write(framed(msg))
	require.NoError(r.t, err)
}

func (r *raw) expect(id uint32, body string) {
	r.t.Helper()
	msg, err := readMessage(r)
	require.NoError(r.t, err)
	require.Equal(r.t, string(answerTo(id, body)), string(msg))
}

// play starts a player whose only listener of interest is the one of the SPU.
func play(t *testing.T, s *script, o PlayerOptions) (p *Player, spu string) {
	t.Helper()
	p, err := Play(s.frames, o)
	require.NoError(t, err)
	t.Cleanup(p.Close)
	p.mu.Lock()
	defer p.mu.Unlock()
	return p, net.JoinHostPort("127.0.0.1", strconv.Itoa(int(p.portOf(5001, port{}))))
}

// twoTopics asks about two topics on a connection each.
func twoTopics() *script {
	s := &script{}
	s.add(1, "SPU", FromClient, ask(keyFetchOffsets, 7, about('a')...))
	s.add(1, "SPU", FromServer, answerTo(7, "first"))
	s.add(2, "SPU", FromClient, ask(keyFetchOffsets, 7, about('b')...))
	s.add(2, "SPU", FromServer, answerTo(7, "second"))
	return s
}

func TestPlayerMatchesByContent(t *testing.T) {
	p, spu := play(t, twoTopics(), PlayerOptions{Mask: SameClient})
	c := dial(t, spu)
	c.send(ask(keyFetchOffsets, 40, about('b')...))
	c.expect(40, "second")
	c.send(ask(keyFetchOffsets, 41, about('a')...))
	c.expect(41, "first")
	require.NoError(t, c.Close())
	require.NoError(t, p.Finish(testContext(t)))
}

func TestPlayerHoldsConnectionsApart(t *testing.T) {
	p, spu := play(t, twoTopics(), PlayerOptions{Mask: SameClient, SameConnections: true})
	one, two := dial(t, spu), dial(t, spu)
	two.send(ask(keyFetchOffsets, 1, about('b')...))
	two.expect(1, "second")
	one.send(ask(keyFetchOffsets, 1, about('a')...))
	one.expect(1, "first")
	require.NoError(t, one.Close())
	require.NoError(t, two.Close())
	require.NoError(t, p.Finish(testContext(t)))

	p, spu = play(t, twoTopics(), PlayerOptions{Mask: SameClient, SameConnections: true})
	both := dial(t, spu)
	both.send(ask(keyFetchOffsets, 1, about('b')...))
	both.expect(1, "second")
	both.send(ask(keyFetchOffsets, 2, about('a')...))
	_, err := readMessage(both)
	require.Error(t, err, "the player hangs up on a difference")
	<-p.Failed()
	err = p.Finish(testContext(t))
	require.ErrorContains(t, err, "the client sent to the SPU what the recording does not have")
	require.ErrorContains(t, err, "recorded in line 1: FetchOffsets")
}

func TestPlayerToleratesProducesOfNothing(t *testing.T) {
	// No transaction, an isolation, a timeout; one topic, no partition of it; no SmartModules.
	nothing := []byte{0, 0, 1, 0, 0, 5, 0xdc, 0, 0, 0, 1, 0, 1, 'a', 0, 0, 0, 0, 0, 0, 0, 0}
	for times := range 3 {
		s := &script{}
		s.add(1, "SPU", FromClient, ask(keyProduce, 7, nothing...))
		s.add(1, "SPU", FromServer, answerTo(7, "nothing done"))
		p, spu := play(t, s, PlayerOptions{Mask: SameClient, SameConnections: true, Optional: Incidental})
		c := dial(t, spu)
		for id := range uint32(times) {
			c.send(ask(keyProduce, id, nothing...))
			c.expect(id, "nothing done")
		}
		require.NoError(t, c.Close())
		require.NoError(t, p.Finish(testContext(t)))
	}
}

func TestPlayerReports(t *testing.T) {
	t.Run("what never came", func(t *testing.T) {
		p, spu := play(t, twoTopics(), PlayerOptions{Mask: SameClient})
		c := dial(t, spu)
		c.send(ask(keyFetchOffsets, 1, about('a')...))
		c.expect(1, "first")
		require.NoError(t, c.Close())
		err := p.Finish(testContext(t))
		require.ErrorContains(t, err, "the client never sent a request to the SPU\n  recorded in line 3: FetchOffsets")
		require.ErrorContains(t, err, `topic[0].name = "b"`)
	})
	t.Run("one too many", func(t *testing.T) {
		p, spu := play(t, twoTopics(), PlayerOptions{Mask: SameClient})
		c := dial(t, spu)
		for range 2 {
			c.send(ask(keyFetchOffsets, 1, about('a')...))
		}
		<-p.Failed()
		require.ErrorContains(t, p.Finish(testContext(t)), `! topic[0].name = "a"`)
	})
	t.Run("one too many that may be", func(t *testing.T) {
		p, spu := play(t, twoTopics(), PlayerOptions{Mask: SameClient, Optional: func(r *Request) bool { return r.Name == "FetchOffsets" }})
		c := dial(t, spu)
		for id := range uint32(3) {
			c.send(ask(keyFetchOffsets, id, about('a')...))
			c.expect(id, "first")
		}
		require.NoError(t, c.Close())
		require.NoError(t, p.Finish(testContext(t)))
	})
	t.Run("what cannot be read", func(t *testing.T) {
		p, spu := play(t, twoTopics(), PlayerOptions{Mask: SameClient})
		dial(t, spu).send(ask(keyFetchOffsets, 1, about('a')[:9]...))
		<-p.Failed()
		require.ErrorContains(t, p.Finish(testContext(t)), "the client's request to the SPU cannot be read: FetchOffsets of the SPU, version 19")
	})
	t.Run("what is no message", func(t *testing.T) {
		p, spu := play(t, twoTopics(), PlayerOptions{Mask: SameClient})
		_, err := dial(t, spu).Write([]byte("GET / HTTP/1.1\r\n\r\n"))
		require.NoError(t, err)
		<-p.Failed()
		require.ErrorContains(t, p.Finish(testContext(t)), `"GET "`)
	})
	t.Run("a client that stays", func(t *testing.T) {
		p, spu := play(t, twoTopics(), PlayerOptions{Mask: SameClient})
		stays := dial(t, spu)
		stays.send(ask(keyFetchOffsets, 1, about('a')...))
		stays.expect(1, "first")
		ctx, cancel := context.WithCancel(testContext(t))
		cancel()
		require.ErrorContains(t, p.Finish(ctx), "the client is still connected")
		_, err := readMessage(stays)
		require.Error(t, err)
	})
	t.Run("an SPU that nobody talked to", func(t *testing.T) {
		s := &script{}
		s.add(1, "SPU5002", FromClient, ask(keyFetchOffsets, 7, about('a')...))
		p, spu := play(t, s, PlayerOptions{Mask: SameClient})
		dial(t, spu).send(ask(keyFetchOffsets, 7, about('a')...))
		<-p.Failed()
		require.ErrorContains(t, p.Finish(testContext(t)), "the client sent to the SPU5001 what the recording does not have")
	})
}

// TestPlayerHoldsStreamsBack shows that what a stream brought because of a request does not come before that request.
func TestPlayerHoldsStreamsBack(t *testing.T) {
	watch := ask(keyWatch, 1, append([]byte{0, 4, 'E', 'l', 's', 'e'}, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0)...)
	list := ask(keyList, 2, append([]byte{0, 4, 'E', 'l', 's', 'e'}, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0)...)
	remove := ask(keyDelete, 3, append([]byte{0, 4, 'E', 'l', 's', 'e'}, 0, 0, 0, 4, 0, 1, 'x', 0)...)
	s := &script{}
	s.add(1, "SC", FromClient, watch)
	s.add(2, "SC", FromClient, remove)
	s.add(1, "SC", FromServer, answerTo(1, "\x00\x04Elseall there is"))
	s.add(1, "SC", FromServer, answerTo(1, "\x00\x04Elsex is gone"))
	s.add(2, "SC", FromServer, answerTo(3, "done"))
	s.add(1, "SC", FromServer, answerTo(1, "\x00\x04Elsestill gone"))
	s.add(1, "SC", FromClient, list)
	s.add(1, "SC", FromServer, answerTo(2, "\x00\x04Elselisted"))
	p, _ := play(t, s, PlayerOptions{Mask: SameClient})
	c := dial(t, p.Endpoint())
	c.send(watch)
	c.expect(1, "\x00\x04Elseall there is") // the first answer waits for nothing
	c.send(list)
	c.expect(2, "\x00\x04Elselisted") // overtakes the change
	other := dial(t, p.Endpoint())
	other.send(remove)
	c.expect(1, "\x00\x04Elsex is gone")
	c.expect(1, "\x00\x04Elsestill gone")
	other.expect(3, "done")
	require.NoError(t, c.Close())
	require.NoError(t, other.Close())
	require.NoError(t, p.Finish(testContext(t)))
}
