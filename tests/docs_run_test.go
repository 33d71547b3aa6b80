package tests

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core/devcluster"
)

// runners run a block of code. What is a whole program runs as it is; parts of programs have a connected client and a topic
// "orders" with three partitions and ten records.
var runners = map[string]func(t *testing.T, code string){
	"python": runPython, "js": runNode, "c": runC, "cpp": runCPP, "go": runGo, "json": runJSON,
	"sh": func(t *testing.T, code string) { runShell(t, code) },
}

// fixture is a dev cluster of two SPUs that ends with the test.
func fixture(t *testing.T) *devcluster.Cluster {
	t.Helper()
	cluster, err := devcluster.Start(t.Context(), devcluster.Options{SPUs: 2})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, cluster.Close()) })
	return cluster
}

func runPython(t *testing.T, code string) {
	if !strings.Contains(code, "import libfluvio") {
		code = `import libfluvio
cluster = libfluvio.DevCluster(spus=2)
client = libfluvio.connect(cluster.endpoint)
client.admin.create_topic("orders", partitions=3)
with client.producer("orders") as producer:
    producer.send_many([b"value %d" % i for i in range(10)])
producer = client.producer("orders")
` + code
	}
	for _, m := range regexp.MustCompile(`(?m)^def (test_\w+)\(\)`).FindAllStringSubmatch(code, -1) {
		code += m[1] + "()\n"
	}
	path := file(t, t.TempDir(), "example.py", code)
	output(t, checkout(t), []string{"PYTHONPATH=" + filepath.Join(checkout(t), "bindings/python")}, "python3", path)
}

// needKoffi skips where what the Node package needs is missing.
func needKoffi(t *testing.T) {
	t.Helper()
	if _, err := os.Stat("../bindings/node/node_modules/koffi"); err != nil {
		t.Skip("the Node packages are not installed: make test installs them")
	}
}

func runNode(t *testing.T, code string) {
	needKoffi(t)
	dir := copyOfCheckout(t)
	if !strings.Contains(code, "from 'libfluvio'") && !strings.Contains(code, "require('libfluvio')") {
		code = `import { connect, DevCluster } from 'libfluvio';
const cluster = await DevCluster.start({ spus: 2 });
const client = await connect({ endpoint: cluster.endpoint });
await client.admin.createTopic('orders', { partitions: 3 });
{
  const filler = await client.producer('orders');
  await filler.sendMany(Array.from({ length: 10 }, (_, i) => ` + "`value ${i}`" + `));
  await filler.close();
}
` + code + "\nawait client.close(); await cluster.stop();\n"
	}
	output(t, dir, nil, "node", file(t, dir, "example.mjs", code))
}

func runC(t *testing.T, code string) {
	if !strings.Contains(code, "int main") {
		code = `#include <fluvio.h>
#include <stdio.h>
int main(int argc, char **argv) {
  fluvio_config_t *at = fluvio_config_new();
  fluvio_client_t *client = NULL;
  fluvio_error_t *error = NULL;
  fluvio_config_set(at, "endpoint", argv[argc - 1], NULL);
  if (fluvio_client_connect(at, 5000, &client, &error)) return 1;
  if (fluvio_topic_create(client, "orders", NULL, 10000, &error)) return 1;
` + code + "\n  fluvio_client_free(client);\n  fluvio_config_free(at);\n  return 0;\n}\n"
	}
	compileAndRun(t, "example.c", code, "gcc", "-std=c99")
}

func runCPP(t *testing.T, code string) { compileAndRun(t, "example.cpp", code, "g++", "-std=c++17") }

// compileAndRun gives the program the address of a cluster.
func compileAndRun(t *testing.T, name, code string, compiler ...string) {
	need(t, compiler[0])
	if strings.Contains(code, "curl -") {
		need(t, "curl")
	}
	dir, lib := t.TempDir(), filepath.Join(checkout(t), "build/lib")
	path, program := file(t, dir, name, code), filepath.Join(dir, "example")
	output(t, dir, nil, append(compiler, path, "-Wall", "-Werror", "-I"+filepath.Join(checkout(t), "include"), "-L"+lib, "-lfluvio", "-o", program)...)
	path = filepath.Join(checkout(t), "build/bin") + ":" + os.Getenv("PATH") // for programs that start a cluster themselves
	output(t, dir, []string{"LD_LIBRARY_PATH=" + lib, "PATH=" + path}, program, fixture(t).Endpoint())
}

// goImports are what parts of Go programs may use without saying so.
var goImports = map[string]string{
	"context": "context", "fmt": "fmt", "log": "log", "time": "time", "errors": "errors", "os": "os",
	"fluvioerr": module + "core/fluvioerr", "devcluster": module + "core/devcluster",
}

func runGo(t *testing.T, code string) {
	name, command := "main.go", "run"
	if strings.Contains(code, "_test\n") {
		name, command = "main_test.go", "test"
	} else if !strings.Contains(code, "package main") {
		code = `	ctx := context.Background()
	cluster, err := devcluster.Start(ctx, devcluster.Options{SPUs: 2})
	if err != nil {
		log.Fatal(err)
	}
	defer cluster.Close()
	client, err := fluvio.Connect(ctx, fluvio.ClientOptions{Endpoint: cluster.Endpoint()})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close(ctx)
	if err := client.Admin().CreateTopic(ctx, "orders", fluvio.TopicSpec{Partitions: 3}); err != nil {
		log.Fatal(err)
	}
	{
` + code
		for _, m := range regexp.MustCompile(`(?m)^(\w+)(?:, err)? :=`).FindAllStringSubmatch(code, -1) {
			code += "\n\t_ = " + m[1]
		}
		code += "\n\tif err != nil {\n\t\tlog.Fatal(err)\n\t}\n\t}\n}\n"
		head := "package main\n\nimport (\n\tfluvio \"" + module + "core\"\n"
		for name, path := range goImports {
			if strings.Contains(code, name+".") {
				head += "\t\"" + path + "\"\n"
			}
		}
		code = head + ")\n\nfunc main() {\n" + code
	}
	// Inside the module, so that it is built with this checkout; "_" hides it from ./...
	dir := filepath.Join(checkout(t), "build", "_docs", strings.ReplaceAll(t.Name(), "/", "_"))
	require.NoError(t, os.MkdirAll(dir, 0o700))
	file(t, dir, name, code)
	output(t, checkout(t), nil, "go", command, "./"+filepath.ToSlash(strings.TrimPrefix(dir, checkout(t)+"/")))
}

// shellEnv is what commands of the pages find: the programs of the checkout, Python with the package, and a cluster.
func shellEnv(t *testing.T) []string {
	cluster, bin := fixture(t), t.TempDir()
	for name, script := range map[string]string{
		"python": "exec python3 \"$@\"\n",
		// npx of a package that is installed runs its command.
		"npx": "[ \"$1\" = libfluvio ] && shift && exec node '" + filepath.Join(checkout(t), "bindings/node/bin/libfluvio.js") + "' \"$@\"\n",
	} {
		require.NoError(t, os.Chmod(file(t, bin, name, "#!/bin/sh\n"+script), 0o700))
	}
	return []string{
		"PATH=" + bin + ":" + filepath.Join(checkout(t), "build/bin") + ":" + os.Getenv("PATH"),
		"GOFLAGS=-trimpath -buildvcs=false", // or every copy would be compiled anew
		"PYTHONPATH=" + filepath.Join(checkout(t), "bindings/python"), "FLUVIO_ENDPOINT=" + cluster.Endpoint(),
	}
}

// runShell runs commands in a copy of the checkout that has the programs of the pages, too, and gives what they print. What make would do
// is only asked for: it takes minutes, and it may be make that runs this. A cluster in the background is waited for, and ended.
func runShell(t *testing.T, commands ...string) string {
	text := strings.Join(commands, "\n")
	if regexp.MustCompile(`(?m)^(npx|node) `).MatchString(text) {
		needKoffi(t)
	}
	for _, tool := range []string{"gcc", "g++", "curl"} {
		if strings.Contains("\n"+text, "\n"+tool+" ") {
			need(t, tool)
		}
	}
	script := "clusters=\ntrap '[ -z \"$clusters\" ] || kill $clusters' EXIT\n"
	for _, port := range []string{"9003", "9004"} {
		text = strings.ReplaceAll(text, "127.0.0.1:"+port, freeAddress(t))
	}
	for _, line := range strings.Split(text, "\n") {
		line = regexp.MustCompile(`^((?:[A-Z_]+=\S+ )*)make\b`).ReplaceAllString(line, "${1}make -n")
		line = regexp.MustCompile(`^(\S.*dev-?cluster.*) &$`).ReplaceAllString(line, `exec 3< <(exec $1); clusters="$$clusters $$!"; read -r -u 3 ready`)
		script += line + "\n"
	}
	return output(t, copyOfCheckout(t), shellEnv(t), "bash", "-euo", "pipefail", "-c", script)
}

// freeAddress gives a port of loopback that nobody has: one that the system does not give to those who ask for any, of whom there are many
// until a program listens there.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 1000 {
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 12000+rand.IntN(20000))); err == nil {
			defer l.Close()
			return l.Addr().String()
		}
	}
	t.Fatal("no port is free")
	return ""
}

// copyOfCheckout gives a folder with all that lies in the checkout's root, and the programs that the pages are about.
func copyOfCheckout(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	entries, err := os.ReadDir(root)
	require.NoError(t, err)
	for _, entry := range entries {
		if entry.Name() == "build" { // what commands make goes elsewhere
			require.NoError(t, os.Mkdir(filepath.Join(dir, "build"), 0o700))
			for _, made := range []string{"lib", "bin"} {
				require.NoError(t, os.Symlink(filepath.Join(checkout(t), "build", made), filepath.Join(dir, "build", made)))
			}
			continue
		}
		require.NoError(t, os.Symlink(filepath.Join(checkout(t), entry.Name()), filepath.Join(dir, entry.Name())))
	}
	require.NoError(t, os.Mkdir(filepath.Join(dir, "node_modules"), 0o700))
	require.NoError(t, os.Symlink(filepath.Join(checkout(t), "bindings/node"), filepath.Join(dir, "node_modules/libfluvio")))
	for _, language := range []string{"Python", "Node", "C", "Go"} {
		program := readmeExample(t, language)
		file(t, dir, program.name, program.code)
	}
	_, program, found := strings.Cut(pages(t)["docs/install.md"], "\n```cpp\n")
	require.True(t, found)
	program, _, _ = strings.Cut(program, "```\n")
	file(t, dir, "orders.cpp", program)
	return dir
}
