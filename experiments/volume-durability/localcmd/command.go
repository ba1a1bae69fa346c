//go:build linux || darwin

package localcmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/uuid"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/helper"
	"github.com/volume-durability/volume-durability/experiments/volume-durability/progress"
	"github.com/volume-durability/volume-durability/experiments/volume-durability/style"
	"github.com/volume-durability/volume-durability/experiments/volume-durability/terminal"
	"github.com/volume-durability/volume-durability/pkg/bundle"
	"github.com/volume-durability/volume-durability/pkg/local"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/pkg/volume"
)

// helperCommand is the hidden command that runs the helper.
const helperCommand = "helper"

// optionsHeading is the heading of the options in the help. Some defaults are not those of run.
const optionsHeading = "Options, with the same names as in run; a time is seconds, or has a unit, such as 2m"

// wantTarget describes the argument of a command.
const wantTarget = "one folder or block device"

// localCommand holds the flags of the command local.
type localCommand struct {
	out, errOut io.Writer
	// path has the names of the parent commands of local in this program.
	path []string

	options optionFlags
	format  terminal.FormatFlag
	level   terminal.LevelFlag
	between betweenFlags

	graceful             bool
	readFrom             string
	remote, remoteHelper string
	acks, overwrite      string
	folder               string
}

// New returns the command local. Path has the names of its parent commands in this
// program. It is empty if local is the root command.
func New(out, errOut io.Writer, path ...string) *cobra.Command {
	l := &localCommand{out: out, errOut: errOut, path: path}
	c := &cobra.Command{
		Use: "local DIR|DEVICE", Short: "Test a folder or a block device of this machine, without a cluster",
		Args: terminal.ExactArgs(1, wantTarget),
		Long: `Test a folder or a block device of this machine, without a cluster.

A writer process appends records to a new folder in DIR and reports which of them are on
stable storage. It is killed and started again several times. Then a reader process reads
everything back. Every acknowledged record must be there.

local removes its folder at the end and touches no other file in DIR. It writes an evidence
bundle to a folder outside DIR. On macOS it tests folders only.

Exit codes:
  0    the verdict is Pass
  1    the verdict is Fail: acknowledged data was lost or damaged, the volume could no longer
       be used, or a threshold was not met
  2    the verdict is Error, or the command failed
  130  the run was interrupted`,
		Example: `  # A mounted filesystem, in about 10 seconds
  volume-durability local /mnt/data

  # Unmount and mount it before the data is read back
  volume-durability local /mnt/data --between 'umount /mnt/data && mount /mnt/data'

  # Another client of the same export reads the data back
  volume-durability local /mnt/nfs --remote 'ssh other'`,
		RunE: func(c *cobra.Command, args []string) error { return l.execute(c.Context(), args[0]) },
	}
	general := terminal.NewFlagGroup("Flags")
	general.StringVar(&l.acks, "acks", "", "also send all acknowledgements to a file, to standard output ('-'), or to "+
		"tcp://HOST:PORT")
	general.StringVar(&l.overwrite, "overwrite", "", "overwrite this block device with zeros first; must be the device "+
		"that is tested")
	general.StringVar(&l.folder, "bundle", "", "folder to write the evidence bundle to (default volume-durability-ID in "+
		"the current folder)")
	l.format.AddTo(general.FlagSet, terminal.FormatJSON, terminal.FormatYAML, terminal.FormatTable, terminal.FormatJUnit)
	l.level.AddTo(general.FlagSet)
	if len(path) == 0 {
		c.Version = terminal.BuildInfo("").Version
		if c.Version == "" {
			c.Version = terminal.UnknownBuild
		}
		c.SetVersionTemplate(terminal.VersionText())
		general.Bool("version", false, "print the version and commit of the build")
	}
	optionGroup := terminal.NewFlagGroup(optionsHeading)
	l.options.addTo(optionGroup.FlagSet, runOptions())
	general.BoolVar(&l.graceful, "graceful", false, "kill writers with SIGTERM, the same as --force=false")
	terminal.AddFlagGroups(c, general, optionGroup, l.betweenGroup())
	c.SetFlagErrorFunc(terminal.SuggestFlags)
	c.AddCommand(newWrite(l), newRead(l), newHelper())
	return c
}

// betweenGroup is the group of flags that change what happens between writer and reader.
func (l *localCommand) betweenGroup() terminal.FlagGroup {
	g := terminal.NewFlagGroup("Between writer and reader")
	l.between.addTo(g.FlagSet)
	g.StringVar(&l.readFrom, "read-from", "", "read the journal through this mount of the same storage")
	g.StringVar(&l.remote, "remote", "", "run the reader with this command prefix, such as 'ssh other'")
	g.StringVar(&l.remoteHelper, "remote-helper", "", "path of durability-helper on the remote machine; without "+
		"it, this program is copied to that machine")
	return g
}

// newHelper returns the hidden command that runs the helper in a separate process.
func newHelper() *cobra.Command {
	return &cobra.Command{
		Use: helperCommand, Hidden: true, DisableFlagParsing: true,
		RunE: func(_ *cobra.Command, args []string) error {
			if code := helper.Main(args, os.Stdout, os.Stderr); code != 0 {
				return &terminal.Exit{Code: code}
			}
			return nil
		},
	}
}

// helperArgs are the arguments with which this program runs as the helper.
func (l *localCommand) helperArgs() []string {
	return append(append([]string{}, l.path...), helperCommand)
}

func (l *localCommand) execute(ctx context.Context, path string) error {
	// A program that reads the output may end first, and the run must remove its folder all
	// the same. The signal is not ignored, because the command of --between would inherit that.
	brokenPipes := make(chan os.Signal, 1)
	signal.Notify(brokenPipes, syscall.SIGPIPE)
	defer signal.Stop(brokenPipes)
	run, err := l.newRun(path)
	if err != nil {
		return err
	}
	if l.overwrite != "" {
		if err := volume.ZeroDevice(run.Target.Path); err != nil {
			return fmt.Errorf("--overwrite %s: %w", l.overwrite, err)
		}
	}
	sink, err := openSink(ctx, l.acks, l.out, run.Journal())
	if err != nil {
		return err
	}
	if sink == nil {
		return l.report(l.show(ctx, run), nil)
	}
	run.KeepAcks = sink.add
	outcome := l.show(ctx, run)
	return l.report(outcome, sink.end(l.acks))
}

// newRun reads the flags. The error joins all mistakes.
func (l *localCommand) newRun(path string) (local.Run, error) {
	var problems []error
	note := func(err error) {
		if err != nil {
			problems = append(problems, err)
		}
	}
	values, err := l.options.parse()
	note(err)
	force, err := l.force(values)
	note(err)
	values.Force = force
	note(l.between.check())
	id := string(uuid.NewUUID())
	run := local.Run{
		ID: id, Options: values, Between: local.BetweenCommand{Command: l.between.command, Timeout: l.between.timeout},
		BetweenEach: l.between.each,
	}
	run.Target, err = local.NewTarget(path, local.Format(id, values.RecordSize).ID)
	note(err)
	if l.overwrite != "" && (l.overwrite != path || err == nil && !run.Target.Device) {
		note(fmt.Errorf("--overwrite %s: want the same block device as the argument, %s", l.overwrite, path))
	}
	if run.Target.Device {
		note(checkDevicePattern(values))
	}
	note(l.addReader(&run))
	note(l.chooseFolder(run))
	note(checkSink(l.acks, run.Target, l.format.Value))
	executable, err := os.Executable()
	note(err)
	run.Helper = append([]string{executable}, l.helperArgs()...)
	if len(problems) == 0 && run.Target.Device {
		note(l.checkDevice(path, values))
	}
	return run, errors.Join(problems...)
}

// checkDevice returns an error if the run cannot write to a block device. It writes nothing.
func (l *localCommand) checkDevice(device string, values options.Values) error {
	if err := checkDeviceSize(device, values); err != nil || l.overwrite != "" {
		return err
	}
	err := checkBlank(device)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w. To overwrite the whole device with zeros first, add --overwrite %s", err, device)
	}
	return err
}

// force combines --force and --graceful.
func (l *localCommand) force(values options.Values) ([]bool, error) {
	if len(values.Force) != 1 {
		return []bool{true}, fmt.Errorf("--force %v: want true or false", values.Force)
	}
	if l.graceful && values.Force[0] && l.options.isSet("FORCE") {
		return values.Force, errors.New("--graceful and --force=true exclude each other")
	}
	return []bool{values.Force[0] && !l.graceful}, nil
}

// addReader adds where and how the journal is read back.
func (l *localCommand) addReader(run *local.Run) error {
	var problems []error
	if l.readFrom != "" {
		if info, err := os.Stat(l.readFrom); l.remote == "" && (err != nil || !run.Target.Device && !info.IsDir()) {
			problems = append(problems, fmt.Errorf("--read-from %s: want a folder that exists", l.readFrom))
		}
		through, err := run.Target.Through(l.readFrom)
		problems = append(problems, err)
		run.ReadFrom = through
	}
	if l.remote == "" {
		if l.remoteHelper != "" {
			problems = append(problems, errors.New("--remote-helper requires --remote"))
		}
		return errors.Join(problems...)
	}
	remote, err := newRemote(l.remote, l.remoteHelper, l.helperArgs())
	problems = append(problems, err)
	run.Remote = &remote
	for _, file := range []string{run.Target.Journal, run.ReadFrom, l.remoteHelper} {
		problems = append(problems, remote.CheckPath(file))
	}
	return errors.Join(problems...)
}

// chooseFolder chooses the folder of the bundle, and checks it before the run.
func (l *localCommand) chooseFolder(run local.Run) error {
	if l.folder == "" {
		l.folder = "volume-durability-" + run.ID
	}
	if err := checkOutside("--bundle", l.folder, run.Target); err != nil {
		return err
	}
	return terminal.CheckBundleFolder(l.folder)
}

// show executes the run and shows its progress.
func (l *localCommand) show(ctx context.Context, run local.Run) result.Result {
	view := progress.New(l.errOut, l.format.Color, run.Options)
	defer view.Close()
	view.Printf("run %s: writing to %s", run.ID, style.Whole(run.Target.Journal))
	run.Hooks, run.Log = view, terminal.NewLog(view, l.level.Level)
	stopHandling := l.handleInterrupts(view, run.Target)
	outcome := run.Execute(ctx).EditTexts(options.UseFlags)
	stopHandling()
	outcome.Tool = terminal.BuildInfo("")
	return outcome
}

// handleInterrupts handles signals during a run, until the returned function is called.
func (l *localCommand) handleInterrupts(view *progress.View, target local.Target) (stop func()) {
	return terminal.Interrupts{
		Interactive: terminal.IsTerminal(l.errOut), Printf: view.Printf, Removing: view.Removing,
		Abandon: func() {
			view.Close()
			if folder := target.Folder(); folder != "" {
				style.Fprintf(l.errOut, "\nNot removed: %s\n", style.Whole(folder))
			}
			os.Exit(terminal.ExitInterrupted)
		},
	}.Handle()
}

// report prints the result, writes the bundle, and returns the exit code of the verdict
// as an error. AcksErr is why acknowledgements could not be sent.
func (l *localCommand) report(outcome result.Result, acksErr error) error {
	err := l.format.WriteResult(l.out, outcome)
	where, absErr := filepath.Abs(l.folder)
	if absErr != nil {
		where = l.folder
	}
	b, makeErr := bundle.Make(outcome, bundle.Options{Location: where})
	if makeErr == nil {
		makeErr = b.Write(l.folder)
	}
	if makeErr == nil {
		style.Fprintf(l.errOut, "\nEvidence bundle: %s\n", style.Whole(where))
	}
	return terminal.ExitWith(outcome.Verdict, errors.Join(err, makeErr, acksErr))
}
