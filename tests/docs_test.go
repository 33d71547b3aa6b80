package tests

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
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

// TestDocsNames wants what pages name in code to be there: tests, functions of C, targets of make, settings in tables.
func TestDocsNames(t *testing.T) {
	tests := map[string]bool{}
	for pattern, definition := range map[string]string{"*_test.go": `(?m)^func (Test\w+)`, "test_*.py": `(?m)^ *(?:async )?def (test_\w+)`} {
		for _, text := range texts(t, pattern) {
			for _, m := range regexp.MustCompile(definition).FindAllStringSubmatch(text, -1) {
				tests[m[1]] = true
			}
		}
	}
	require.Greater(t, len(tests), 500)
	for path := range texts(t, "*.test.mjs") { // Node's tests have sentences for names: their files are named
		tests[filepath.Base(path)] = true
	}
	header, err := os.ReadFile("../include/fluvio.h")
	require.NoError(t, err)
	makefile, err := os.ReadFile("../Makefile")
	require.NoError(t, err)
	for page, text := range pages(t) {
		for _, m := range inlineCode.FindAllStringSubmatch(prose(text), -1) {
			code := m[1]
			if name := regexp.MustCompile(`^(Test[A-Z]\w+|test_\w+|\w+\.test\.mjs)$`).FindString(code); name != "" && !tests[name] {
				t.Errorf("%s names the test %s, which is not there", page, name)
			}
			for _, name := range regexp.MustCompile(`\bfluvio_[a-z]+_[a-z_]+\b`).FindAllString(code, -1) {
				if !strings.Contains(string(header), name) {
					t.Errorf("%s names %s, which fluvio.h does not have", page, name)
				}
			}
			for _, m := range regexp.MustCompile(`(?:^|\s)make ([a-z][a-z-]*)`).FindAllStringSubmatch(code, -1) {
				if !regexp.MustCompile(`(?m)^[a-z -]*\b` + m[1] + `\b[a-z -]*:`).Match(makefile) {
					t.Errorf("%s names make %s, which the Makefile does not have", page, m[1])
				}
			}
		}
	}
}

// TestFeatureTable wants every feature that the README claims to name the test that shows it.
func TestFeatureTable(t *testing.T) {
	_, table, found := strings.Cut(pages(t)["README.md"], "\n## What it has\n")
	require.True(t, found)
	table, _, _ = strings.Cut(table, "\n## ")
	shown := 0
	for _, row := range regexp.MustCompile(`(?m)^\| (.*) \|$`).FindAllStringSubmatch(table, -1) {
		cells := strings.Split(row[1], " | ")
		if len(cells) < 8 || !strings.HasPrefix(cells[1], "yes") {
			continue
		}
		shown++
		if !regexp.MustCompile("^`([Tt]est_?\\w+|\\w+\\.test\\.mjs)`").MatchString(cells[7]) {
			t.Errorf("no test is named for: %s", cells[0])
		}
	}
	require.Greater(t, shown, 40)
}

// notRun is how many blocks of code are not run, each with the reason in front of it. It only goes down, or up with a reason.
const notRun = 1

// TestDocsBlocks runs every block of code of every page as it stands there, or with what docs_run_test.go puts around parts of
// programs.
func TestDocsBlocks(t *testing.T) {
	left := 0
	for page, text := range pages(t) {
		blocks := fence.FindAllStringSubmatch(text, -1)
		require.Equal(t, strings.Count("\n"+text, "\n```"), 2*len(blocks), "%s has a fence that this test does not understand", page)
		for i, block := range blocks {
			reason, language, code := block[1], block[2], block[3]
			if page == "README.md" && language != "sh" {
				continue // TestReadme... look at what they print, too
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

// runShell runs commands in the root of the checkout. What make would do is only asked for: it takes minutes, and it may be make that
// runs this. Words in capitals and <angle brackets> stand for something of the reader's.
func runShell(t *testing.T, code string) {
	var script strings.Builder
	script.WriteString("python() { python3 \"$@\"; }\n")
	if strings.Contains(code, "npx ") {
		nodeFolder(t) // skips where koffi is missing
	}
	for _, line := range strings.Split(code, "\n") {
		script.WriteString(regexp.MustCompile(`^((?:[A-Z_]+=\S+ )*)make\b`).ReplaceAllString(line, "${1}make -n") + "\n")
	}
	command := exec.Command("bash", "-euo", "pipefail", "-c", script.String())
	command.Dir = checkout(t)
	command.Env = append(os.Environ(), shellEnv(t)...)
	out, err := command.CombinedOutput()
	require.NoError(t, err, "%s\n%s", code, out)
}
