package tests

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/devcluster"
)

// TestOtherRuntimes runs the same short program in languages without a binding: what fluvio.h declares is enough for them.
func TestOtherRuntimes(t *testing.T) {
	for _, script := range [][]string{{"ruby", "ruby/roundtrip.rb"}, {"luajit", "lua/roundtrip.lua"}} {
		t.Run(script[0], func(t *testing.T) {
			need(t, script[0])
			cluster, err := devcluster.Start(t.Context(), devcluster.Options{SPUs: 1})
			require.NoError(t, err)
			defer func() { require.NoError(t, cluster.Close()) }()
			client, err := fluvio.Connect(t.Context(), fluvio.ClientOptions{Endpoint: cluster.Endpoint()})
			require.NoError(t, err)
			defer func() { require.NoError(t, client.Close(t.Context())) }()
			require.NoError(t, client.Admin().CreateTopic(t.Context(), "lines", fluvio.TopicSpec{}))

			start := func(endpoint string) (string, error) {
				cmd := exec.CommandContext(t.Context(), script[0], filepath.Join("examples", script[1]), endpoint, "lines")
				cmd.Env = append(os.Environ(), "LIBFLUVIO_PATH="+filepath.Join(builtLibrary(t), "libfluvio.so.1"))
				cmd.Stdin = strings.NewReader("one\n\nthrée\n")
				out, err := cmd.CombinedOutput()
				return string(out), err
			}
			out, err := start(cluster.Endpoint())
			require.NoError(t, err, out)
			require.Equal(t, "0 0 0 one\n0 1 1 \n0 2 2 thrée\n", out)
			out, err = start("nowhere") // errors arrive with their text
			require.Error(t, err)
			require.Contains(t, out, `client_connect: `)
			require.Contains(t, out, `"nowhere"`)
		})
	}
}
