package replay

import (
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What is read is written back as it stood, so the recorder's form is that of the recordings.
func TestRecordingsAreWrittenBack(t *testing.T) {
	for _, name := range []string{"admin", "produce", "consume", "offsets"} {
		text, err := os.ReadFile(filepath.Join("..", "..", "core", "internal", "wire", "testdata", "vectors", "recorded", name+".jsonl"))
		require.NoError(t, err)
		var out strings.Builder
		for _, f := range official(t, name) {
			line, err := json.Marshal(f)
			require.NoError(t, err)
			out.Write(append(line, '\n'))
		}
		require.Equal(t, string(text), out.String(), name)
	}
}

func TestReadRefuses(t *testing.T) {
	const good = `{"conn":1,"server":"SC","dir":"c2s","ms":0,"len":4,"hex":"00120002"}` + "\n"
	frames, err := Read(strings.NewReader(good + strings.TrimSuffix(good, "\n")))
	require.NoError(t, err)
	require.Len(t, frames, 2)
	for line, want := range map[string]string{
		`{"conn":1`: "unexpected end",
		`{"conn":1,"server":"SC","dir":"up","ms":0,"len":4,"hex":"00120002"}`:                 `"up"`,
		`{"conn":1,"dir":"c2s","ms":0,"len":4,"hex":"00120002"}`:                              "server is missing",
		`{"conn":1,"server":"SC","dir":"c2s","ms":0,"len":5,"hex":"00120002"}`:                "len is 5, hex has 4",
		`{"conn":1,"server":"SC","dir":"c2s","ms":0,"len":3,"hex":"001200"}`:                  "no header",
		`{"conn":1,"server":"SC","dir":"c2s","ms":0,"len":4,"hex":"0012000g"}`:                "invalid byte",
		`{"conn":1,"server":"SC","dir":"c2s","ms":0,"len":3,"hex":"00120002","trimmed":true}`: "len is 3",
	} {
		_, err := Read(strings.NewReader(good + line + "\n"))
		require.ErrorContains(t, err, "line 2 of the recording", line)
		require.ErrorContains(t, err, want)
	}
}

func TestPlayRefuses(t *testing.T) {
	answer := Frame{Conn: 1, Server: "SC", Dir: FromServer, Len: 4, Msg: Hex{0, 0, 0, 9}}
	_, err := Play([]Frame{answer}, PlayerOptions{})
	require.ErrorContains(t, err, "correlation id 9")
	_, err = Play([]Frame{{Conn: 1, Server: "SC", Dir: FromClient, Len: 4, Msg: Hex{0, 0, 0, 9}}}, PlayerOptions{})
	require.ErrorContains(t, err, "line 1")
	short := slices.Clone(official(t, "admin")[:1])
	short[0].Msg = short[0].Msg[:20]
	_, err = Play(short, PlayerOptions{})
	require.ErrorContains(t, err, "ApiVersions of the SC, version 2")
	short[0].Trimmed = true
	_, err = Play(short, PlayerOptions{})
	require.ErrorContains(t, err, "cut off")
}

// TestRequestsAreUnderstood holds this package's description of the requests against what official clients send.
func TestRequestsAreUnderstood(t *testing.T) {
	understood := map[string]int{}
	for _, name := range officialNames {
		for i, f := range official(t, name) {
			if f.Dir != FromClient || f.Trimmed {
				continue
			}
			r, err := DecodeRequest(f.Server, f.Msg)
			require.NoError(t, err, "%s:%d", name, i+1)
			label := r.Text("label")
			for _, field := range r.Fields {
				if field.leaf() == "rest" {
					// Objects that clients create and that nothing here looks into.
					require.Contains(t, []string{"SmartModule", "CustomSpu"}, label, "%s:%d: %s", name, i+1, field)
				}
			}
			understood[r.Server+" "+r.Name]++
		}
	}
	for _, name := range []string{
		"SC ApiVersions", "SC Create", "SC Delete", "SC List", "SC Watch", "SPU ApiVersions", "SPU Produce", "SPU FetchOffsets",
		"SPU StreamFetch", "SPU UpdateOffsets", "SPU UpdateConsumerOffset", "SPU DeleteConsumerOffset", "SPU FetchConsumerOffsets",
	} {
		require.NotZero(t, understood[name], "%s is in no recording", name)
	}
	fetch := byName(t, official(t, "offsets"), "FetchConsumerOffsets")[0]
	require.Equal(t, "orders", fetch.Text("filter_topic"))
	require.Equal(t, "c1", fetch.Text("consumer_id"))
}

// No message, however damaged, makes the tools panic: they stand in front of programs that are being looked at because
// something is wrong with them.
func TestDamagedMessages(t *testing.T) {
	damaged := 0
	for _, name := range officialNames {
		frames := official(t, name)
		of, err := link(frames)
		require.NoError(t, err)
		for i, f := range frames {
			if len(f.Msg) > 400 {
				continue
			}
			look := func(msg []byte) {
				damaged++
				if f.Dir == FromClient {
					_, _ = DecodeRequest(f.Server, msg)
				} else if len(msg) >= 4 {
					asked := frames[of[i]].Msg
					_, _ = decodeAnswer(binary.BigEndian.Uint16(asked), int16(binary.BigEndian.Uint16(asked[2:])), msg)
				}
			}
			for n := range f.Msg {
				look(f.Msg[:n:n])
				flipped := slices.Clone(f.Msg)
				flipped[n] ^= 0x80
				look(flipped)
				flipped[n] = 0xff
				look(flipped)
			}
		}
	}
	require.Greater(t, damaged, 50_000)
}

func TestMask(t *testing.T) {
	a := []Field{{"api_key", "0"}, {"batch[0].crc", "1"}, {"batch[0].magic", "2"}}
	b := []Field{{"api_key", "0"}, {"batch[0].crc", "9"}, {"batch[0].magic", "2"}}
	require.True(t, SameClient.same(a, b))
	require.False(t, Mask{}.same(a, b))
	require.True(t, SameClient.same(a, append(b[:1:1], b[2])), "a masked field may be missing")
	require.False(t, SameClient.same(a, b[:2]))
	require.False(t, SameClient.same(a[:2], b))
	require.False(t, SameClient.same(a, append(slices.Clone(b), Field{"more", ""})))
}

// TestRedirect changes the ports of SPUs in recorded answers and nothing else.
func TestRedirect(t *testing.T) {
	redirected := 0
	for _, name := range []string{"admin", "failover"} {
		frames := official(t, name)
		of, err := link(frames)
		require.NoError(t, err)
		for i, f := range frames {
			if f.Dir != FromServer || f.Server != "SC" {
				continue
			}
			a, err := decodeAnswer(binary.BigEndian.Uint16(frames[of[i]].Msg), 19, f.Msg)
			require.NoError(t, err)
			if a == nil || a.label != labelSPU || len(a.objects) == 0 {
				continue
			}
			redirected++
			was := map[int32]uint16{5001: 9010, 5002: 9020, 5003: 9030}
			before := slices.Clone(f.Msg)
			msg := a.redirect(f.Msg, func(id int32, p port) uint16 {
				require.Equal(t, "127.0.0.1", p.host)
				require.Equal(t, was[id], p.number)
				return 40_000 + uint16(id)
			})
			require.Equal(t, before, f.Msg, "the recorded message stays as it is")
			require.Len(t, msg, len(f.Msg))
			b, err := decodeAnswer(binary.BigEndian.Uint16(frames[of[i]].Msg), 19, msg)
			require.NoError(t, err)
			require.Len(t, b.objects, len(a.objects))
			for _, o := range b.objects {
				require.Equal(t, 40_000+uint16(o.id), o.ports[0].number)
			}
			require.Equal(t, f.Msg, Hex(b.redirect(msg, func(id int32, _ port) uint16 { return was[id] })), "back again")
		}
	}
	require.Greater(t, redirected, 2)
}

// TestTopicsFromWatch makes a List out of what the recorded watch showed, and holds it against the recorded List.
func TestTopicsFromWatch(t *testing.T) {
	frames := official(t, "admin")
	of, err := link(frames)
	require.NoError(t, err)
	shown, lists := objects{}, 0
	for i, f := range frames {
		if f.Dir != FromServer {
			continue
		}
		r, err := DecodeRequest("SC", frames[of[i]].Msg)
		require.NoError(t, err)
		a, err := decodeAnswer(r.Key, r.Version, f.Msg)
		require.NoError(t, err)
		switch {
		case a == nil || a.label != labelTopic:
		case r.Key == keyWatch:
			shown.apply(a)
		default:
			lists++
			var filters []string
			if r.Field("filter.count") == "1" {
				filters = []string{r.Text("filter[0].name")}
			}
			mine := shown.list(r.CorrelationID, filters, false)
			require.Len(t, mine, len(f.Msg))
			b, err := decodeAnswer(r.Key, r.Version, mine)
			require.NoError(t, err)
			slices.SortFunc(a.objects, func(x, y object) int { return strings.Compare(x.name, y.name) })
			require.Equal(t, a.objects, b.objects)
		}
	}
	require.Equal(t, 2, lists)
	require.NotContains(t, shown, "kept", "it was deleted")
	require.Contains(t, string(shown.list(1, nil, true)), "consumer-offset")
	require.NotContains(t, string(shown.list(1, nil, false)), "consumer-offset")
}
