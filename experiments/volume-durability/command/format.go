package command

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"sigs.k8s.io/yaml"
)

// The forms in which commands say what came of them.
const (
	formatJSON  = "json"
	formatYAML  = "yaml"
	formatTable = "table"
	formatJUnit = "junit"
)

// formatFlag is -o: a form for programs, or nothing for what a person reads.
type formatFlag struct {
	value   string
	allowed []string
}

func (f *formatFlag) Set(value string) error {
	if !slices.Contains(f.allowed, value) {
		return fmt.Errorf("want one of %s", strings.Join(f.allowed, ", "))
	}
	f.value = value
	return nil
}

func (*formatFlag) Type() string { return "format" }

func (f *formatFlag) String() string { return f.value }

func (f *formatFlag) addTo(flags *pflag.FlagSet, allowed ...string) {
	f.allowed = allowed
	flags.VarP(f, "output", "o", "write this to standard output, and all else to standard error: "+strings.Join(allowed, ", "))
}

// write writes a value in the form that was asked for, or what a person reads.
func (f *formatFlag) write(out io.Writer, value any, text func() (string, error)) error {
	var content []byte
	var err error
	switch f.value {
	case formatJSON:
		content, err = json.MarshalIndent(value, "", "  ")
		content = append(content, '\n')
	case formatYAML:
		content, err = yaml.Marshal(value)
	default:
		var said string
		said, err = text()
		content = []byte(said)
	}
	if err != nil {
		return err
	}
	_, err = out.Write(content)
	return err
}
