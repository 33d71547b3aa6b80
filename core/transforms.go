package fluvio

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// LoadTransforms reads a chain from a transformation file of the official tools, which is YAML or JSON:
//
//	transforms:
//	  - uses: group/name@0.1.0
//	    with:
//	      needle: x
//	    lookback:
//	      last: 100
//	      age: 1h 30m
//
// Values of with are texts; lists and maps become JSON, and bare numbers and truth values are refused, as the official tools do.
// What else stands beside transforms is not looked at. An error is InvalidArgument and names the line.
func LoadTransforms(path string) ([]SmartModule, error) {
	const op = "read transformation file"
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fluvioerr.Wrap(fluvioerr.InvalidArgument, op, err)
	}
	var file struct {
		Transforms []transform `yaml:"transforms"`
	}
	if err := yaml.Unmarshal(data, &file); err != nil {
		return nil, fluvioerr.New(fluvioerr.InvalidArgument, op, "%s: %s", path, strings.ReplaceAll(strings.TrimPrefix(err.Error(), "yaml: "), "\n", ""))
	}
	if len(file.Transforms) == 0 {
		return nil, fluvioerr.New(fluvioerr.InvalidArgument, op, "%s: it has no list transforms, or an empty one", path)
	}
	chain := make([]SmartModule, len(file.Transforms))
	for i := range file.Transforms {
		chain[i] = SmartModule(file.Transforms[i])
	}
	return chain, nil
}

// transform is a step of the file.
type transform SmartModule

// UnmarshalYAML implements yaml.Unmarshaler. It reads nodes rather than values, to tell what is a text.
func (t *transform) UnmarshalYAML(step *yaml.Node) error {
	err := eachEntry(step, "a step", func(key string, value *yaml.Node) (err error) {
		switch key {
		case "uses":
			t.Name, err = yamlText(value, "uses")
		case "with":
			t.Params = map[string]string{}
			err = eachEntry(value, "with", func(key string, value *yaml.Node) (err error) {
				t.Params[key], err = yamlText(value, key)
				return err
			})
		case "lookback":
			err = eachEntry(value, "lookback", t.lookback)
		default:
			err = fmt.Errorf("line %d: a step has no %q, but uses, with and lookback", value.Line, key)
		}
		return err
	})
	if err == nil && t.Name == "" {
		err = fmt.Errorf("line %d: a step needs uses, the name of its SmartModule", step.Line)
	}
	return err
}

func (t *transform) lookback(key string, value *yaml.Node) (err error) {
	switch {
	case key == "last":
		err = value.Decode(&t.Lookback.Last)
	case key == "age" && value.Tag == "!!null":
	case key == "age":
		var text string
		if text, err = yamlText(value, key); err == nil {
			if t.Lookback.Age, err = parseAge(text); err != nil {
				err = fmt.Errorf("line %d: %w", value.Line, err)
			}
		}
	default:
		err = fmt.Errorf("line %d: a lookback has no %q, but last and age", value.Line, key)
	}
	return err
}

// eachEntry visits the entries of a map.
func eachEntry(n *yaml.Node, what string, visit func(key string, value *yaml.Node) error) error {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: %s is no map", n.Line, what)
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		value := n.Content[i+1]
		if value.Kind == yaml.AliasNode {
			value = value.Alias
		}
		if err := visit(n.Content[i].Value, value); err != nil {
			return err
		}
	}
	return nil
}

// yamlText is a value as a text: texts as they are, lists and maps as JSON.
func yamlText(n *yaml.Node, what string) (string, error) {
	if n.Kind == yaml.ScalarNode {
		if n.ShortTag() != "!!str" {
			return "", fmt.Errorf("line %d: %s is %s, which is no text: quote it", n.Line, what, n.Value)
		}
		return n.Value, nil
	}
	var value any
	if err := n.Decode(&value); err != nil {
		return "", err
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return "", fmt.Errorf("line %d: %s: %w", n.Line, what, err)
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

// ageParts is how the official tools write durations: numbers with units, with spaces between or without.
var ageParts = regexp.MustCompile(`^\s*(\d+)\s*([a-zA-Z]+)`)

const day = 24 * time.Hour

var ageUnits = map[string]time.Duration{
	"ns": 1, "nsec": 1, "us": time.Microsecond, "usec": time.Microsecond, "ms": time.Millisecond, "msec": time.Millisecond,
	"s": time.Second, "sec": time.Second, "secs": time.Second, "second": time.Second, "seconds": time.Second,
	"m": time.Minute, "min": time.Minute, "mins": time.Minute, "minute": time.Minute, "minutes": time.Minute,
	"h": time.Hour, "hr": time.Hour, "hrs": time.Hour, "hour": time.Hour, "hours": time.Hour,
	"d": day, "day": day, "days": day, "w": 7 * day, "week": 7 * day, "weeks": 7 * day,
	"M": 2630016 * time.Second, "month": 2630016 * time.Second, "months": 2630016 * time.Second,
	"y": 31557600 * time.Second, "year": 31557600 * time.Second, "years": 31557600 * time.Second,
}

// parseAge reads a duration as "1h 30m".
func parseAge(text string) (sum time.Duration, err error) {
	rest := text
	for strings.TrimSpace(rest) != "" || rest == text {
		m := ageParts.FindStringSubmatch(rest)
		unit := time.Duration(0)
		n := int64(0)
		if m != nil {
			unit = ageUnits[m[2]]
			n, err = strconv.ParseInt(m[1], 10, 64)
		}
		if unit == 0 || err != nil || n > int64((1<<63-1-sum)/unit) {
			return 0, fmt.Errorf("the age %q is no duration as 1h 30m", text)
		}
		sum += time.Duration(n) * unit
		rest = rest[len(m[0]):]
	}
	return sum, nil
}
