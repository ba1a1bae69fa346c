package fault

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Parameter is a parameter of a fault.
type Parameter struct {
	Name string
	// Meaning describes the parameter, with its unit.
	Meaning string
	// Optional is whether the parameter may be omitted.
	Optional bool
	// Default is the value if the parameter is omitted; empty for none.
	Default string
	parse   func(string) (any, error)
}

// Describe returns the parameter's meaning, and its default or whether it is optional.
func (p Parameter) Describe() string {
	switch {
	case p.Default != "":
		return p.Meaning + " (default " + p.Default + ")"
	case p.Optional:
		return p.Meaning + " (optional)"
	}
	return p.Meaning
}

// Values holds the values of a fault's parameters by their names.
type Values map[string]any

// Given reports whether a parameter has a value.
func (v Values) Given(name string) bool { return v[name] != nil }

// Number returns the value of a numeric parameter; 0 if it was not given.
func (v Values) Number(name string) int64 { n, _ := v[name].(int64); return n }

// Duration returns the value of a duration parameter; 0 if it was not given.
func (v Values) Duration(name string) time.Duration { d, _ := v[name].(time.Duration); return d }

// True returns the value of a boolean parameter.
func (v Values) True(name string) bool { b, _ := v[name].(bool); return b }

// Text returns the value of a text parameter.
func (v Values) Text(name string) string { s, _ := v[name].(string); return s }

// Errno returns the value of an error parameter.
func (v Values) Errno(name string) syscall.Errno { e, _ := v[name].(syscall.Errno); return e }

// Moment returns the value of a moment parameter.
func (v Values) Moment(name string) Moment { m, _ := v[name].(Moment); return m }

// complete sets the default of a parameter, or returns an error if a required one is missing.
func (p Parameter) complete(values Values, fault string) error {
	if _, tried := values[p.Name]; tried {
		return nil
	}
	if p.Default != "" {
		value, err := p.parse(p.Default)
		values[p.Name] = value
		return err
	}
	if !p.Optional {
		return fmt.Errorf("parameter %s of %s is missing: want %s", p.Name, fault, p.Meaning)
	}
	return nil
}

func optional(p Parameter) Parameter {
	p.Optional = true
	return p
}

// place returns a numeric parameter; negative numbers count from the end.
func place(name, meaning string) Parameter {
	return Parameter{Name: name, Meaning: meaning, parse: func(text string) (any, error) {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, errors.New("want a whole number; a negative one counts from the end")
		}
		return n, nil
	}}
}

func bounded(name, meaning string, least, most int64) Parameter {
	return Parameter{Name: name, Meaning: meaning, parse: func(text string) (any, error) {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < least || n > most {
			return nil, fmt.Errorf("want a whole number from %d to %d", least, most)
		}
		return n, nil
	}}
}

func positive(name, meaning string) Parameter {
	return Parameter{Name: name, Meaning: meaning, parse: func(text string) (any, error) {
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil || n < 1 {
			return nil, errors.New("want a whole number from 1 to 2^31-1")
		}
		return n, nil
	}}
}

// operations returns the parameter of a fault that concerns the last changes of directory entries.
func operations(what string) Parameter {
	return byDefault("1", positive("count", "number of "+what+", besides those after the last sync of the folder"))
}

func byDefault(value string, p Parameter) Parameter {
	p.Default = value
	return p
}

func duration(name, meaning string) Parameter {
	return Parameter{Name: name, Meaning: meaning, parse: func(text string) (any, error) {
		d, err := time.ParseDuration(text)
		if err != nil || d <= 0 {
			return nil, errors.New("want a duration with its unit, such as 500ms or 2s")
		}
		return d, nil
	}}
}

func truth(name, meaning, byDefault string) Parameter {
	return Parameter{Name: name, Meaning: meaning, Default: byDefault, parse: func(text string) (any, error) {
		if text != "true" && text != "false" {
			return nil, errors.New("want true or false")
		}
		return text == "true", nil
	}}
}

func choice(name, meaning string, accepted ...string) Parameter {
	return Parameter{Name: name, Meaning: meaning, parse: func(text string) (any, error) {
		if !slices.Contains(accepted, text) {
			return nil, fmt.Errorf("want one of %s", strings.Join(accepted, ", "))
		}
		return text, nil
	}}
}

// errnos are the errors that a filesystem can be told to return.
var errnos = map[string]syscall.Errno{
	"EINVAL": syscall.EINVAL, "ENOTSUP": syscall.ENOTSUP, "EPERM": syscall.EPERM, "ENOLCK": syscall.ENOLCK,
}

func errno(name, meaning, byDefault string) Parameter {
	return Parameter{Name: name, Meaning: meaning, Default: byDefault, parse: func(text string) (any, error) {
		if value, known := errnos[text]; known {
			return value, nil
		}
		return nil, fmt.Errorf("want one of %s", strings.Join(slices.Sorted(maps.Keys(errnos)), ", "))
	}}
}

func existingFile(name, meaning string) Parameter {
	return Parameter{Name: name, Meaning: meaning, parse: func(text string) (any, error) {
		if there, err := os.Stat(text); err != nil || !there.Mode().IsRegular() {
			return nil, errors.New("want the path of an existing file")
		}
		return text, nil
	}}
}

func snapshotMoment(name string) Parameter {
	parse := func(text string) (any, error) {
		return parseMoment(text, ":", OnSync, OnBytes, OnCommand)
	}
	return Parameter{
		Name: name, Meaning: "when the snapshot is taken: `sync:N`, `bytes:N` or `command`", parse: parse,
	}
}
