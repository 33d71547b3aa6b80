package tests

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// versions says where the version is written down, with the pattern that finds it there. core.Version is the one to change first: the
// others follow it, because this test fails until they do.
var versions = map[string]string{
	"core/health.go":                        `(?m)^const Version = "(.*)"$`,
	"bindings/python/libfluvio/__init__.py": `(?m)^__version__ = "(.*)"$`,
	"bindings/python/pyproject.toml":        `(?m)^version = "(.*)"$`,
	"bindings/node/package.json":            `(?m)^  "version": "(.*)",$`,
	"bindings/node/package-lock.json":       `(?m)^  "version": "(.*)",$`,
	"CHANGELOG.md":                          `(?m)^## (\S+)`,
}

// TestOneVersion wants the same version everywhere: in Go, C, Python, Node, the packages and the newest entry of the changelog.
func TestOneVersion(t *testing.T) {
	found := map[string]string{}
	for path, pattern := range versions {
		text, err := os.ReadFile(filepath.Join(root, path))
		require.NoError(t, err)
		m := regexp.MustCompile(pattern).FindStringSubmatch(string(text))
		require.NotNil(t, m, "%s has no version", path)
		found[path] = m[1]
	}
	want := found["core/health.go"]
	for path, version := range found {
		require.Equal(t, want, version, path)
	}
	numbers := regexp.MustCompile(`^(\d+)\.(\d+)\.(\d+)$`).FindStringSubmatch(want)
	require.NotNil(t, numbers, want)

	// The header has it as a number, of which two tables of the bindings and the C library's own constants are copies; make takes the
	// packages' version from there.
	header, err := os.ReadFile("../include/fluvio.h")
	require.NoError(t, err)
	hex := regexp.MustCompile(`(?m)^#define FLUVIO_VERSION_HEX (0x\w+)`).FindSubmatch(header)
	require.NotNil(t, hex)
	require.Equal(t, want, strings.TrimSpace(output(t, checkout(t), nil, "make", "-s", "version")), "fluvio.h")
	source, err := os.ReadFile("../capi/version.c")
	require.NoError(t, err)
	for i, part := range []string{"MAJOR", "MINOR", "PATCH"} {
		require.Contains(t, string(source), "#define VERSION_"+part+" "+numbers[i+1]+"\n")
	}
	for path, pattern := range map[string]string{"bindings/python/libfluvio/_abi.py": `VERSION_HEX\b.* = (0x\w+)`, "bindings/node/lib/abi.js": `VERSION_HEX = (0x\w+)`} {
		text, err := os.ReadFile(filepath.Join(root, path))
		require.NoError(t, err)
		m := regexp.MustCompile(pattern).FindSubmatch(text)
		require.NotNil(t, m, "%s has no version", path)
		require.Equal(t, string(hex[1]), string(m[1]), path)
	}
}
