package fault

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"
)

// Parameter is something that a fault needs to be told.
type Parameter struct {
	Name string
	// Meaning is what it says, with its unit.
	Meaning string
	// Optional says that it may be left out.
	Optional bool
	// Default is what it is where it is left out; empty for nothing.
	Default string
	parse   func(string) (any, error)
}

// Describe is the parameter's meaning, and whether it must be given.
func (p Parameter) Describe() string {
	switch {
	case p.Default != "":
		return p.Meaning + " (default " + p.Default + ")"
	case p.Optional:
		return p.Meaning + " (optional)"
	}
	return p.Meaning
}

// Values is what a fault was told, by the parameters' names.
type Values map[string]any

// Given says whether a parameter has a value.
func (v Values) Given(name string) bool { return v[name] != nil }

// Number is the value of a parameter that is a number; 0 where it was not given.
func (v Values) Number(name string) int64 { n, _ := v[name].(int64); return n }

// Duration is the value of a parameter that is a time; 0 where it was not given.
func (v Values) Duration(name string) time.Duration { d, _ := v[name].(time.Duration); return d }

// True is the value of a parameter that is a truth value.
func (v Values) True(name string) bool { b, _ := v[name].(bool); return b }

// Text is the value of a parameter that is a text.
func (v Values) Text(name string) string { s, _ := v[name].(string); return s }

// Moment is the value of a parameter that is a moment.
func (v Values) Moment(name string) Moment { m, _ := v[name].(Moment); return m }

// complete sees to it that a parameter has a value if it must.
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

// place is a number that counts from the end where it is negative.
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
			return nil, errors.New("want a whole number from 1 on, less than 2^31")
		}
		return n, nil
	}}
}

func duration(name, meaning string) Parameter {
	return Parameter{Name: name, Meaning: meaning, parse: func(text string) (any, error) {
		d, err := time.ParseDuration(text)
		if err != nil || d <= 0 {
			return nil, errors.New("want a time with its unit, such as 500ms or 2s")
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

func existingFile(name, meaning string) Parameter {
	return Parameter{Name: name, Meaning: meaning, parse: func(text string) (any, error) {
		if there, err := os.Stat(text); err != nil || !there.Mode().IsRegular() {
			return nil, errors.New("want the path of a file that is there")
		}
		return text, nil
	}}
}

func snapshotMoment(name string) Parameter {
	return Parameter{Name: name, Meaning: "when the snapshot is taken: `sync:N`, `bytes:N` or `command`", parse: func(text string) (any, error) {
		return parseMoment(text, ":", OnSync, OnBytes, OnCommand)
	}}
}
