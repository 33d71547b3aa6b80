package tests

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	fluvio "github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// refusal is a row of refusals.json, which the tests of every language read: a call that the library or the server refuses. Rows
// of set-up have nothing after Remote.
type refusal struct {
	Do       string          `json:"do"` // create, delete, add_partitions, add_mirror
	Kind     string          `json:"kind"`
	Name     string          `json:"name"`
	Settings json.RawMessage `json:"settings"` // of create, by their names in JSON
	Remote   string          `json:"remote"`   // of add_mirror

	Code    string               `json:"code"`
	Server  fluvioerr.ServerCode `json:"server"`  // 0: refused before it is sent
	Setting string               `json:"setting"` // which the error names
	Says    string               `json:"says"`    // a part of the message
	Hint    string               `json:"hint"`    // a part of what to do
}

type refusalTable struct {
	Setup    []refusal `json:"setup"`
	Refusals []refusal `json:"refusals"`
}

func refusals(t *testing.T) (table refusalTable) {
	b, err := os.ReadFile("refusals.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, &table))
	return table
}

func (r *refusal) String() string {
	return strings.TrimSpace(fmt.Sprint(r.Do, " ", r.Kind, " ", r.Name, " ", string(r.Settings), r.Remote))
}

func created[S any](ctx context.Context, r *refusal, parse func([]byte) (S, error), create func(context.Context, string, S) error) error {
	spec, err := parse(r.Settings)
	if err != nil {
		return err
	}
	return create(ctx, r.Name, spec)
}

// call makes the call of a row in Go.
func (r *refusal) call(ctx context.Context, a *fluvio.Admin) error {
	switch r.Do + " " + r.Kind {
	case "create topic":
		return created(ctx, r, fluvio.ParseTopicSpec, a.CreateTopic)
	case "create custom_spu":
		return created(ctx, r, fluvio.ParseCustomSPUSpec, a.CreateCustomSPU)
	case "create smartmodule":
		return created(ctx, r, fluvio.ParseSmartModuleSpec, func(ctx context.Context, name string, s fluvio.SmartModuleSpec) error {
			_, err := a.CreateSmartModule(ctx, name, s)
			return err
		})
	case "create table_format":
		return created(ctx, r, fluvio.ParseTableFormatSpec, a.CreateTableFormat)
	case "create mirror":
		return created(ctx, r, fluvio.ParseMirrorSpec, a.CreateMirror)
	case "delete topic":
		return a.DeleteTopic(ctx, r.Name)
	case "delete custom_spu":
		return a.DeleteCustomSPU(ctx, r.Name)
	case "delete spu_group":
		return a.DeleteSPUGroup(ctx, r.Name)
	case "delete smartmodule":
		return a.DeleteSmartModule(ctx, r.Name)
	case "delete table_format":
		return a.DeleteTableFormat(ctx, r.Name)
	case "delete mirror":
		return a.DeleteMirror(ctx, r.Name)
	case "add_partitions topic":
		return a.AddPartitions(ctx, r.Name, 1)
	case "add_mirror topic":
		return a.AddMirror(ctx, r.Name, r.Remote)
	}
	return fmt.Errorf("no such call: %s", r)
}

// Every refusal is an error that says what is wrong and what to do, in Go.
func TestRefusals(t *testing.T) {
	cluster, err := devcluster.Start(t.Context(), devcluster.Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, cluster.Close()) }()
	client, err := fluvio.Connect(t.Context(), fluvio.ClientOptions{Endpoint: cluster.Endpoint()})
	require.NoError(t, err)
	defer func() { require.NoError(t, client.Close(context.Background())) }()
	table := refusals(t)
	for i := range table.Setup {
		require.NoError(t, table.Setup[i].call(t.Context(), client.Admin()), "%s", &table.Setup[i])
	}
	for i := range table.Refusals {
		r := &table.Refusals[i]
		e := fluvioerr.As(r.call(t.Context(), client.Admin()))
		require.NotNil(t, e, "%s", r)
		require.Equal(t, []any{r.Code, r.Server, r.Setting}, []any{e.Code.String(), e.Server, e.Setting}, "%s: %v", r, e)
		require.NotEmpty(t, r.Says)
		require.NotEmpty(t, r.Hint)
		require.Contains(t, e.Error(), r.Says, "%s", r)
		require.Contains(t, e.HintText(), r.Hint, "%s", r)
	}
}

// The same in C.
func TestRefusalsInC(t *testing.T) {
	need(t, "gcc")
	dir := builtLibrary(t)
	runOnCluster(t, dir, compile(t, "c/refusals.c", dir, "gcc", "-std=c99", "-x", "c"), refusalRows(t))
}

// refusalRows writes the rows as lines, which the C program reads, and gives the file's name.
func refusalRows(t *testing.T) string {
	t.Helper()
	table, lines := refusals(t), strings.Builder{}
	for _, r := range append(table.Setup, table.Refusals...) {
		settings := string(r.Settings)
		if r.Do == "add_mirror" {
			settings = r.Remote
		}
		code := "OK"
		if r.Code != "" {
			code = "FLUVIO_ERR_" + r.Code
		}
		fields := []string{r.Do, r.Kind, r.Name, settings, code, fmt.Sprint(int(r.Server)), r.Setting, r.Says, r.Hint}
		require.NotContains(t, strings.Join(fields, ""), "\t")
		lines.WriteString(strings.Join(fields, "\t") + "\n")
	}
	file := filepath.Join(t.TempDir(), "rows")
	require.NoError(t, os.WriteFile(file, []byte(lines.String()), 0o600))
	return file
}
