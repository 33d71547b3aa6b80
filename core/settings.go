package fluvio

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// Settings are the fields of the option structs that have a setting tag. One parser and one check serve all of them: the
// same names and ranges hold in Go, C, Python and Node.

// ParseClientOptions reads client options from a JSON object; nil and "" give the defaults. Every unknown name and bad value
// is reported, at once.
func ParseClientOptions(js []byte) (o ClientOptions, err error) {
	return o, parseSettings("client", js, &o)
}

// ParseProducerOptions reads producer options, as ParseClientOptions.
func ParseProducerOptions(js []byte) (o ProducerOptions, err error) {
	return o, parseSettings("producer", js, &o)
}

// ParseConsumerOptions reads consumer options, as ParseClientOptions.
func ParseConsumerOptions(js []byte) (o ConsumerOptions, err error) {
	return o, parseSettings("consumer", js, &o)
}

// ParseTopicSpec reads a topic's settings, as ParseClientOptions.
func ParseTopicSpec(js []byte) (o TopicSpec, err error) {
	return o, parseSettings("topic", js, &o)
}

// problems collects what is wrong with settings.
type problems struct {
	list    []string
	setting string // the first one concerned
}

func (p *problems) add(setting, format string, args ...any) {
	p.list = append(p.list, setting+": "+fmt.Sprintf(format, args...))
	if p.setting == "" {
		p.setting = setting
	}
}

func (p *problems) err(what string) error {
	if len(p.list) == 0 {
		return nil
	}
	return fluvioerr.New(fluvioerr.InvalidArgument, what+" settings", "%s", strings.Join(p.list, "; ")).ForSetting(p.setting).
		WithHint("correct the settings named")
}

// parseSettings fills the struct behind out from a JSON object.
func parseSettings(what string, js []byte, out any) error {
	if len(bytes.TrimSpace(js)) == 0 {
		return nil
	}
	var m map[string]any
	dec := json.NewDecoder(bytes.NewReader(js))
	dec.UseNumber()
	if err := dec.Decode(&m); err != nil {
		return fluvioerr.New(fluvioerr.InvalidArgument, what+" settings", "not a JSON object: %v", err)
	}
	var p problems
	v := reflect.ValueOf(out).Elem()
	fields := settingFields(v.Type())
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		i, ok := fields[name]
		if !ok {
			p.add(name, "there is no such setting%s", suggest(name, fields))
			continue
		}
		if m[name] == nil {
			continue // null: the default
		}
		if err := setField(v.Field(i), m[name]); err != nil {
			p.add(name, "%v", err)
			continue
		}
		checkField(&p, v.Type().Field(i), v.Field(i))
	}
	return p.err(what)
}

// checkSettings checks the fields of an option struct that are not zero; zero is the default.
func checkSettings(p *problems, options any) {
	v := reflect.ValueOf(options)
	for i := range v.NumField() {
		if f := v.Type().Field(i); f.Tag.Get("setting") != "" && !v.Field(i).IsZero() {
			checkField(p, f, v.Field(i))
		}
	}
}

func settingFields(t reflect.Type) map[string]int {
	fields := map[string]int{}
	for i := range t.NumField() {
		if name := t.Field(i).Tag.Get("setting"); name != "" {
			fields[name] = i
		}
	}
	return fields
}

// checkField holds a value against the ranges in its tags. Durations are compared in milliseconds.
func checkField(p *problems, f reflect.StructField, v reflect.Value) {
	name := f.Tag.Get("setting")
	if list := f.Tag.Get("enum"); list != "" {
		if !slices.Contains(strings.Split(list, ","), v.String()) {
			p.add(name, "%q is not one of %s", v.String(), strings.ReplaceAll(list, ",", ", "))
		}
		return
	}
	low, high := f.Tag.Get("min"), f.Tag.Get("max")
	if low == "" {
		return
	}
	var n float64
	switch {
	case v.Type() == reflect.TypeFor[time.Duration]():
		n = float64(v.Int()) / float64(time.Millisecond)
	case v.CanInt():
		n = float64(v.Int())
	case v.CanUint():
		n = float64(v.Uint())
	}
	lowest, _ := strconv.ParseFloat(low, 64)
	highest, _ := strconv.ParseFloat(high, 64)
	if n < lowest || n > highest {
		p.add(name, "%s is not between %s and %s", strconv.FormatFloat(n, 'f', -1, 64), low, high)
	}
}

// setField converts a JSON value, or its text, to the type of a field.
func setField(field reflect.Value, value any) error {
	switch field.Interface().(type) {
	case time.Duration:
		n, err := toInt(value)
		if err == nil && (n > math.MaxInt64/int64(time.Millisecond) || n < math.MinInt64/int64(time.Millisecond)) {
			err = fmt.Errorf("%d is too large", n)
		}
		field.SetInt(n * int64(time.Millisecond))
		return err
	case StartPosition:
		p, err := ParseStartPosition(toText(value))
		field.Set(reflect.ValueOf(p))
		return err
	case StopPosition:
		p, err := ParseStopPosition(toText(value))
		field.Set(reflect.ValueOf(p))
		return err
	case []string, []int32:
		return setList(field, value)
	}
	switch field.Kind() {
	case reflect.String:
		s, ok := value.(string)
		if !ok {
			return fmt.Errorf("%v is not text", value)
		}
		field.SetString(s)
		return nil
	case reflect.Bool:
		b, err := strconv.ParseBool(toText(value))
		if err != nil {
			return fmt.Errorf("%v is not true or false", value)
		}
		field.SetBool(b)
		return nil
	}
	n, err := toInt(value)
	if err != nil {
		return err
	}
	if field.CanUint() {
		if n < 0 || field.OverflowUint(uint64(n)) {
			return fmt.Errorf("%d is out of range", n)
		}
		field.SetUint(uint64(n))
		return nil
	}
	if field.OverflowInt(n) {
		return fmt.Errorf("%d is out of range", n)
	}
	field.SetInt(n)
	return nil
}

// setList takes a JSON list, a single value, or text with commas.
func setList(field reflect.Value, value any) error {
	list, ok := value.([]any)
	if s, isText := value.(string); isText {
		for _, part := range strings.Split(s, ",") {
			list = append(list, strings.TrimSpace(part))
		}
	} else if !ok {
		list = []any{value}
	}
	out := reflect.MakeSlice(field.Type(), len(list), len(list))
	for i, v := range list {
		if err := setField(out.Index(i), v); err != nil {
			return err
		}
	}
	field.Set(out)
	return nil
}

func toInt(value any) (int64, error) {
	text := toText(value)
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s is not a whole number", text)
	}
	return n, nil
}

func toText(value any) string {
	if s, ok := value.(string); ok {
		return s
	}
	return fmt.Sprint(value)
}

// suggest names the setting that is nearest to an unknown one.
func suggest(name string, fields map[string]int) string {
	best, distance := "", 4
	for known := range fields {
		if d := editDistance(name, known); d < distance || d == distance && known < best {
			best, distance = known, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(", did you mean %s?", best)
}

// editDistance is the number of inserted, removed and changed bytes between two names.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diagonal
			if a[i-1] != b[j-1] {
				cost++
			}
			diagonal = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}

// orDefault gives v, or the default when v is zero.
func orDefault[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}
