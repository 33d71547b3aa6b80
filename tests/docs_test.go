package tests

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// texts gives the files of the checkout whose names fit a pattern, by their paths from the root.
func texts(t *testing.T, pattern string) map[string]string {
	t.Helper()
	out := map[string]string{}
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := entry.Name(); entry.IsDir() && path != root && (strings.HasPrefix(name, ".") || slices.Contains([]string{"build", "node_modules", "target"}, name)) {
			return fs.SkipDir
		}
		if fits, _ := filepath.Match(pattern, entry.Name()); !fits || entry.IsDir() {
			return nil
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(root, path)
		out[name] = string(text)
		return err
	}))
	require.NotEmpty(t, out, pattern)
	return out
}

// pages gives every page of the checkout.
func pages(t *testing.T) map[string]string { return texts(t, "*.md") }

var (
	fence      = regexp.MustCompile("(?ms)^(?:<!-- not run: ([^\n]*) -->\n)?```(\\w*)\n(.*?)^```$")
	anyFence   = regexp.MustCompile("(?m)^[ >]*(?:```|~~~)")
	heading    = regexp.MustCompile(`(?m)^#+ (.*)$`)
	link       = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	inlineCode = regexp.MustCompile("`([^`\n]+)`")
)

// prose is a page without its blocks of code.
func prose(text string) string { return fence.ReplaceAllString(text, "") }

// anchors gives the names by which the headings of a page are linked to.
func anchors(text string) (names []string) {
	for _, m := range heading.FindAllStringSubmatch(prose(text), -1) {
		name := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(m[1]), "")
		names = append(names, strings.ReplaceAll(name, " ", "-"))
	}
	return names
}

// brokenLinks lists the links of a page that lead nowhere in the checkout. Addresses elsewhere are not asked for.
func brokenLinks(all map[string]string, page string) (broken []string) {
	for _, m := range link.FindAllStringSubmatch(inlineCode.ReplaceAllString(prose(all[page]), ""), -1) {
		path, anchor, _ := strings.Cut(m[1], "#")
		if strings.Contains(path, "://") {
			continue
		}
		target := page
		if path != "" {
			target = filepath.Join(filepath.Dir(page), path)
			if _, err := os.Stat(filepath.Join(root, target)); err != nil {
				broken = append(broken, m[1])
				continue
			}
		}
		if anchor != "" && !slices.Contains(anchors(all[target]), anchor) {
			broken = append(broken, m[1])
		}
	}
	return broken
}

func TestDocsLinks(t *testing.T) {
	all := pages(t)
	links := 0
	for page, text := range all {
		links += len(link.FindAllString(text, -1))
		for _, broken := range brokenLinks(all, page) {
			t.Errorf("%s leads to %s, which is not there", page, broken)
		}
	}
	require.Greater(t, links, 30)
	bad := map[string]string{"docs/x.md": "# A head, `code`\n[1](nowhere.md) [2](#a-head) [3](#a-head-code) [4](../README.md#nothing) [5](../README.md#try-it)", "README.md": all["README.md"]}
	require.Equal(t, []string{"nowhere.md", "#a-head", "../README.md#nothing"}, brokenLinks(bad, "docs/x.md"))
}

// names are what pages may name in code.
type names struct {
	tests            map[string]bool
	header, makefile string
}

func knownNames(t *testing.T) names {
	known := names{tests: map[string]bool{}, header: fileText(t, "include/fluvio.h"), makefile: fileText(t, "Makefile")}
	for pattern, definition := range map[string]string{"*_test.go": `(?m)^func (Test\w+)`, "test_*.py": `(?m)^ *(?:async )?def (test_\w+)`} {
		for _, text := range texts(t, pattern) {
			for _, m := range regexp.MustCompile(definition).FindAllStringSubmatch(text, -1) {
				known.tests[m[1]] = true
			}
		}
	}
	require.Greater(t, len(known.tests), 500)
	for path := range texts(t, "*.test.mjs") { // Node's tests have sentences for names: their files are named
		known.tests[filepath.Base(path)] = true
	}
	return known
}

// strangers are what a page names in code and is not there: tests, functions of C, targets of make.
func (known names) strangers(page string) (out []string) {
	for _, m := range inlineCode.FindAllStringSubmatch(prose(page), -1) {
		code := m[1]
		if name := regexp.MustCompile(`^(Test[A-Z]\w*|test_\w+|\w+\.test\.mjs)$`).FindString(code); name != "" && !known.tests[name] {
			out = append(out, name)
		}
		for _, name := range regexp.MustCompile(`\bfluvio_[a-z]+_[a-z_]+\b`).FindAllString(code, -1) {
			if !strings.Contains(known.header, name) {
				out = append(out, name)
			}
		}
		for _, m := range regexp.MustCompile(`(?:^|\s)make ([a-z][a-z-]*)`).FindAllStringSubmatch(code, -1) {
			if !regexp.MustCompile(`(?m)^[a-z -]*\b` + m[1] + `\b[a-z -]*:`).MatchString(known.makefile) {
				out = append(out, "make "+m[1])
			}
		}
	}
	return out
}

// TestDocsNames wants what pages name in code to be there.
func TestDocsNames(t *testing.T) {
	known := knownNames(t)
	for page, text := range pages(t) {
		for _, name := range known.strangers(text) {
			t.Errorf("%s names %s, which is not there", page, name)
		}
	}
	bad := "`TestDocsNames` `TestNowhere` `test_nowhere` `no.test.mjs` `fluvio_topic_create` `fluvio_topic_forget(x)` `make demo` `QUICK=1 make nothing`"
	require.Equal(t, []string{"TestNowhere", "test_nowhere", "no.test.mjs", "fluvio_topic_forget", "make nothing"}, known.strangers(bad))
}

// untested lists the rows of tables whose last cell names no test, and counts all of them. Which tests there are is TestDocsNames' matter.
// Rows in bold are headings of others.
func untested(tables string) (out []string, rows int) {
	for _, table := range regexp.MustCompile(`(?m)(?:^\|.*\|\n)+`).FindAllString(tables, -1) {
		for _, row := range strings.Split(strings.TrimSpace(table), "\n")[2:] { // the first two are the heading
			cells := strings.Split(strings.Trim(row, "|"), "|")
			if strings.HasPrefix(row, "| **") {
				continue
			}
			rows++
			last := strings.TrimSpace(cells[len(cells)-1])
			if !regexp.MustCompile("^(`(Test[A-Z]\\w*|test_\\w+|\\w+\\.test\\.mjs)`(, |$))+$").MatchString(last) {
				out = append(out, strings.TrimSpace(cells[0]))
			}
		}
	}
	return out, rows
}

// TestFeatureTable wants every feature that the README claims, and every promise, to name the tests that show it.
func TestFeatureTable(t *testing.T) {
	_, table, found := strings.Cut(pages(t)["README.md"], "\n## What it has\n")
	require.True(t, found)
	table, _, found = strings.Cut(table, "\nAnd what is not here:\n")
	require.True(t, found)
	for _, row := range regexp.MustCompile(`(?m)^\| [^*|-].*\|$`).FindAllString(table, -1) {
		require.Regexp(t, `^\|[^|]+\| yes[^|]*\|([^|]*\|){6}$`, row)
	}
	promises, _, found := strings.Cut(pages(t)["docs/guarantees.md"], "\n## What Fluvio cannot give\n")
	require.True(t, found)
	for text, least := range map[string]int{table: 60, promises: 20} {
		missing, rows := untested(text)
		require.Empty(t, missing, "no test is named")
		require.Greater(t, rows, least)
	}
	missing, rows := untested("| a | b |\n|---|---|\n| **c** | |\n| d | `TestDd` |\n| e | `TestEe`, `test_e` |\n| f | |\n\n| g | h |\n|---|---|\n| i | TestI |\n")
	require.Equal(t, []string{"f", "i"}, missing)
	require.Equal(t, 4, rows)
}

// commandLine fits inline code that is a command, make's aside, which TestDocsNames looks at.
var commandLine = regexp.MustCompile(`^(?:[A-Z_]+=\S+ )*(?:npm|npx|pip|python3?|go|gcc|g\+\+|tar|node|cargo|(?:build/bin/)?fluvio-devcluster|\./\S+|apt-get|curl) .`)

// shown says of every command that stands in a line of a page what runs it: "" for TestDocsCommands, else a file, and what stands in it.
var shown = map[string][2]string{
	"fluvio-devcluster --help":                                                                {},
	"fluvio-devcluster --spus 2":                                                              {},
	"go doc github.com/libfluvio/libfluvio/core/devcluster":                                   {},
	"go doc github.com/libfluvio/libfluvio/core/devcluster.ActionClose":                       {},
	"go doc ./core/internal/wire":                                                             {},
	"npx libfluvio":                                                                           {"tests/node/command.test.mjs", "libfluvio.js"},
	"python -m libfluvio":                                                                     {"tests/python/test_command.py", `"-m", "libfluvio"`},
	"go run ./tests/recorder":                                                                 {},
	"npx libfluvio dev-cluster":                                                               {},
	"python -m libfluvio dev-cluster":                                                         {},
	"HOSTILE_FRAMES=10000 go test -run Hostile ./core/":                                       {"core/hostile_test.go", "HOSTILE_FRAMES"},
	"UPDATE_ABI=1 go test -run TestABI ./tests":                                               {"tests/header_test.go", "UPDATE_ABI"},
	"gcc example.c $(pkg-config --cflags --libs libfluvio)":                                   {"tests/install_test.go", `"pkg-config", "--cflags", "--libs"`},
	"npm ci --prefix bindings/node":                                                           {"Makefile", "cd bindings/node && npm ci"},
	"npm install CHECKOUT/bindings/node":                                                      {"tests/docs_run_test.go", `filepath.Join(dir, "node_modules/libfluvio")`}, // the link that it makes
	"pip install --no-index --find-links build/dist libfluvio":                                {"tests/python/test_packages.py", `"pip", "install", "--no-index", wheel`},
	"pip install ./bindings/python":                                                           {"tests/python/test_library.py", "def test_installed_package_without_library"},
	"pip install build/dist/libfluvio-VERSION.tar.gz":                                         {"tests/python/test_packages.py", `packages["sdist"]`},
	"python -m pytest -q -rs tests/interop/matrix":                                            {"Makefile", "-m pytest -q -rs tests/interop"},
	"tar xzf build/dist/libfluvio-VERSION-linux-amd64.tar.gz":                                 {"tests/python/test_packages.py", `packages["archive"]`},
	"gcc example.c -IFOLDER/include -LFOLDER/lib -lfluvio -Wl,-rpath,FOLDER/lib":              {"tests/python/test_packages.py", "def test_c_archive"},
	"npm install build/dist/libfluvio-VERSION.tgz build/dist/libfluvio-linux-x64-VERSION.tgz": {"tests/node/install.test.mjs", "'install', '--offline'"},
	"npm install CHECKOUT/build/dist/libfluvio-VERSION.tgz CHECKOUT/build/dist/libfluvio-linux-x64-VERSION.tgz": {"tests/node/install.test.mjs", "'install', '--offline'"},
	"./build.sh FOLDER": {"tests/smartmodules/build.sh", "cargo"}, // by hand: it takes minutes
	"apt-get update":    {"tests/smartmodules/README.md", "apt-get update"},
	"LIBFLUVIO_OFFICIAL_TLS=mutual.profile:anonymous.profile go test -run TLSOfficial ./core": {"core/tls_test.go", "LIBFLUVIO_OFFICIAL_TLS"}, // needs official clusters
}

// TestDocsCommands runs the commands that stand in the text of pages, or knows what does.
func TestDocsCommands(t *testing.T) {
	seen := map[string]bool{}
	for _, language := range []string{"Python", "C", "Go", "Node"} { // TestReadme... run these
		for _, command := range readmeExample(t, language).commands {
			seen[command] = !strings.HasPrefix(command, "npm ")
		}
	}
	for page, text := range pages(t) {
		for _, m := range inlineCode.FindAllStringSubmatch(prose(text), -1) {
			command := m[1]
			if seen[command] || !commandLine.MatchString(command) {
				continue
			}
			seen[command] = true
			by, known := shown[command]
			switch {
			case !known:
				t.Errorf("%s: nothing runs %s: put it into a block of code, or say what runs it", page, command)
			case by[0] != "":
				text, err := os.ReadFile(filepath.Join(root, by[0]))
				require.NoError(t, err)
				require.Contains(t, string(text), by[1], command)
			case strings.HasSuffix(command, "recorder"):
				runShell(t, command+" --help")
			case strings.HasPrefix(command, "go doc "): // follows no links, of which copies consist
				output(t, checkout(t), nil, strings.Fields(command)...)
			case regexp.MustCompile(`dev-?cluster(?: --spus 2)?$`).MatchString(command):
				runShell(t, command+" &")
			default:
				runShell(t, command)
			}
		}
	}
	for command := range shown {
		require.True(t, seen[command], "no page has the command %s", command)
	}
}

// notRun is how many blocks of code are not run, each with the reason in front of it. It only goes down, or up with a reason.
const notRun = 1

// TestDocsBlocks runs every block of code of every page as it stands there, or with what docs_run_test.go puts around parts of
// programs.
func TestDocsBlocks(t *testing.T) {
	left := 0
	for page, text := range pages(t) {
		blocks := fence.FindAllStringSubmatch(text, -1)
		require.NotRegexp(t, `(?m)\n\n(?: {4}|\t)\S`, prose(text), "%s has code without a fence", page)
		require.Len(t, anyFence.FindAllString(text, -1), 2*len(blocks), "%s has a fence that this test does not understand", page)
		for i, block := range blocks {
			reason, language, code := block[1], block[2], block[3]
			if page == "README.md" && slices.Contains([]string{"python", "js", "c", "go"}, language) {
				continue // TestReadme... run them, one in each language, and look at what they print
			}
			if reason != "" {
				left++
				continue
			}
			t.Run(strings.ReplaceAll(page, "/", "_")+"_"+language+"_"+string(rune('a'+i)), func(t *testing.T) {
				run, ok := runners[language]
				require.True(t, ok, "nobody runs code in %q: give it a language, or say <!-- not run: why -->", language)
				run(t, code)
			})
		}
	}
	require.Equal(t, notRun, left, "blocks that are not run")
}

// runJSON wants JSON to be JSON.
func runJSON(t *testing.T, code string) { require.True(t, json.Valid([]byte(code)), code) }

// TestDocsFaults wants the page about testing to have every kind of fault, and no other.
func TestDocsFaults(t *testing.T) {
	_, table, found := strings.Cut(pages(t)["docs/testing.md"], "\n| kind | what it does |\n")
	require.True(t, found)
	table, _, _ = strings.Cut(table, "\n\n")
	require.Equal(t, firsts(fileText(t, "core/devcluster/fault.go"), `ActionKind = "(\w+)"`), firsts(table, "(?m)^\\| `(\\w+)` \\|"))
}

// firsts are what the group of a pattern fits, sorted.
func firsts(text, pattern string) (out []string) {
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	slices.Sort(out)
	return out
}
