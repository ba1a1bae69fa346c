package command

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/pflag"

	"github.com/volume-durability/volume-durability/pkg/options"
)

// Inputs whose flags are not like the others'.
const (
	namespaceInput = "WORKLOAD_NAMESPACE"
	imageInput     = "LIB_IMAGE"
	controlInput   = "NEGATIVE_CONTROL"
	templateInput  = "CLAIM_TEMPLATE"
)

// inputFlags are a flag for each input. The namespace's is kubectl's own.
type inputFlags struct {
	all map[string]*inputFlag
	// namespace is where kubectl's flag has its value.
	namespace *string
}

// inputFlag is the value of one input, as it was given.
type inputFlag struct {
	value string
	given bool
}

func (f *inputFlag) Set(value string) error {
	f.value, f.given = value, true
	return nil
}

func (*inputFlag) Type() string { return "value" }

func (f *inputFlag) String() string { return f.value }

// own are the defaults that are other ones for a person at a terminal: there the
// loss of the control shows that the run can see one.
func own() map[string]string { return map[string]string{controlInput: "true"} }

// ownImage is what the pods run where nothing says what: no Job has an image here.
func ownImage() string { return releasedImage(tool("").Version) }

// addInputs makes a flag of every input.
func addInputs(flags *pflag.FlagSet, namespace *string) *inputFlags {
	f := &inputFlags{all: map[string]*inputFlag{}, namespace: namespace}
	shown := own()
	shown[imageInput] = ownImage()
	for _, input := range options.Table() {
		if input.Name == namespaceInput {
			continue
		}
		value := &inputFlag{value: input.Default}
		if shown[input.Name] != "" {
			value.value = shown[input.Name]
		}
		f.all[input.Name] = value
		flag := flags.VarPF(value, flagOf(input.Name), "", plain(input.Usage()))
		if input.Default == "true" || input.Default == "false" {
			flag.NoOptDefVal = "true"
		}
	}
	return f
}

// flagOf is the name of an input's flag.
func flagOf(input string) string {
	if input == namespaceInput {
		return "namespace"
	}
	return strings.ReplaceAll(strings.ToLower(input), "_", "-")
}

var (
	link     = regexp.MustCompile(`\[([^]]*)\]\([^)]*\)`)
	constant = regexp.MustCompile("`([A-Z]+(?:_[A-Z]+)+|FORCE|KEEP|SEQUENCE)`")
)

// plain makes a line of help of the Markdown of the table: inputs are flags there.
func plain(doc string) string {
	doc = link.ReplaceAllString(doc, "$1")
	doc = constant.ReplaceAllStringFunc(doc, func(name string) string { return "--" + flagOf(strings.Trim(name, "`")) })
	return strings.ReplaceAll(doc, "`", "")
}

// getenv is what the flags say of an input, then what is below them, then this
// program's own defaults, where nothing is below.
func (f *inputFlags) getenv(below func(string) string) func(string) string {
	own := own()
	return func(name string) string {
		switch value := f.given(name); {
		case value != "":
			return value
		case below != nil:
			return below(name)
		}
		return own[name]
	}
}

// given is what a flag was set to; empty where it was not.
func (f *inputFlags) given(name string) string {
	if name == namespaceInput {
		return *f.namespace
	}
	flag := f.all[name]
	if flag == nil || !flag.given {
		return ""
	}
	if name != templateInput || flag.value == "" {
		return flag.value
	}
	// What cannot be made absolute is refused when it is read.
	if absolute, err := filepath.Abs(flag.value); err == nil {
		return absolute
	}
	return flag.value
}

// mistakes says mistakes in the inputs, each with its flag.
func mistakes(err error) error {
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, one := range several.Unwrap() {
			all = append(all, mistakes(one))
		}
		return errors.Join(all...)
	}
	var p options.Invalid
	if errors.As(err, &p) {
		return fmt.Errorf("--%s (%s) %q: want %s", flagOf(p.Name), p.Name, p.Value, p.Want)
	}
	return err
}
