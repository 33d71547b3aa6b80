package tests

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPlatformsPython installs the wheel for Windows with a Python for Windows, WINDOWS_PYTHON, in wine, and runs what the package has
// to do everywhere. Part of make test-platforms, whose builds it packs.
func TestPlatformsPython(t *testing.T) {
	python, packer := os.Getenv("WINDOWS_PYTHON"), os.Getenv("PLATFORMS_PYTHON")
	if python == "" || packer == "" {
		t.Skip("a wheel in wine: make test-platforms with WINDOWS_PYTHON, the path of a python.exe")
	}
	need(t, "wine")
	root, dir := checkout(t), t.TempDir()
	version, err := exec.CommandContext(t.Context(), "make", "-s", "-C", root, "version").Output()
	require.NoError(t, err)
	run(t, nil, packer, filepath.Join(root, "capi/packaging/pack.py"), "--version", string(version[:len(version)-1]), "--out", dir,
		filepath.Join(root, "build/cross/windows-amd64"))
	wheels, err := filepath.Glob(filepath.Join(dir, "*-win_amd64.whl"))
	require.NoError(t, err)
	require.Len(t, wheels, 1)

	env := append(wine(dir), "PYTHONPATH=Z:"+filepath.Join(dir, "site"))
	bootWine(t, packer, dir, env)
	run(t, env, "wine", python, "-m", "pip", "install", "--no-index", "--target", "Z:"+filepath.Join(dir, "site"), "Z:"+wheels[0])
	run(t, env, "wine", python, "Z:"+filepath.Join(root, "tests/python/platform_smoke.py"))
}
