//go:build linux || darwin

package localcmd

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/terminal"
	"github.com/volume-durability/volume-durability/pkg/local"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/pattern"
	"github.com/volume-durability/volume-durability/pkg/provenance"
)

// localOption is an option of a run that a local run also has, with its default and its help
// for a local run.
type localOption struct{ name, fallback, help string }

const (
	evidenceOption = "REQUIRED_EVIDENCE"
	recordSizeHelp = "bytes per record, 128 to 65536"
	writeRateHelp  = "records per second; 0 for as many as the volume can take"
)

func runOptions() []localOption {
	return append([]localOption{
		{"TOTAL_CHAOS_DURATION", "10", "time of chaos; the writer is killed every --chaos-interval, at least once"},
		{"CHAOS_INTERVAL", "2", "time between two kills; with --randomness also a range such as 1-4"},
		{"RANDOMNESS", "false", "choose each interval at random"},
		{"FORCE", "true", "kill the writer with SIGKILL; false sends SIGTERM"},
		{"RECORD_SIZE", "256", recordSizeHelp},
		{"WRITE_RATE", "100", writeRateHelp},
		{evidenceOption, "none", "lowest evidence level at which the run can pass: " + strings.Join(levels(), ", ")},
		{options.MaxRecoveryOption, "", "longest recovery with which the run can pass, such as 5s; empty for no threshold"},
		{options.MaxCommitP99Option, "", "limit of the 99th percentile of the commit durations, such as 50ms; " +
			"empty for no threshold"},
		{options.MaxCommitOption, "", "longest duration of any commit, such as 2s; empty for no threshold"},
		{options.MinRateOption, "", "lowest rate in records per second; must be lower than --write-rate, unless that is 0; " +
			"empty for no threshold"},
		{"STATUS_CHECK_TIMEOUT", "60", "seconds that starting or ending a process may take"},
		{"VERIFY_TIMEOUT", "300", "seconds that reading the journal back may take"},
		{"KEEP", "false", "keep the folder with the journal after the run"},
	}, patternOptions()...)
}

// patternOptions returns the options for the write pattern.
func patternOptions() []localOption {
	return []localOption{
		{"WRITE_PATTERN", "append", "how the writer writes: " + pattern.List(pattern.Names())},
		{"WRITE_OBJECTS", "", "number of slots or files that a pattern writes in turn, or keeps; " + defaultObjectsHelp()},
	}
}

// defaultObjectsHelp describes the default of --write-objects.
func defaultObjectsHelp() string {
	return fmt.Sprintf("empty for %d, or %d with remove, recycle and mixed", options.DefaultObjects(pattern.Overwrite),
		options.DefaultObjects(pattern.Remove))
}

// optionFlag is the value of an option's flag.
type optionFlag struct {
	value   string
	boolean bool
}

func (f *optionFlag) String() string { return f.value }

func (f *optionFlag) Set(value string) error {
	f.value = value
	return nil
}

// IsBoolFlag reports whether the flag needs no value.
func (f *optionFlag) IsBoolFlag() bool { return f.boolean }

// Type returns the name of the value in the help.
func (f *optionFlag) Type() string {
	if f.boolean {
		return "bool"
	}
	return "value"
}

// optionFlags are the flags of the options that a local run has.
type optionFlags struct {
	fallback map[string]string
	value    map[string]*optionFlag
	flags    *pflag.FlagSet
}

// addTo adds a flag for each of the options.
func (o *optionFlags) addTo(flags *pflag.FlagSet, list []localOption) {
	o.fallback, o.value, o.flags = map[string]string{}, map[string]*optionFlag{}, flags
	for _, l := range list {
		o.fallback[l.name] = l.fallback
		value := &optionFlag{value: l.fallback, boolean: l.fallback == "true" || l.fallback == "false"}
		o.value[l.name] = value
		flag := flags.VarPF(value, options.FlagName(l.name), "", l.help)
		if value.boolean {
			flag.NoOptDefVal = "true"
		}
	}
}

func (o *optionFlags) isSet(name string) bool { return o.flags.Changed(options.FlagName(name)) }

// parse returns the values of the options. Those that need a cluster are empty.
func (o *optionFlags) parse() (options.Values, error) {
	v, err := options.Parse(func(name string) string {
		if value := o.value[name]; value != nil {
			return value.value
		}
		if name == "CLAIM_SIZE" {
			return noClaimLimit
		}
		return ""
	})
	err = errors.Join(withLocalLevels(err), checkOneCell(v))
	v.VolumeSource, v.StorageClasses, v.AccessModes, v.VolumeModes = options.Local, []string{}, nil, nil
	v.ReaderNodes, v.ClaimSize, v.ParallelCells = []options.ReaderNode{}, resource.Quantity{}, 1
	v.Namespace, v.ClaimName, v.WriterPod, v.ReaderPod, v.JournalFile = "", "", "", "", ""
	v.ImagePullPolicy, v.Orchestrator = "", ""
	return v, withFlagNames(err)
}

// noClaimLimit is a size into which all objects fit, because a local run has no claim.
const noClaimLimit = "1Ei"

// checkOneCell returns an InvalidValueError for each option with a value that only a run on a cluster can have.
func checkOneCell(v options.Values) error {
	var problems []error
	if len(v.WritePatterns) > 1 {
		names := make([]string, len(v.WritePatterns))
		for i, name := range v.WritePatterns {
			names[i] = name.String()
		}
		problems = append(problems, options.InvalidValueError{
			Name: "WRITE_PATTERN", Value: strings.Join(names, ","), Want: "one pattern: a local run has one cell",
		})
	}
	if v.RequiredEvidence > provenance.Remounted {
		problems = append(problems, options.InvalidValueError{
			Name: evidenceOption, Value: v.RequiredEvidence.String(),
			Want: provenance.Remounted.String() + " or lower: a local run attaches no volume",
		})
	}
	return errors.Join(problems...)
}

// levels returns the names of the evidence levels that a local run can reach.
func levels() []string {
	var names []string
	for _, level := range provenance.Levels() {
		if level <= provenance.Remounted {
			names = append(names, level.String())
		}
	}
	return names
}

// withLocalLevels replaces the evidence levels in an error by those that a local run can reach.
func withLocalLevels(err error) error {
	return terminal.ReplaceInvalid(err, func(p options.InvalidValueError) error {
		if p.Name == evidenceOption {
			p.Want = "one of " + strings.Join(levels(), ", ")
		}
		return p
	})
}

// withFlagNames replaces the names of options by those of their flags.
func withFlagNames(err error) error {
	return terminal.UseFlags(err, func(p options.InvalidValueError) error {
		suggestion := terminal.SuggestValue(p)
		if p.Name == evidenceOption {
			suggestion = terminal.Suggestion(p.Value, levels())
		}
		return fmt.Errorf("--%s %q: want %s%s", options.FlagName(p.Name), p.Value,
			options.UseFlags(p.Want), suggestion)
	})
}

// betweenFlags are the flags of the command that runs between writers and reader.
type betweenFlags struct {
	command string
	each    bool
	timeout time.Duration
}

func (b *betweenFlags) addTo(flags *pflag.FlagSet) {
	flags.StringVar(&b.command, "between", "", "shell command to run after the last kill, before the journal is read back")
	flags.BoolVar(&b.each, "between-each", false, "run the command of --between after every kill")
	terminal.AddDuration(flags, &b.timeout, "between-timeout", 2*time.Minute, time.Second,
		"time that the command of --between may take")
}

func (b *betweenFlags) check() error {
	if b.each && b.command == "" {
		return errors.New("--between-each requires --between")
	}
	return nil
}

// newRemote returns where the reader runs.
func newRemote(prefix, helper string, helperArgs []string) (local.Remote, error) {
	r := local.Remote{Prefix: strings.Fields(prefix), Helper: helper, HelperArgs: helperArgs}
	if len(r.Prefix) == 0 {
		return r, fmt.Errorf("--remote %q: want a command", prefix)
	}
	if _, err := exec.LookPath(r.Prefix[0]); err != nil {
		return r, fmt.Errorf("--remote %q: want a command on the PATH: %w", prefix, err)
	}
	var err error
	r.Executable, err = os.Executable()
	return r, err
}

// checkDevicePattern returns an error if a block device cannot be written with the pattern.
func checkDevicePattern(v options.Values) error {
	for _, name := range v.WritePatterns {
		if !name.SupportsBlockDevice() {
			return fmt.Errorf("--write-pattern %s: want append or overwrite: no other pattern can write to a block device", name)
		}
	}
	return nil
}

// checkOutside returns an error if a path is in the folder under test: what is there may
// be lost with it.
func checkOutside(flag, path string, target local.Target) error {
	absolute, err := filepath.Abs(path)
	if err != nil || target.Path == "" || target.Device {
		return err
	}
	relative, err := filepath.Rel(target.Path, absolute)
	if err == nil && filepath.IsLocal(relative) && target.Path != "/" {
		return fmt.Errorf("%s %s: want a path outside %s, which is under test", flag, path, target.Path)
	}
	return nil
}
