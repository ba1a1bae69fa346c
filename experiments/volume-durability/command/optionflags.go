package command

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/provenance"
)

// The options whose flags differ from the others'.
const (
	namespaceOption = "WORKLOAD_NAMESPACE"
	imageOption     = "LIB_IMAGE"
	controlOption   = "NEGATIVE_CONTROL"
	templateOption  = "CLAIM_TEMPLATE"
)

// optionHelp returns the help of each option's flag. The documentation of the options
// themselves is in their table; it speaks of environment variables and ChaosEngines.
func optionHelp() map[string]string {
	return map[string]string{
		"TOTAL_CHAOS_DURATION": "duration of the chaos in seconds",
		"CHAOS_INTERVAL":       "seconds between deletions of a writer; with --randomness also a range, such as 5-10",
		"RANDOMNESS":           "choose each interval at random, from 1 second to --chaos-interval or from its range",
		"FORCE":                "delete pods with a grace period of 0; false,true tests both",
		"SEQUENCE": "order in which the writers of several cells are deleted: parallel, or serial, " +
			"which waits for each writer to recover before it deletes the next",
		"TARGET_PODS":        "writers to delete in a run of several cells, separated by commas (default all)",
		"PODS_AFFECTED_PERC": "percentage of the writers to delete at each interval, chosen at random (default all)",
		"RAMP_TIME":          "seconds to wait before and after the chaos",
		"VOLUME_SOURCE":      "volume to test: claim, or emptyDir, which loses its data with every pod and must fail",
		"STORAGE_CLASS":      "StorageClass of the claim (default the cluster's default class)",
		"STORAGE_CLASSES":    "StorageClasses to compare, separated by commas, or * for all; each is a cell of its own",
		"PARALLEL_CELLS":     "maximum number of cells to test at the same time, 1 to 1000",
		"EXISTING_CLAIM": "existing claim to test instead of a new one; the run writes only to a folder of its own " +
			"and removes it",
		"CLAIM_NAME":     "name of the claim to create",
		"CLAIM_SIZE":     "size of the claim to create",
		"CLAIM_TEMPLATE": "file with a PersistentVolumeClaim to use as the template of each claim",
		"ACCESS_MODE": "access modes to test, separated by commas: ReadWriteOnce, ReadWriteOncePod, " +
			"ReadWriteMany",
		"VOLUME_MODE": "volume modes to test, separated by commas: Filesystem, Block",
		"WRITER_POD":  "name of the writer pod",
		"READER_POD":  "name of the reader pod",
		"READER_NODE": "node of the reader, relative to the last writer: any, same, other, or the name of a node; " +
			"several are separated by commas",
		"JOURNAL_FILE":          "path of the journal in the pods; the volume is mounted at its folder",
		"RECORD_SIZE":           "size of a record in bytes",
		"WRITE_RATE":            "records to write per second; 0 for as many as possible",
		"KEEP":                  "keep the claim and the reader pod after the run; remove them with cleanup --run",
		"LIB_IMAGE":             "image of the writer and reader pods",
		"LIB_IMAGE_PULL_POLICY": "pull policy of the image: Always, IfNotPresent, Never",
		"REQUIRED_EVIDENCE": "evidence level below which a run ends in Error: " +
			strings.Join(provenance.LevelNames(), ", "),
		"NEGATIVE_CONTROL": "add a control: a cell on an emptyDir that must lose its data, or the run ends in Error",
		"BUNDLE_CONFIGMAP": "save the evidence bundle also in a ConfigMap with this name",
		"ORCHESTRATOR": "orchestrator of the cluster: kubernetes, swarm, or auto to detect it; with swarm the verdict " +
			"is N/A",
		"STATUS_CHECK_TIMEOUT": "seconds to wait for each step, such as a claim that is bound or a pod that runs",
		"VERIFY_TIMEOUT":       "seconds that the reader may take to read the journal",
	}
}

// optionFlags are one flag for each option. The namespace has kubectl's flag.
type optionFlags struct {
	all map[string]*optionFlag
	// namespace points to the value of kubectl's flag.
	namespace *string
}

// optionFlag is the value of one option, unparsed.
type optionFlag struct {
	value string
	set   bool
}

func (f *optionFlag) Set(value string) error {
	f.value, f.set = value, true
	return nil
}

func (*optionFlag) Type() string { return "value" }

func (f *optionFlag) String() string { return f.value }

// terminalDefaults are the defaults that differ on the command line. The control is on:
// its loss shows that the run can detect one.
func terminalDefaults() map[string]string { return map[string]string{controlOption: "true"} }

// defaultImage is the image of the pods if no option sets one: there is no Job whose
// image could be used.
func defaultImage() string { return releasedImage(buildInfo("").Version) }

// addOptionFlags adds a flag for each option.
func addOptionFlags(flags *pflag.FlagSet, namespace *string) *optionFlags {
	f := &optionFlags{all: map[string]*optionFlag{}, namespace: namespace}
	help, defaults := optionHelp(), terminalDefaults()
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
		flag := flags.VarPF(value, flagName(option.Name), "", help[option.Name])
		if option.Default == "true" || option.Default == "false" {
			flag.NoOptDefVal = "true"
		}
	}
	return f
}

// flagName returns the name of an option's flag.
func flagName(option string) string {
	if option == namespaceOption {
		return "namespace"
	}
	return strings.ReplaceAll(strings.ToLower(option), "_", "-")
}

// getenv returns a lookup of options by name. A flag wins over the environment of a
// ChaosEngine; without a ChaosEngine, the defaults of the command line apply.
func (f *optionFlags) getenv(engine func(string) string) func(string) string {
	defaults := terminalDefaults()
	return func(name string) string {
		switch value := f.value(name); {
		case value != "":
			return value
		case engine != nil:
			return engine(name)
		}
		return defaults[name]
	}
}

// value returns the value that a flag was set to; empty if it was not set.
func (f *optionFlags) value(name string) string {
	if name == namespaceOption {
		return *f.namespace
	}
	flag := f.all[name]
	if flag == nil || !flag.set {
		return ""
	}
	if name != templateOption || flag.value == "" {
		return flag.value
	}
	// Without an absolute path, the option reports the mistake.
	if absolute, err := filepath.Abs(flag.value); err == nil {
		return absolute
	}
	return flag.value
}

// withFlagNames adds the names of the flags to mistakes in options.
func withFlagNames(err error) error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, one := range joined.Unwrap() {
			all = append(all, withFlagNames(one))
		}
		return errors.Join(all...)
	}
	var p options.Invalid
	if errors.As(err, &p) {
		return fmt.Errorf("--%s (%s) %q: want %s", flagName(p.Name), p.Name, p.Value, p.Want)
	}
	return err
}
