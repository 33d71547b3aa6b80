package replay

import (
	"context"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	fluvio "github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// throughModule gives what one module lets through, up to an error or to the end of its only frame. It calls acknowledged
// when the frame is one that is acknowledged, before it closes the stream.
func throughModule(ctx context.Context, t *testing.T, client *fluvio.Client, m fluvio.SmartModule, acknowledged func()) (records []fluvio.Record, failure *fluvioerr.Error) {
	consumer, err := client.Consumer(ctx, fluvio.ConsumerOptions{
		Topics: []string{"orders"}, Start: fluvio.Beginning(), MaxBytes: 1<<20 + 314, SmartModules: []fluvio.SmartModule{m},
	})
	require.NoError(t, err)
	for len(records) == 0 || records[len(records)-1].Offset < 46 {
		b, err := consumer.Next(ctx)
		if err != nil {
			failure = fluvioerr.As(err)
			require.Equal(t, m.Name, failure.Detail["smartmodule"], "%v", err)
			break
		}
		for r := range b.Records() {
			require.EqualValues(t, -1, r.Timestamp, "the SPU gives none")
			records = append(records, r.Clone())
		}
	}
	if failure == nil || failure.Server == fluvioerr.ServerSmartModuleRuntime {
		acknowledged()
	}
	require.NoError(t, consumer.Close(ctx))
	return records, failure
}

// TestOfficialSmartModules reads through the six modules of the recording, whose kinds the official client says, and through
// one that there is not.
func TestOfficialSmartModules(t *testing.T) {
	mask := maps.Clone(OtherClient)
	mask["display_name"] = true // the recorded version has none
	uploads := func(r *Request) bool { return r.Name == "Create" }
	asOfficial(t, "smartmodule", mask, uploads, func(ctx context.Context, client *fluvio.Client, player *Player) {
		acknowledged := 0
		stream := func(m fluvio.SmartModule) ([]fluvio.Record, *fluvioerr.Error) {
			return throughModule(ctx, t, client, m, func() {
				acknowledged++
				require.Eventually(t, func() bool { return came(player, "UpdateOffsets") == acknowledged }, 20*time.Second, time.Millisecond)
			})
		}
		// pass gives the records of a module that works.
		pass := func(m fluvio.SmartModule) (out []string) {
			records, failure := stream(m)
			require.Nil(t, failure)
			for _, r := range records {
				out = append(out, fmt.Sprintf("%d %q %.15q", r.Offset, r.Key, r.Value))
			}
			return out
		}
		// fail gives the error of a module that fails at the first record, or is not there.
		fail := func(m fluvio.SmartModule) *fluvioerr.Error {
			records, failure := stream(m)
			require.Empty(t, records)
			require.NotNil(t, failure)
			return failure
		}
		nope := func() {
			err := fail(fluvio.SmartModule{Name: "nope", Kind: "filter"})
			require.Equal(t, fluvioerr.NotFound, err.Code)
			require.Equal(t, fluvioerr.ServerSmartModuleNotFound, err.Server)
		}
		digit := func(m fluvio.SmartModule) {
			err := fail(m)
			require.Equal(t, fluvioerr.SmartModule, err.Code)
			require.Equal(t, fluvioerr.ServerSmartModuleRuntime, err.Server)
			require.Equal(t, "invalid digit found in string", err.Detail["smartmodule_hint"])
			require.Equal(t, m.Kind, err.Detail["smartmodule_kind"])
			require.EqualValues(t, 0, err.Offset)
			require.ErrorContains(t, err, "consume orders/0 at offset 0: SmartModuleRuntimeError: invalid digit found in string")
		}

		got := pass(fluvio.SmartModule{Name: "sm-filter-contains", Kind: "filter", Params: map[string]string{"needle": "Gzip"}})
		require.Len(t, got, 10)
		require.Equal(t, `6 "key-0" "Gzip record 0 G"`, got[0])
		require.Equal(t, `46 "key-9" "Gzip record 9 G"`, got[9], "everything up to 46 was looked at")

		got = pass(fluvio.SmartModule{Name: "sm-map-affix", Kind: "map"})
		require.Len(t, got, 47)
		require.Equal(t, []string{`0 "" "HELLO"`, `1 "k0" "VALUE-0"`}, got[:2])
		require.Equal(t, `46 "" "COMMITTED"`, got[46])

		nope()
		digit(fluvio.SmartModule{Name: "sm-filter-map-even", Kind: "filter_map"})
		nope()

		got = pass(fluvio.SmartModule{Name: "sm-array-split", Kind: "array_map"})
		require.Equal(t, []string{`0 "" "hello"`, `1 "k0" "value-0"`}, got[:2])
		require.Equal(t, `46 "" "committed"`, got[len(got)-1])

		nope()
		digit(fluvio.SmartModule{Name: "sm-aggregate-sum", Kind: "aggregate"})
		nope()

		err := fail(fluvio.SmartModule{Name: "wat-trap", Kind: "filter"})
		require.Equal(t, fluvioerr.SmartModule, err.Code, "although the server's code is Other")
		require.Equal(t, fluvioerr.ServerOther, err.Server)
		require.ErrorContains(t, err, "SmartModule err error while executing at wasm backtrace")
		nope()
	})
}
