package terminal

import (
	"encoding/json"
	"io"
	"strings"

	"github.com/spf13/pflag"
	"sigs.k8s.io/yaml"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/style"
)

// The output formats that several commands have.
const (
	FormatJSON  = "json"
	FormatYAML  = "yaml"
	FormatTable = "table"
	FormatJUnit = "junit"
)

// formatText names the default of FormatFlag.
const formatText = "text"

// FormatFlag is -o, the output format. Its default is text for a terminal.
type FormatFlag struct {
	Value   string
	Allowed []string
	// Other accepts a value that is not among the allowed ones; nil accepts none.
	Other func(string) bool
	// Destination is where text ends up that is written to a buffer first; nil if there is no buffer.
	Destination io.Writer
	// Color is --color, which is added together with -o.
	Color style.When
}

// Set parses a format.
func (f *FormatFlag) Set(value string) error {
	if value == formatText {
		f.Value = ""
		return nil
	}
	if f.Other == nil || !f.Other(value) {
		if err := oneOf(value, f.Choices()); err != nil {
			return err
		}
	}
	f.Value = value
	return nil
}

// Choices returns the formats, the default one first.
func (f *FormatFlag) Choices() []string { return append([]string{formatText}, f.Allowed...) }

// Type implements pflag.Value.
func (*FormatFlag) Type() string { return "format" }

func (f *FormatFlag) String() string { return f.Value }

// AddTo adds the flag.
func (f *FormatFlag) AddTo(flags *pflag.FlagSet, allowed ...string) {
	f.Allowed = allowed
	flags.VarP(f, "output", "o", "output format: "+strings.Join(allowed, ", ")+"; text if this flag is not set")
	f.Color = style.Auto
	flags.Var(&f.Color, "color", "when to colour text: "+strings.Join(style.Choices(), ", ")+"; auto: on a terminal, "+
		"unless NO_COLOR is set")
}

// Write writes a value in the chosen format. Text renders the default one.
func (f *FormatFlag) Write(out io.Writer, value any, text func() (string, error)) error {
	var content []byte
	var err error
	switch f.Value {
	case FormatJSON:
		content, err = json.MarshalIndent(value, "", "  ")
		content = append(content, '\n')
	case FormatYAML:
		content, err = yaml.Marshal(value)
	default:
		var s string
		s, err = text()
		if f.Value == "" {
			s = style.Wrap(s, style.WrapWidth(f.destination(out)))
		}
		content = []byte(s)
	}
	if err != nil {
		return err
	}
	_, err = out.Write(content)
	return err
}

// destination returns where text ends up that is written to out.
func (f *FormatFlag) destination(out io.Writer) io.Writer {
	if f.Destination != nil {
		return f.Destination
	}
	return out
}
