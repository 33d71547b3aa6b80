package tests

import (
	"context"
	"os"
	"os/exec"
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
	"python": runPython, "js": runNode, "c": runC, "go": func(t *testing.T, code string) { runGo(t, code) }, "sh": runShell, "json": runJSON,
}

// fixture is a dev cluster with the topic that parts of programs work on.
func fixture(t *testing.T) *devcluster.Cluster {
	t.Helper()
	cluster, err := devcluster.Start(context.Background(), devcluster.Options{SPUs: 2})
	require.NoError(t, err)
	t.Cleanup(func() { _ = cluster.Close() })
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
	path := file(t, t.TempDir(), "example.py", code)
	output(t, checkout(t), []string{"PYTHONPATH=" + filepath.Join(checkout(t), "bindings/python")}, "python3", path)
}

// nodeFolder gives a folder from which programs find the package.
func nodeFolder(t *testing.T) string {
	t.Helper()
	if _, err := os.Stat("../bindings/node/node_modules/koffi"); err != nil {
		t.Skip("the Node packages are not installed: make test installs them")
	}
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "node_modules"), 0o700))
	require.NoError(t, os.Symlink(filepath.Join(checkout(t), "bindings/node"), filepath.Join(dir, "node_modules/libfluvio")))
	return dir
}

func runNode(t *testing.T, code string) {
	dir := nodeFolder(t)
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
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("gcc is not installed")
	}
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
	dir, lib := t.TempDir(), filepath.Join(checkout(t), "build/lib")
	path, program := file(t, dir, "example.c", code), filepath.Join(dir, "example")
	output(t, dir, nil, "gcc", "-std=c99", path, "-Wall", "-Werror", "-I"+filepath.Join(checkout(t), "include"), "-L"+lib, "-lfluvio", "-o", program)
	output(t, dir, []string{"LD_LIBRARY_PATH=" + lib}, program, fixture(t).Endpoint())
}

// goImports are what parts of Go programs may use without saying so.
var goImports = map[string]string{
	"context": "context", "fmt": "fmt", "log": "log", "time": "time", "errors": "errors", "os": "os",
	"fluvioerr": module + "core/fluvioerr", "devcluster": module + "core/devcluster",
}

// runGo gives what the program printed.
func runGo(t *testing.T, code string) string {
	if !strings.Contains(code, "package main") {
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
	file(t, dir, "main.go", code)
	return output(t, checkout(t), nil, "go", "run", "./"+filepath.ToSlash(strings.TrimPrefix(dir, checkout(t)+"/")))
}

// shellEnv is what commands of the pages find: the programs of the checkout, Python with the package, and a cluster.
func shellEnv(t *testing.T) []string {
	cluster, bin := fixture(t), t.TempDir()
	// npx of a package that is installed runs its command.
	npx := "#!/bin/sh\n[ \"$1\" = libfluvio ] && shift && exec node '" + filepath.Join(checkout(t), "bindings/node/bin/libfluvio.js") + "' \"$@\"\n"
	require.NoError(t, os.Chmod(file(t, bin, "npx", npx), 0o700))
	return []string{
		"PATH=" + bin + ":" + filepath.Join(checkout(t), "build/bin") + ":" + os.Getenv("PATH"),
		"PYTHONPATH=" + filepath.Join(checkout(t), "bindings/python"), "FLUVIO_ENDPOINT=" + cluster.Endpoint(),
	}
}
