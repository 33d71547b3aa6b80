package tests

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	fluvio "github.com/libfluvio/libfluvio/core"
)

// tagged are the names that the fields of a struct have in a tag.
func tagged(v any, tag string) (names []string) {
	for t, i := reflect.TypeOf(v), 0; i < t.NumField(); i++ {
		if name := t.Field(i).Tag.Get(tag); name != "" && name != "-" {
			names = append(names, name)
		}
	}
	return names
}

// members are what stands with this indent between a line and the next one that begins a declaration.
func members(t *testing.T, text, head, member, end string) (names []string) {
	_, block, found := strings.Cut(text, head)
	require.True(t, found, head)
	block, _, _ = strings.Cut(block, end)
	for _, m := range regexp.MustCompile(member).FindAllStringSubmatch(block, -1) {
		names = append(names, m[1])
	}
	return names
}

func camel(name string) string {
	return regexp.MustCompile(`_[a-z]`).ReplaceAllStringFunc(name, func(s string) string { return strings.ToUpper(s[1:]) })
}

func fileText(t *testing.T, parts ...string) string {
	b, err := os.ReadFile(filepath.Join(append([]string{checkout(t)}, parts...)...))
	require.NoError(t, err)
	return string(b)
}

// Every field of an object, and every setting that makes one, is there in Python and Node under its own name, and nothing else is:
// a new field cannot be forgotten.
func TestFieldsInEveryLanguage(t *testing.T) {
	python, node := fileText(t, "bindings", "python", "libfluvio", "_objects.py"), fileText(t, "bindings", "node", "types", "admin.d.ts")
	for _, c := range []struct {
		object       any
		python, node string // "": it stands within another
	}{
		{fluvio.Topic{}, "Topic", "Topic"}, {fluvio.Partition{}, "Partition", "Partition"}, {fluvio.PartitionPlaces{}, "PartitionPlaces", ""},
		{fluvio.Deduplication{}, "Deduplication", "Deduplication"}, {fluvio.TopicMirror{}, "TopicMirror", "TopicMirror"},
		{fluvio.MirrorPartition{}, "MirrorPartition", ""}, {fluvio.MirrorSPU{}, "MirrorSPU", ""}, {fluvio.ReplicaView{}, "ReplicaView", ""},
		{fluvio.PartitionMirror{}, "PartitionMirror", "PartitionMirror"}, {fluvio.SPU{}, "SPU", "Spu"},
		{fluvio.SPUEndpoint{}, "SPUEndpoint", "SpuEndpoint"}, {fluvio.SPUHost{}, "SPUHost", ""}, {fluvio.SPUGroup{}, "SPUGroup", "SpuGroup"},
		{fluvio.SmartModulePackage{}, "SmartModulePackage", "SmartModulePackage"}, {fluvio.SmartModuleParam{}, "SmartModuleParam", ""},
		{fluvio.StoredSmartModule{}, "StoredSmartModule", "StoredSmartModule"}, {fluvio.TableFormat{}, "TableFormat", "TableFormat"},
		{fluvio.TableColumn{}, "TableColumn", "TableColumn"}, {fluvio.Mirror{}, "Mirror", "Mirror"}, {fluvio.MirrorTLS{}, "MirrorTLS", "MirrorTls"},
		{fluvio.MirrorPairing{}, "MirrorPairing", ""},
	} {
		want := tagged(c.object, "json")
		require.ElementsMatch(t, want, members(t, python, "\nclass "+c.python+":\n", `(?m)^    (\w+): `, "\n\n\n"), "Python's %s", c.python)
		if c.node != "" {
			require.ElementsMatch(t, camels(want), nodeMembers(t, node, c.node), "Node's %s", c.node)
		}
	}
	for name, spec := range map[string]any{
		"TopicOptions": fluvio.TopicSpec{}, "CustomSpuOptions": fluvio.CustomSPUSpec{}, "SpuGroupOptions": fluvio.SPUGroupSpec{},
		"TableFormatOptions": fluvio.TableFormatSpec{}, "MirrorOptions": fluvio.MirrorSpec{}, "SmartModuleOptions": fluvio.SmartModuleSpec{},
	} {
		want := slices.DeleteFunc(tagged(spec, "setting"), func(s string) bool {
			return s == "path" || s == "wasm" || s == "timeout_ms" // arguments of their own, or of every call
		})
		require.ElementsMatch(t, camels(want), nodeMembers(t, node, name), "Node's %s", name)
	}
}

func camels(names []string) (out []string) {
	for _, name := range names {
		out = append(out, camel(name))
	}
	return out
}

func nodeMembers(t *testing.T, text, name string) []string {
	head := regexp.MustCompile(`\nexport interface ` + name + ` [^\n]*\n`).FindString(text)
	require.NotEmpty(t, head, name)
	names := members(t, text, head, `(?m)^  (\w+)\??: `, "\n}\n")
	if m := regexp.MustCompile(` extends (\w+) `).FindStringSubmatch(head); m != nil && strings.Contains(text, "\nexport interface "+m[1]+" ") {
		names = append(names, nodeMembers(t, text, m[1])...)
	}
	return names
}

// What was asked for when an object was made can be read from it again.
func TestEverySettingIsShown(t *testing.T) {
	for _, c := range []struct {
		spec, object any
		hidden       []string // what says how to make it
	}{
		{fluvio.TopicSpec{}, fluvio.Topic{}, []string{"dry_run", "timeout_ms"}},
		{fluvio.CustomSPUSpec{}, fluvio.SPU{}, []string{"dry_run", "timeout_ms", "encryption"}}, // of its endpoints
		{fluvio.SPUGroupSpec{}, fluvio.SPUGroup{}, []string{"timeout_ms"}},
		{fluvio.SmartModuleSpec{}, fluvio.StoredSmartModule{}, []string{"path", "timeout_ms"}},
		{fluvio.TableFormatSpec{}, fluvio.TableFormat{}, []string{"timeout_ms"}},
		{fluvio.MirrorSpec{}, fluvio.Mirror{}, []string{"timeout_ms"}},
	} {
		shown := tagged(c.object, "json")
		for _, setting := range tagged(c.spec, "setting") {
			if setting == "system" {
				setting = "is_system"
			}
			if !slices.Contains(c.hidden, setting) {
				require.Contains(t, shown, setting, "%T", c.object)
			}
		}
	}
}
