package tests

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core/devcluster"
)

// cmakeProject builds the examples against an installation, the shared library and the static one.
const cmakeProject = `cmake_minimum_required(VERSION 3.16)
project(examples C CXX)
find_package(libfluvio 0.1 REQUIRED)
foreach(name produce consume admin)
  add_executable(${name} ${EXAMPLES}/c/${name}.c)
  target_link_libraries(${name} PRIVATE libfluvio::fluvio)
endforeach()
add_executable(tail ${EXAMPLES}/cpp/tail.cpp)
set_target_properties(tail PROPERTIES CXX_STANDARD 17)
target_link_libraries(tail PRIVATE libfluvio::fluvio_static)
`

// installed gives the files below a prefix, relative to it.
func installed(t *testing.T, prefix string) (files []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(prefix, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			relative, _ := filepath.Rel(prefix, path)
			files = append(files, relative)
		}
		return err
	}))
	return files
}

// TestInstall installs into an empty prefix, moves that away, builds the examples out of the tree by pkg-config, CMake and
// plain flags, runs them, and takes the installation away again.
func TestInstall(t *testing.T) {
	for _, tool := range []string{"make", "gcc", "g++", "objcopy"} {
		need(t, tool)
	}
	root := checkout(t)
	first, prefix, out := filepath.Join(t.TempDir(), "first"), filepath.Join(t.TempDir(), "moved"), t.TempDir()
	run(t, nil, "make", "--no-print-directory", "install", "PREFIX="+first, "LIBDIR="+first+"/lib/own")
	require.ElementsMatch(t, []string{"bin/fluvio-devcluster", "include/fluvio.h", "include/fluvio.hpp", "share/man/man3/libfluvio.3", "lib/own/libfluvio.a", "lib/own/libfluvio.so",
		"lib/own/libfluvio.so.1", "lib/own/pkgconfig/libfluvio.pc", "lib/own/cmake/libfluvio/libfluvioConfig.cmake",
		"lib/own/cmake/libfluvio/libfluvioConfigVersion.cmake"}, installed(t, first))
	require.NoError(t, os.Rename(first, prefix))

	staged := t.TempDir() // as packagers do: into a folder that is not where it will be; what was built above is not built again
	for _, target := range []string{"install", "uninstall"} {
		run(t, nil, "make", "--no-print-directory", "-o", "all", "-o", "static", target, "PREFIX="+first, "LIBDIR="+first+"/lib/own", "DESTDIR="+staged)
		require.NoDirExists(t, first)
		if target == "uninstall" {
			require.Empty(t, installed(t, staged))
			continue
		}
		require.ElementsMatch(t, installed(t, prefix), installed(t, filepath.Join(staged, first)))
		for _, name := range []string{"pkgconfig/libfluvio.pc", "cmake/libfluvio/libfluvioConfig.cmake"} {
			text, err := os.ReadFile(filepath.Join(staged, first, "lib/own", name))
			require.NoError(t, err)
			require.NotContains(t, string(text), staged)
		}
	}

	lib := filepath.Join(prefix, "lib", "own")
	c, cpp := filepath.Join(root, "tests/examples/c"), filepath.Join(root, "tests/examples/cpp")
	strict := []string{"-Wall", "-Wextra", "-Werror", "-pedantic"}
	plain := append([]string{"-I" + prefix + "/include", "-L" + lib, "-Wl,-rpath," + lib}, strict...)
	for _, name := range []string{"produce", "consume", "admin"} {
		run(t, nil, append(append([]string{"gcc", "-std=c99", c + "/" + name + ".c"}, plain...), "-lfluvio", "-o", out+"/"+name)...)
	}
	run(t, nil, append(append([]string{"g++", "-std=c++17", cpp + "/tail.cpp"}, plain...), "-l:libfluvio.a", "-lpthread", "-o", out+"/tail")...)
	t.Run("plain flags", func(t *testing.T) { pipeline(t, out, nil) })

	t.Run("pkg-config", func(t *testing.T) {
		need(t, "pkg-config")
		out := t.TempDir()
		cmd := exec.Command("pkg-config", "--cflags", "--libs", "libfluvio >= 0.1")
		cmd.Env = append(os.Environ(), "PKG_CONFIG_PATH="+lib+"/pkgconfig")
		flags, err := cmd.Output()
		require.NoError(t, err)
		for program, compiler := range map[string][]string{c + "/produce.c": {"gcc", "-std=c99"}, c + "/consume.c": {"gcc", "-std=c99"}, c + "/admin.c": {"gcc", "-std=c99"}, cpp + "/tail.cpp": {"g++", "-std=c++17"}} {
			name := strings.TrimSuffix(filepath.Base(program), filepath.Ext(program))
			run(t, nil, append(append(compiler, program), append(strings.Fields(string(flags)), "-o", filepath.Join(out, name))...)...)
		}
		pipeline(t, out, []string{"LD_LIBRARY_PATH=" + lib})
	})

	t.Run("cmake", func(t *testing.T) {
		need(t, "cmake")
		source, out := t.TempDir(), t.TempDir()
		file(t, source, "CMakeLists.txt", cmakeProject)
		run(t, nil, "cmake", "-S", source, "-B", out, "-DCMAKE_PREFIX_PATH="+prefix, "-Dlibfluvio_DIR="+lib+"/cmake/libfluvio", "-DEXAMPLES="+root+"/tests/examples")
		run(t, nil, "cmake", "--build", out)
		pipeline(t, out, nil)
	})

	run(t, nil, "make", "--no-print-directory", "uninstall", "PREFIX="+prefix, "LIBDIR="+lib)
	require.Empty(t, installed(t, prefix))
}

// pipeline runs the examples in a folder, one after the other: what goes into produce comes out of consume and tail.
func pipeline(t *testing.T, dir string, env []string) {
	t.Helper()
	cluster, err := devcluster.Start(t.Context(), devcluster.Options{SPUs: 1})
	require.NoError(t, err)
	defer func() { require.NoError(t, cluster.Close()) }()
	admin := func(words ...string) string {
		t.Helper()
		return output(t, dir, env, append([]string{filepath.Join(dir, "admin"), "-e", cluster.Endpoint()}, words...)...)
	}
	require.Equal(t, "lines\n", admin("-o", "retention_seconds=2h", "create", "topic", "lines"))
	require.Equal(t, "lines provisioned\n", admin("list", "topic"))
	require.Contains(t, admin("describe", "topic", "lines"), `"retention_seconds":7200`)
	require.Equal(t, "lines-0 online\n", admin("-o", "topic=lines", "list", "partition"))
	require.Contains(t, admin("health"), `"verdict":"healthy"`)

	produce := exec.CommandContext(t.Context(), filepath.Join(dir, "produce"), "-e", cluster.Endpoint(), "-k", ":", "-o", "compression=zstd", "lines")
	produce.Stdin, produce.Env = strings.NewReader("a:1\n:2\nplain\n\nlast"), append(os.Environ(), env...)
	report, err := produce.CombinedOutput()
	require.NoError(t, err, "%s", report)
	require.Equal(t, "produce: 5 lines, 5 stored, 0 failed\n", string(report))
	require.Equal(t, "lines 0 0 1[a] 1[1]\nlines 0 1 0[] 1[2]\nlines 0 2 -1[] 5[plain]\nlines 0 3 -1[] 0[]\nlines 0 4 -1[] 4[last]\n",
		output(t, dir, env, filepath.Join(dir, "consume"), "-e", cluster.Endpoint(), "-s", "beginning", "-u", "end", "-f", `%t %p %o %K[%k] %V[%v]\n`, "lines"))
	require.Equal(t, "lines-0 3 - \nlines-0 4 - last\n",
		output(t, dir, env, filepath.Join(dir, "tail"), "-e", cluster.Endpoint(), "-s", "end-2", "-n", "2", "^li.*"))

	output(t, dir, env, filepath.Join(dir, "consume"), "-e", cluster.Endpoint(), "-s", "beginning", "-u", "end", "-o", "consumer_id=me", "-o", "offset_strategy=auto", "lines")
	require.Equal(t, "me lines-0 4\n", admin("offsets"))
	require.Empty(t, admin("delete", "topic", "lines"))
	again := exec.CommandContext(t.Context(), filepath.Join(dir, "admin"), "-e", cluster.Endpoint(), "describe", "topic", "lines")
	again.Env = append(os.Environ(), env...)
	refusal, err := again.CombinedOutput()
	require.Error(t, err)
	require.Regexp(t, `^admin: describe: .*"lines" does not exist`, string(refusal))
}
