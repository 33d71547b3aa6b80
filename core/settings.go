package fluvio

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// Settings are the fields of the option structs that have a setting tag. One parser and one check serve all of them: the
// same names and ranges hold in Go, C, Python and Node.

// ParseClientOptions reads client options from a JSON object; nil and "" give the defaults. Every unknown name and bad value
// is reported, at once, and with them what Validate finds in the rest. Without any, Validate is left to who takes the options.
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
type problems struct{ list []problem }

type problem struct{ setting, text string }

func (p *problems) add(setting, format string, args ...any) {
	p.list = append(p.list, problem{setting, fmt.Sprintf(format, args...)})
}

// addRest adds the problems of settings that have none yet.
func (p *problems) addRest(rest *problems) {
	own := p.list
	for _, r := range rest.list {
		if !slices.ContainsFunc(own, func(o problem) bool { return o.setting == r.setting }) {
			p.list = append(p.list, r)
		}
	}
}

func (p *problems) String() string {
	texts := make([]string, len(p.list))
	for i, problem := range p.list {
		texts[i] = problem.setting + ": " + problem.text
	}
	return strings.Join(texts, "; ")
}

func (p *problems) err(what string) error {
	if len(p.list) == 0 {
		return nil
	}
	return fluvioerr.New(fluvioerr.InvalidArgument, what+" settings", "%s", p).ForSetting(p.list[0].setting).
		WithHint("correct the settings named")
}

// parseSettings fills the struct behind out from a JSON object.
func parseSettings(what string, js []byte, out interface{ problems() *problems }) error {
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
	if fillSettings(&p, "", reflect.ValueOf(out).Elem(), m); len(p.list) > 0 {
		p.addRest(out.problems())
	}
	return p.err(what)
}

// fillSettings sets the fields of a struct by the members of a JSON object. within is what stands before their names in
// messages: nothing, or the place of an object inside other settings.
func fillSettings(p *problems, within string, v reflect.Value, m map[string]any) {
	fields := settingFields(v.Type())
	for _, name := range slices.Sorted(maps.Keys(m)) {
		full := within + name
		i, ok := fields[name]
		if !ok {
			p.add(full, "there is no such setting%s", suggest(name, fields))
			continue
		}
		if m[name] == nil {
			continue // null: the default
		}
		if field := v.Field(i); isNested(field.Type()) {
			fillNested(p, full, field, m[name])
		} else if err := setField(field, inUnit(v.Type().Field(i), m[name])); err != nil && v.Type().Field(i).Tag.Get("secret") != "" {
			p.add(full, "is not text") // what it is instead may hold the secret
		} else if err != nil {
			p.add(full, "%v", err)
		} else {
			checkField(p, full, v.Type().Field(i), field)
		}
	}
}

// isNested says whether values of a type are objects with settings of their own, or lists of such objects.
func isNested(t reflect.Type) bool {
	if t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	return t.Kind() == reflect.Struct && len(settingFields(t)) > 0
}

// fillNested sets a field that holds an object, or a list of objects, for which a single one may stand.
func fillNested(p *problems, name string, field reflect.Value, value any) {
	m, isObject := value.(map[string]any)
	list, isList := value.([]any)
	switch {
	case field.Kind() == reflect.Struct && isObject:
		fillSettings(p, name+".", field, m)
		return
	case field.Kind() == reflect.Struct:
		p.add(name, "%s is not an object", shown(value))
		return
	case isObject:
		list = []any{m}
	case !isList:
		p.add(name, "%s is not a list of objects", shown(value))
		return
	}
	field.Set(reflect.MakeSlice(field.Type(), len(list), len(list)))
	for i, value := range list {
		fillNested(p, fmt.Sprintf("%s[%d]", name, i), field.Index(i), value)
	}
}

// checkSettings checks the fields of an option struct that are not zero; zero is the default.
func checkSettings(p *problems, options any) { checkWithin(p, "", reflect.ValueOf(options)) }

func checkWithin(p *problems, within string, v reflect.Value) {
	for i := range v.NumField() {
		f, field := v.Type().Field(i), v.Field(i)
		name := within + f.Tag.Get("setting")
		switch {
		case f.Tag.Get("setting") == "" || field.IsZero():
		case !isNested(f.Type):
			checkField(p, name, f, field)
		case field.Kind() == reflect.Struct:
			checkWithin(p, name+".", field)
		default:
			for j := range field.Len() {
				checkWithin(p, fmt.Sprintf("%s[%d].", name, j), field.Index(j))
			}
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
func checkField(p *problems, name string, f reflect.StructField, v reflect.Value) {
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
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

// withUnit is a value of a field whose numbers have a unit.
type withUnit struct{ value, unit string }

// inUnit marks the value of a field whose tag has a unit.
func inUnit(f reflect.StructField, value any) any {
	if unit := f.Tag.Get("unit"); unit != "" {
		return withUnit{strings.TrimSpace(toText(value)), unit}
	}
	return value
}

// setField converts a JSON value, or its text, to the type of a field.
func setField(field reflect.Value, value any) error {
	switch field.Interface().(type) {
	case time.Duration:
		d, err := parseDuration(strings.TrimSpace(toText(value)), time.Millisecond)
		field.SetInt(int64(d))
		return err
	case StartPosition:
		p, err := ParseStartPosition(toText(value))
		field.Set(reflect.ValueOf(p))
		return err
	case StopPosition:
		p, err := ParseStopPosition(toText(value))
		field.Set(reflect.ValueOf(p))
		return err
	case []string, []int32, [][]int32:
		return setList(field, value)
	case []byte:
		b, err := toBytes(value)
		field.SetBytes(b)
		return err
	case map[string]string:
		return setTexts(field, value)
	}
	switch field.Kind() {
	case reflect.Pointer:
		field.Set(reflect.New(field.Type().Elem()))
		return setField(field.Elem(), value)
	case reflect.String:
		s, ok := value.(string)
		if !ok {
			return fmt.Errorf("%s is not text", shown(value))
		}
		field.SetString(s)
		return nil
	case reflect.Bool:
		b, err := strconv.ParseBool(toText(value))
		if err != nil {
			return fmt.Errorf("%s is not true or false", shown(value))
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

// setTexts takes an object of texts, numbers and booleans.
func setTexts(field reflect.Value, value any) error {
	m, ok := value.(map[string]any)
	if !ok {
		return fmt.Errorf("%s is not an object", shown(value))
	}
	out := make(map[string]string, len(m))
	for key, v := range m {
		switch v.(type) {
		case string, json.Number, bool:
			out[key] = toText(v)
		default:
			return fmt.Errorf("the value of %s is not text", key)
		}
	}
	field.Set(reflect.ValueOf(out))
	return nil
}

// toBytes takes text as it is, and other bytes in base64.
func toBytes(value any) ([]byte, error) {
	if s, ok := value.(string); ok {
		return []byte(s), nil
	}
	if m, ok := value.(map[string]any); ok && len(m) == 1 {
		if s, ok := m["base64"].(string); ok {
			b, err := base64.StdEncoding.DecodeString(s)
			if err != nil {
				return nil, fmt.Errorf("it is not base64: %v", err)
			}
			return b, nil
		}
	}
	return nil, errors.New(`it is neither text nor {"base64": "..."}`)
}

func toInt(value any) (int64, error) {
	if v, ok := value.(withUnit); ok {
		if v.unit == "bytes" {
			return parseSize(v.value)
		}
		d, err := parseDuration(v.value, time.Second)
		if err == nil && d%time.Second != 0 {
			err = fmt.Errorf("%s is not a whole number of seconds", v.value)
		}
		return int64(d / time.Second), err
	}
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

// shown is a value as messages repeat it: of lists and objects, which may hold a private key further in, only that they are.
func shown(value any) string {
	switch value.(type) {
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
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
