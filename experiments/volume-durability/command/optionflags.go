package command

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/pflag"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/terminal"
	"github.com/volume-durability/volume-durability/pkg/options"
)

// The options whose flags differ from the others'.
const (
	namespaceOption = options.NamespaceOption
	imageOption     = "LIB_IMAGE"
	controlOption   = "NEGATIVE_CONTROL"
	templateOption  = "CLAIM_TEMPLATE"
	// podTemplateOption also names a file.
	podTemplateOption = "POD_TEMPLATE"
)

// optionFlags are one flag for each option. The namespace has kubectl's flag.
type optionFlags struct {
	all map[string]*optionFlag
	// cluster has kubectl's flag for the namespace.
	cluster clusterFlags
}

// optionFlag is the value of one option, unparsed.
type optionFlag struct {
	value   string
	set     bool
	boolean bool
}

func (f *optionFlag) Set(value string) error {
	f.value, f.set = value, true
	return nil
}

func (f *optionFlag) Type() string {
	if f.boolean {
		return "bool"
	}
	return "value"
}

// IsBoolFlag reports whether the flag needs no value. The help then shows the values that it takes.
func (f *optionFlag) IsBoolFlag() bool { return f.boolean }

func (f *optionFlag) String() string { return f.value }

// terminalDefaults are the defaults that differ on the command line. The control is on:
// its loss shows that the run can detect one.
func terminalDefaults() map[string]string { return map[string]string{controlOption: "true"} }

// defaultImage is the image of the pods if no option sets one: there is no Job whose
// image could be used.
func defaultImage() string { return releasedImage(terminal.BuildInfo("").Version) }

// addOptionFlags adds a flag for each option.
func addOptionFlags(flags *pflag.FlagSet, cluster clusterFlags) *optionFlags {
	f := &optionFlags{all: map[string]*optionFlag{}, cluster: cluster}
	defaults := terminalDefaults()
	defaults[imageOption] = defaultImage()
	for _, option := range options.Table() {
		if option.Name == namespaceOption {
			continue
		}
		value := &optionFlag{value: option.Default}
		if defaults[option.Name] != "" {
			value.value = defaults[option.Name]
		}
		f.all[option.Name] = value
		value.boolean = option.Default == "true" || option.Default == "false"
		flag := flags.VarPF(value, options.FlagName(option.Name), "", flagHelp(option.Usage()))
		if value.boolean {
			flag.NoOptDefVal = "true"
		}
	}
	return f
}

var (
	markdownLink = regexp.MustCompile(`\[([^]]*)\]\([^)]*\)`)
	codeSpan     = regexp.MustCompile("`([^`]*)`")
)

// flagHelp returns an option's help, which is Markdown, as plain text. The names of
// options become the names of their flags, and values are quoted.
func flagHelp(markdown string) string {
	names := map[string]string{}
	for _, option := range options.Table() {
		names[option.Name] = "--" + options.FlagName(option.Name)
	}
	text := markdownLink.ReplaceAllString(markdown, "$1")
	return codeSpan.ReplaceAllStringFunc(text, func(span string) string {
		code := strings.Trim(span, "`")
		if flag := names[code]; flag != "" {
			return flag
		}
		return "'" + code + "'"
	})
}

// getenv returns a lookup of options by name. A flag wins over the environment of a
// ChaosEngine; without a ChaosEngine, the defaults of the command line apply, and the namespace
// is that of the kubeconfig's context.
func (f *optionFlags) getenv(engine func(string) string) func(string) string {
	defaults := terminalDefaults()
	return func(name string) string {
		switch value := f.value(name); {
		case value != "":
			return value
		case engine != nil:
			return engine(name)
		case name == namespaceOption:
			return f.cluster.contextNamespace()
		}
		return defaults[name]
	}
}

// value returns the value that a flag was set to; empty if it was not set.
func (f *optionFlags) value(name string) string {
	if name == namespaceOption {
		return *f.cluster.Namespace
	}
	flag := f.all[name]
	if flag == nil || !flag.set {
		return ""
	}
	if name != templateOption && name != podTemplateOption || flag.value == "" {
		return flag.value
	}
	// Without an absolute path, the option reports the mistake.
	if absolute, err := filepath.Abs(flag.value); err == nil {
		return absolute
	}
	return flag.value
}

// withFlagNames replaces the names of options in an error by their flags. An option with an invalid value has both.
func withFlagNames(err error) error {
	return terminal.UseFlags(err, func(p options.InvalidValueError) error {
		return fmt.Errorf("--%s (%s) %q: want %s%s", options.FlagName(p.Name), p.Name, p.Value,
			options.UseFlags(p.Want), terminal.SuggestValue(p))
	})
}
