package tests

import (
	"bufio"
	"bytes"
	"debug/pe"
	"encoding/binary"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// bcrypt stands in for a library of Windows that Go needs for random numbers and that older releases of wine lack.
const bcrypt = `#include <windows.h>
BOOLEAN NTAPI SystemFunction036(PVOID, ULONG);
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T len) { return SystemFunction036(data, (ULONG)len); }
`

// TestPlatforms runs the smoke test with the libraries that make test-platforms has built for platforms that are not this one.
func TestPlatforms(t *testing.T) {
	python := os.Getenv("PLATFORMS_PYTHON")
	if python == "" {
		t.Skip("builds for other platforms: make test-platforms")
	}
	compile := func(t *testing.T, target string, arguments ...string) {
		run(t, nil, append([]string{python, "-m", "ziglang", "cc", "-target", target, "-std=c99", "-Wall", "-Wextra", "-Werror", "-Iinclude"}, arguments...)...)
	}
	cross := filepath.Join(checkout(t), "build", "cross")

	t.Run("linux on arm64", func(t *testing.T) {
		checkLibrary(t, filepath.Join(cross, "arm64", "libfluvio.so"))
		need(t, "qemu-aarch64-static")
		const root = "/usr/aarch64-linux-gnu" // of Debian's libc6-arm64-cross
		if _, err := os.Stat(filepath.Join(root, "lib", "ld-linux-aarch64.so.1")); err != nil {
			t.Skip("the C library of arm64 is not installed (Debian: libc6-arm64-cross)")
		}
		dir := t.TempDir()
		library, program := filepath.Join(dir, "libfluvio.so.1"), filepath.Join(dir, "smoke")
		copyFile(t, filepath.Join(cross, "arm64", "libfluvio.so"), library)
		compile(t, "aarch64-linux-gnu.2.17", "tests/c/smoke.c", library, "-o", program)
		qemu := []string{"qemu-aarch64-static", "-L", root, "-E", "LD_LIBRARY_PATH=" + dir}
		smoke(t, dir, nil, append(qemu, program), append(qemu, filepath.Join(cross, "arm64", "fluvio-devcluster")))
	})

	t.Run("windows", func(t *testing.T) {
		checkDLL(t, filepath.Join(cross, "windows-amd64", "fluvio.dll"))
		need(t, "wine")
		dir := t.TempDir()
		for _, name := range []string{"fluvio.dll", "fluvio-devcluster.exe"} {
			copyFile(t, filepath.Join(cross, "windows-amd64", name), filepath.Join(dir, name))
		}
		compile(t, "x86_64-windows-gnu", "tests/c/smoke.c", filepath.Join(cross, "windows-amd64", "fluvio.lib"), "-lws2_32", "-o", filepath.Join(dir, "smoke.exe"))
		env := wine(dir)
		bootWine(t, python, dir, env)
		smoke(t, dir, env, []string{"wine", filepath.Join(dir, "smoke.exe")}, []string{"wine", filepath.Join(dir, "fluvio-devcluster.exe")})
	})
}

// wine are the variables for a prefix of wine in a folder.
func wine(dir string) []string {
	return []string{"WINEPREFIX=" + filepath.Join(dir, "wine"), "WINEDEBUG=-all"}
}

// bootWine makes the prefix, and in it what stands in for bcryptprimitives.dll where wine lacks that. What runs in it ends with the test.
func bootWine(t *testing.T, python, dir string, env []string) {
	t.Helper()
	run(t, env, "wine", "wineboot", "-i")
	t.Cleanup(func() { run(t, env, "wineserver", "-k") })
	system := filepath.Join(dir, "wine", "drive_c", "windows", "system32", "bcryptprimitives.dll")
	if _, err := os.Stat(system); err == nil {
		return
	}
	run(t, nil, python, "-m", "ziglang", "cc", "-target", "x86_64-windows-gnu", "-shared", file(t, dir, "bcrypt.c", bcrypt), "-ladvapi32", "-o", system)
}

// checkDLL wants the library for Windows to export what fluvio.h declares, and to need no DLL that Windows itself does not bring.
func checkDLL(t *testing.T, path string) {
	t.Helper()
	dll, err := pe.Open(path)
	require.NoError(t, err)
	defer dll.Close()
	require.Equal(t, uint16(pe.IMAGE_FILE_MACHINE_AMD64), dll.Machine)
	imported, err := dll.ImportedSymbols() // function:DLL
	require.NoError(t, err)
	require.NotEmpty(t, imported)
	for _, symbol := range imported {
		require.Regexp(t, `(?i):(kernel32|ws2_32|api-ms-win-crt-[\w-]+)\.dll$`, symbol)
	}
	// Go's linker exports a stub where no Go function is exported, so that GNU's linker does not export all there is.
	own := slices.DeleteFunc(exportsOf(t, dll), func(name string) bool { return name == "_cgo_stub_export" })
	require.ElementsMatch(t, declared(t), own)
}

// exportsOf reads the names of a DLL's export table, which debug/pe does not.
func exportsOf(t *testing.T, dll *pe.File) (names []string) {
	t.Helper()
	at := func(address uint32) []byte {
		for _, section := range dll.Sections {
			if address >= section.VirtualAddress && address < section.VirtualAddress+section.Size {
				data, err := section.Data()
				require.NoError(t, err)
				return data[address-section.VirtualAddress:]
			}
		}
		require.Fail(t, "nothing lies there", "%#x", address)
		return nil
	}
	number := binary.LittleEndian.Uint32
	table := at(dll.OptionalHeader.(*pe.OptionalHeader64).DataDirectory[pe.IMAGE_DIRECTORY_ENTRY_EXPORT].VirtualAddress)
	addresses := at(number(table[32:]))
	for i := range number(table[24:]) {
		name, _, _ := bytes.Cut(at(number(addresses[4*i:])), []byte{0})
		names = append(names, string(name))
	}
	return names
}

// smoke runs the smoke test on a cluster that is the platform's own program.
func smoke(t *testing.T, dir string, env, test, cluster []string) {
	t.Helper()
	server := exec.CommandContext(t.Context(), cluster[0], append(cluster[1:], "--spus", "2", "--listen", "127.0.0.1:0")...)
	server.Dir, server.Env, server.Stderr, server.WaitDelay = dir, append(os.Environ(), env...), os.Stderr, 10*time.Second
	out, err := server.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, server.Start())
	defer func() { _, _ = server.Process.Kill(), server.Wait() }()
	line, err := bufio.NewReader(out).ReadBytes('\n')
	require.NoError(t, err)
	var ready struct{ SC string }
	require.NoError(t, json.Unmarshal(line, &ready))
	run(t, env, append(test, ready.SC)...)
}
