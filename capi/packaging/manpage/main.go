// Command manpage makes the manual page libfluvio(3) of fluvio.h: its comments and declarations, in their order.
//
//	go run ./capi/packaging/manpage include/fluvio.h > libfluvio.3
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "manpage:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	if len(args) != 1 {
		return fmt.Errorf("give the path of fluvio.h")
	}
	header, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	w := bufio.NewWriter(out)
	page(w, string(header))
	return w.Flush()
}

var (
	version  = regexp.MustCompile(`FLUVIO_VERSION_HEX 0x(..)(..)(..)`)
	rule     = regexp.MustCompile(`^([A-Z][a-z]+)\s+(.*)`)
	section  = regexp.MustCompile(`^/\* -{3,} (.*) \*/$`)
	function = regexp.MustCompile(`^FLUVIO_API (.*?)(fluvio_\w+)\((.*)\);`)
)

// page writes everything.
func page(w io.Writer, header string) {
	v := version.FindStringSubmatch(header)
	var number [3]int
	for i := range number {
		_, _ = fmt.Sscanf(v[i+1], "%x", &number[i])
	}
	fmt.Fprintf(w, ".\\\" Made of fluvio.h.\n.TH LIBFLUVIO 3 \"\" \"libfluvio %d.%d.%d\" \"The C API of libfluvio\"\n", number[0], number[1], number[2])
	fmt.Fprint(w, ".SH NAME\nlibfluvio \\- a client for Fluvio, the distributed event-streaming engine\n.SH SYNOPSIS\n.nf\n#include <fluvio.h>\n.sp\ncc program.c $(pkg-config --cflags --libs libfluvio)\n.fi\n")
	head, body, _ := strings.Cut(header, "*/")
	conventions(w, head)
	lines := strings.Split(body, "\n")
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		switch {
		case section.MatchString(line):
			fmt.Fprintf(w, ".SH %s\n", strings.ToUpper(section.FindStringSubmatch(line)[1]))
		case strings.HasPrefix(line, "/*"):
			first := i
			for !strings.Contains(lines[i], "*/") {
				i++
			}
			comment(w, lines[first:i+1])
		case strings.HasPrefix(line, "FLUVIO_API "):
			declaration(w, function.FindStringSubmatch(line))
		case strings.HasPrefix(line, "typedef struct") && strings.HasSuffix(line, "{"):
			first := i
			for !strings.HasPrefix(lines[i], "}") {
				i++
			}
			verbatim(w, lines[first:i+1])
		case strings.HasPrefix(line, "typedef "), strings.HasPrefix(line, "#define FLUVIO_") && !strings.HasPrefix(line, "#define FLUVIO_API") && line != "#define FLUVIO_H":
			verbatim(w, lines[i:i+1])
		}
	}
}

// conventions writes the rules at the head of the header.
func conventions(w io.Writer, head string) {
	fmt.Fprint(w, ".SH CONVENTIONS\n")
	for _, line := range strings.Split(head, "\n") {
		text := strings.TrimPrefix(strings.TrimPrefix(line, " *"), " ")
		if m := rule.FindStringSubmatch(text); m != nil && m[1] != "Conventions" { // what follows it is set in
			fmt.Fprintf(w, ".TP\n.B %s\n%s\n", m[1], escape(m[2]))
		} else if text = strings.TrimSpace(text); text != "" && !strings.HasPrefix(text, "/*") && !strings.HasPrefix(text, "fluvio.h - ") {
			fmt.Fprintln(w, escape(text))
		}
	}
}

// comment writes a paragraph; what is set in by more than one blank is a list whose lines stay as they are.
func comment(w io.Writer, lines []string) {
	fmt.Fprint(w, ".PP\n")
	listed := false
	for _, line := range lines {
		text := strings.TrimSuffix(strings.TrimSpace(strings.TrimSuffix(line, "*/")), "*/")
		text = strings.TrimPrefix(strings.TrimPrefix(text, "/*"), "*")
		text = strings.TrimPrefix(text, " ")
		if set := strings.HasPrefix(text, " "); set != listed {
			fmt.Fprintln(w, map[bool]string{true: ".nf", false: ".fi"}[set])
			listed = set
		}
		if strings.TrimSpace(text) != "" {
			fmt.Fprintln(w, escape(text))
		}
	}
	if listed {
		fmt.Fprintln(w, ".fi")
	}
}

// declaration writes a function, a parameter on each line when they are many.
func declaration(w io.Writer, m []string) {
	result, name, parameters := m[1], m[2], m[3]
	if len(result)+len(name)+len(parameters) > 76 {
		parameters = "\n    " + strings.ReplaceAll(parameters, ", ", ",\n    ")
	}
	fmt.Fprintf(w, ".PP\n.nf\n%s\\fB%s\\fP(%s);\n.fi\n", escape(result), name, escape(parameters))
}

func verbatim(w io.Writer, lines []string) {
	fmt.Fprint(w, ".PP\n.nf\n")
	for _, line := range lines {
		fmt.Fprintln(w, escape(line))
	}
	fmt.Fprint(w, ".fi\n")
}

// escape makes text of what could be commands.
func escape(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		text = `\&` + text
	}
	return text
}
