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

// The output formats that several commands have.
const (
	formatJSON  = "json"
	formatYAML  = "yaml"
	formatTable = "table"
	formatJUnit = "junit"
)

// formatFlag is -o, the output format. Its default is text for a terminal.
type formatFlag struct {
	value   string
	allowed []string
	// other accepts a value that is not among the allowed ones; nil accepts none.
	other func(string) bool
}

func (f *formatFlag) Set(value string) error {
	if !slices.Contains(f.allowed, value) && (f.other == nil || !f.other(value)) {
		return fmt.Errorf("want one of %s", strings.Join(f.allowed, ", "))
	}
	f.value = value
	return nil
}

func (*formatFlag) Type() string { return "format" }

func (f *formatFlag) String() string { return f.value }

func (f *formatFlag) addTo(flags *pflag.FlagSet, allowed ...string) {
	f.allowed = allowed
	flags.VarP(f, "output", "o", "output format: "+strings.Join(allowed, ", ")+"; text if this flag is not set")
}

// write writes a value in the chosen format. Text renders the default one.
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
		var s string
		s, err = text()
		content = []byte(s)
	}
	if err != nil {
		return err
	}
	_, err = out.Write(content)
	return err
}
