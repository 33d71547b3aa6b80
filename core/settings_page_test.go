package fluvio

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core/internal/compress"
	"github.com/libfluvio/libfluvio/core/internal/consume"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

const (
	settingsPage  = "../docs/configuration.md"
	settingsBegin = "<!-- The tables are written by make docs; what they say stands at the fields of the option structs. -->\n"
	settingsEnd   = "<!-- Here the tables end. -->\n"
)

// kindOfSettings is a table of the page: a struct with settings, and the defaults of those that have any.
type kindOfSettings struct {
	title    string
	options  any // with its defaults
	defaults map[string]string
}

// kindsOfSettings gives the tables of the page, in its order, with the defaults that the code really has.
func kindsOfSettings(t *testing.T) []kindOfSettings {
	t.Setenv("FLV_PROFILE_PATH", writeProfile(t, ""))
	var c ClientOptions
	require.NoError(t, c.fromProfile())
	c.defaults()
	client := asText(c)
	replace(t, client, "endpoint", "127.0.0.1:1", "the current profile's")
	replace(t, client, "profile", "", "the current one")
	replace(t, client, "profile_path", "", "`~/.fluvio/config`")
	replace(t, client, "handshake_timeout_ms", "5,000", "`connection_timeout_ms`")
	replace(t, client, "write_stall_timeout_ms", "30,000", "`request_timeout_ms`")
	replace(t, client, "statistics_interval_ms", "0", "never")

	var p ProducerOptions
	p.defaults()
	producer := asText(p)
	replace(t, producer, "compression", "", "the topic's, else none")
	replace(t, producer, "compression_level", "0", "the codec's")
	replace(t, producer, "partition", "<nil>", "none")

	var r ConsumerOptions
	r.defaults()
	require.Equal(t, consume.StrategyNone, strategies[r.OffsetStrategy])
	consumer := asText(r)
	replace(t, consumer, "partitions", "", "all, new ones too")
	replace(t, consumer, "max_bytes", "0", "`prefetch_bytes` over the partitions, 1 to 2 MiB")
	replace(t, consumer, "group_size", "0", "no group")
	replace(t, consumer, "max_retries", "0", "for ever")
	return []kindOfSettings{
		{"Clients", c, client},
		{"Producers", p, producer},
		{"Consumers", r, consumer},
		{"SmartModules", SmartModule{}, nil},
		{"Lookback, of a SmartModule", Lookback{}, nil},
		{"Topics", TopicSpec{}, nil},
		{"Deduplication, of a topic", Deduplication{}, nil},
		{"Mirror, of a topic", TopicMirror{}, nil},
	}
}

// asText writes the settings of an option struct as the page does.
func asText(options any) map[string]string {
	out := map[string]string{}
	v := reflect.ValueOf(options)
	for name, i := range settingFields(v.Type()) {
		switch value := v.Field(i).Interface().(type) {
		case time.Duration:
			out[name] = thousands(value.Milliseconds())
			if value%time.Millisecond != 0 {
				out[name] = value.String()
			}
		case int, int64, int32:
			n := v.Field(i).Int()
			switch {
			case n != 0 && n%(1<<20) == 0:
				out[name] = fmt.Sprint(n>>20, " MiB")
			case n != 0 && n%(1<<10) == 0:
				out[name] = fmt.Sprint(n>>10, " KiB")
			default:
				out[name] = thousands(n)
			}
		case []string, []int32, []SmartModule:
			out[name] = strings.Trim(fmt.Sprint(value), "[]")
		case *int, *bool:
			out[name] = fmt.Sprint(v.Field(i).Elem())
		default:
			out[name] = fmt.Sprint(value)
		}
	}
	return out
}

func thousands(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// replace puts words for the values that have no text of their own.
func replace(t *testing.T, got map[string]string, name, value, words string) {
	require.Equal(t, value, got[name], name)
	got[name] = words
}

// accepts says which values a field takes.
func accepts(f reflect.StructField) string {
	if list := f.Tag.Get("enum"); list != "" {
		return strings.ReplaceAll(list, ",", ", ")
	}
	typ := f.Type
	if typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	low, high := f.Tag.Get("min"), f.Tag.Get("max")
	if low != "" {
		lowest, _ := strconv.ParseInt(low, 10, 64)
		highest, _ := strconv.ParseInt(high, 10, 64)
		unit := map[bool]string{true: " ms"}[typ == reflect.TypeFor[time.Duration]()]
		if u := f.Tag.Get("unit"); u != "" {
			unit = " " + u
		}
		return thousands(lowest) + " to " + thousands(highest) + unit
	}
	switch typ {
	case reflect.TypeFor[StartPosition](), reflect.TypeFor[StopPosition]():
		return "[a position](#positions)"
	case reflect.TypeFor[map[string]string]():
		return "an object of texts"
	case reflect.TypeFor[[]byte]():
		return "bytes"
	}
	switch {
	case isNested(typ) && typ.Kind() == reflect.Slice:
		return "a list of objects"
	case isNested(typ):
		return "an object"
	case typ.Kind() == reflect.Slice:
		return "a list"
	case typ.Kind() == reflect.Bool:
		return "true, false"
	}
	return "text"
}

// fieldComments gives what the sources say of the fields of structs, by "Struct.Field".
func fieldComments(t *testing.T) map[string]string {
	out := map[string]string{}
	files, err := os.ReadDir(".")
	require.NoError(t, err)
	for _, entry := range files {
		if !strings.HasSuffix(entry.Name(), ".go") || strings.HasSuffix(entry.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), entry.Name(), nil, parser.ParseComments)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if s, ok := spec.Type.(*ast.StructType); ok {
				for _, field := range s.Fields.List {
					for _, name := range field.Names {
						out[spec.Name.Name+"."+name.Name] = strings.TrimSpace(field.Doc.Text() + field.Comment.Text())
					}
				}
			}
			return true
		})
	}
	return out
}

// inSettings writes a comment about Go fields in the names of settings.
func inSettings(comment string, own reflect.Type) string {
	comment = strings.NewReplacer("\n", " ", "|", `\|`, "<spu>.<domain>", "`<spu>.<domain>`", "^ is", "`^` is").Replace(comment)
	for owner, typ := range map[string]reflect.Type{"client": reflect.TypeFor[ClientOptions](), "producer": reflect.TypeFor[ProducerOptions](), "consumer": reflect.TypeFor[ConsumerOptions]()} {
		comment = regexp.MustCompile(`\b`+typ.Name()+`\.(\w+)`).ReplaceAllStringFunc(comment, func(word string) string {
			if f, ok := typ.FieldByName(word[len(typ.Name())+1:]); ok && f.Tag.Get("setting") != "" {
				return "`" + f.Tag.Get("setting") + "` of the " + owner
			}
			return word
		})
	}
	return regexp.MustCompile("`[^`]*`|\\w+").ReplaceAllStringFunc(comment, func(word string) string {
		f, ok := own.FieldByName(word)
		if !ok || f.Tag.Get("setting") == "" || word == "TLS" && !strings.HasPrefix(comment, word+" is disabled") {
			return word
		}
		return "`" + f.Tag.Get("setting") + "`"
	})
}

// settingsTables writes the tables of the page.
func settingsTables(t *testing.T) string {
	comments := fieldComments(t)
	var b strings.Builder
	for _, kind := range kindsOfSettings(t) {
		fmt.Fprintf(&b, "\n### %s\n\n| setting | in Go | default | accepts | |\n|---|---|---|---|---|\n", kind.title)
		typ := reflect.TypeOf(kind.options)
		before := ""
		for i := range typ.NumField() {
			f := typ.Field(i)
			name := f.Tag.Get("setting")
			if name == "" {
				continue
			}
			comment := comments[typ.Name()+"."+f.Name]
			if comment == "" {
				require.NotEmpty(t, before, "%s.%s has no comment", typ.Name(), f.Name)
				comment = "See `" + before + "`."
			} else {
				before = name
			}
			fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s | %s |\n", name, f.Name, kind.defaults[name], accepts(f), inSettings(comment, typ))
		}
	}
	return b.String() + "\n"
}

// TestSettingsPage wants the page about settings to say what the code does. UPDATE_DOCS=1, as make docs has it, writes it anew.
func TestSettingsPage(t *testing.T) {
	content, err := os.ReadFile(settingsPage)
	require.NoError(t, err)
	head, rest, found := strings.Cut(string(content), settingsBegin)
	require.True(t, found, "%s has no place for the tables", settingsPage)
	_, tail, found := strings.Cut(rest, settingsEnd)
	require.True(t, found, "%s does not say where the tables end", settingsPage)
	page := head + settingsBegin + settingsTables(t) + settingsEnd + tail
	if os.Getenv("UPDATE_DOCS") != "" {
		require.NoError(t, os.WriteFile(settingsPage, []byte(page), 0o644))
		return
	}
	if page != string(content) {
		have := strings.Split(string(content), "\n")
		for _, line := range strings.Split(page, "\n") {
			if !slices.Contains(have, line) {
				t.Errorf("%s is not what the code says: run make docs. It lacks\n%s", settingsPage, line)
			}
		}
		t.Fail()
	}
}

// What a producer compresses with when nothing is said, as the page has it.
func TestCompressionByDefault(t *testing.T) {
	var p ProducerOptions
	for policy, want := range map[uint8]compress.Codec{wire.TopicCompressionAny: compress.None, wire.TopicCompressionLz4: compress.Lz4} {
		codec, err := topicCodec(policy, &p)
		require.NoError(t, err)
		require.Equal(t, want, codec)
	}
}
