package local_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/terminal"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/local"
	"github.com/volume-durability/volume-durability/pkg/pattern"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/tests/loopdevice"
)

// writePattern returns the flags of a pattern. The objects are few, so that each is written several times.
func writePattern(name pattern.Name) []string {
	return []string{"--write-pattern=" + string(name), "--write-objects=32"}
}

func TestPatterns_PassOnRealFilesystems(t *testing.T) {
	t.Parallel()
	for _, fs := range []struct {
		name string
		size int64
	}{{"ext4", 64 << 20}, {"xfs", 320 << 20}, {"btrfs", 128 << 20}} {
		t.Run(fs.name, func(t *testing.T) {
			t.Parallel()
			needsRoot(t)
			needsProgram(t, "mkfs."+fs.name, "e2fsprogs, xfsprogs or btrfs-progs")
			device, folder := loopdevice.New(t, fs.size), t.TempDir()
			sh(t, "mkfs."+fs.name+" -q "+device)
			require.NoError(t, unix.Mount(device, folder, fs.name, 0, ""))
			unmountAtEnd(t, folder)
			t.Run("patterns", func(t *testing.T) { // the folder is unmounted after all of them
				for _, name := range pattern.Names() {
					t.Run(string(name), func(t *testing.T) {
						t.Parallel()
						run(t, folder, writePattern(name)...).requireVerdict(t, judge.Pass)
					})
				}
			})
			requireEmpty(t, folder)
		})
	}
}

func TestPatterns_RemoveRemovesFilesByDefault(t *testing.T) {
	t.Parallel()
	o := run(t, t.TempDir(), "--write-pattern=remove")
	o.requireVerdict(t, judge.Pass)
	assert.Positive(t, o.cell(t).Reader.Judgement.Removed)
	assert.Contains(t, o.result.Reason, "or later operations removed them")
}

func TestPatterns_OverwriteOfABlockDevice(t *testing.T) {
	t.Parallel()
	needsRoot(t)
	device := loopdevice.New(t, 8<<20)
	run(t, device, writePattern(pattern.Overwrite)...).requireVerdict(t, judge.Pass)
	damaged := loopdevice.New(t, 8<<20)
	o := run(t, damaged, append(writePattern(pattern.Overwrite),
		"--between", "dd if=/dev/zero of=$VOLUME_DURABILITY_JOURNAL bs=256 seek=3 count=1 conv=notrunc,fsync")...)
	o.requireVerdict(t, judge.Fail)
	assert.Equal(t, []judge.Class{judge.Missing}, o.classes(t))
}

// Each fault damages more objects than can be in flight when the writer is killed. Damage of those is no finding.
func TestPatterns_FaultOfTheFilesystemIsFound(t *testing.T) {
	t.Parallel()
	for _, name := range []pattern.Name{pattern.Overwrite, pattern.Map} {
		for fault, want := range map[string][]judge.Class{
			"bit-flip:offset=1000,bit=3,count=8": {judge.Corrupt},
			"zero-page:page=1":                   {judge.Missing},
			"misdirected-page:page=1,to=0":       {judge.Missing, judge.Misdirected},
			"swap-pages:page=0,to=1":             {judge.Misdirected},
			"duplicate-page:page=1,to=0":         {judge.Misdirected},
			"truncate:size=4096":                 {judge.Missing},
			"lose-file":                          {judge.Missing},
			"lose-synced:age=200ms":              {judge.Stale, judge.RolledBack, judge.Missing},
			"roll-back:snapshot=sync:30":         {judge.Stale, judge.RolledBack, judge.Missing},
		} {
			t.Run(fmt.Sprint(name, " ", fault), func(t *testing.T) {
				t.Parallel()
				o := run(t, faulty(t, fault, "close=2"), writePattern(name)...)
				o.requireVerdict(t, judge.Fail)
				for _, class := range o.classes(t) {
					assert.Contains(t, want, class)
				}
			})
		}
	}
}

// The second writer and the reader list the folder before anything else, so lists=2 is the reader of a run with two
// writers. Several operations are damaged, because the last one may not have been acknowledged.
func TestPatterns_FaultOfDirectoryEntriesIsFound(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern pattern.Name
		fault   string
		want    []judge.Class
	}{
		{pattern.Replace, "lose-rename:count=8", []judge.Class{judge.Stale, judge.Missing, judge.RolledBack}},
		{pattern.Replace, "empty-rename:count=8", []judge.Class{judge.Missing}},
		{pattern.Create, "lose-create:count=8", []judge.Class{judge.Missing}},
		{pattern.Create, "roll-back:snapshot=sync:10", []judge.Class{judge.Missing}},
		{pattern.Remove, "undo-unlink:count=8", []judge.Class{judge.Resurrected}},
		{pattern.Remove, "lose-create:count=8", []judge.Class{judge.Missing}},
		{pattern.Recycle, "lose-rename:count=8", []judge.Class{judge.Missing, judge.Resurrected}},
		{pattern.Recycle, "both-names:count=8", []judge.Class{judge.Resurrected}},
		{pattern.Recycle, "empty-rename:count=8", []judge.Class{judge.Missing}},
		{
			pattern.Recycle, "roll-back:snapshot=sync:50",
			[]judge.Class{judge.Missing, judge.Resurrected, judge.Stale, judge.RolledBack},
		},
		{
			pattern.Mixed, "lose-rename:count=16", // of replaced and of recycled files
			[]judge.Class{judge.Missing, judge.Resurrected, judge.Stale, judge.RolledBack},
		},
		{pattern.Mixed, "lose-create:count=16", []judge.Class{judge.Missing}},
		{pattern.Mixed, "undo-unlink:count=8", []judge.Class{judge.Resurrected}},
	} {
		t.Run(fmt.Sprint(c.pattern, " ", c.fault), func(t *testing.T) {
			t.Parallel()
			o := run(t, faulty(t, c.fault, "lists=2"), writePattern(c.pattern)...)
			o.requireVerdict(t, judge.Fail)
			assert.NotEmpty(t, o.classes(t))
			for _, class := range o.classes(t) {
				assert.Contains(t, c.want, class)
			}
		})
	}
}

func TestPatterns_FaultOfTheSlotsOfAMixIsFound(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"written-slots", "mapped-slots"} {
		for fault, want := range map[string][]judge.Class{
			"zero-page:page=1":   {judge.Missing},
			"lose-file":          {judge.Missing},
			"lose-synced:age=1s": {judge.Stale, judge.RolledBack, judge.Missing},
		} {
			t.Run(file+" "+fault, func(t *testing.T) {
				t.Parallel()
				folder, _ := faultyFile(t, fault, "close", file)
				o := run(t, folder, writePattern(pattern.Mixed)...)
				o.requireVerdict(t, judge.Fail)
				for _, class := range o.classes(t) {
					assert.Contains(t, want, class)
				}
			})
		}
	}
}

// What a filesystem cannot do is no finding. The first operations of some patterns succeed.
func TestPatterns_WhatTheFilesystemCannotDoIsSkipped(t *testing.T) {
	t.Parallel()
	const folder = "cannot sync a folder, so no file name can be acknowledged: fsync(2)"
	for _, c := range []struct {
		pattern             pattern.Name
		fault, limit, error string
	}{
		{pattern.Map, "call=mmap", "cannot map a file into memory: mmap(2)", "ENODEV"},
		{pattern.Mixed, "call=mmap", "cannot map a file into memory: mmap(2)", "ENODEV"},
		{pattern.Replace, "call=rename-over,errno=ENOTSUP", "cannot rename a file over another one: rename(2)", "ENOTSUP"},
		{pattern.Create, "call=sync-folder", folder, "EINVAL"},
		{pattern.Recycle, "call=sync-folder", folder, "EINVAL"},
		{pattern.Remove, "call=unlink,errno=EPERM", "cannot remove a file: unlink(2)", "EPERM"},
		{pattern.Overwrite, "call=sync", "cannot sync a file: fsync(2)", "EINVAL"},
		{pattern.SyncWrite, "call=append", "cannot append to a file: open(2)", "EINVAL"},
	} {
		t.Run(fmt.Sprint(c.pattern, " ", c.fault), func(t *testing.T) {
			t.Parallel()
			o := run(t, faulty(t, "unsupported:"+c.fault, "mount"),
				"--write-pattern="+string(c.pattern), "--write-objects=16", "--write-rate=500")
			o.requireVerdict(t, judge.Error)
			cell := o.cell(t)
			assert.Equal(t, judge.Skipped, cell.Verdict)
			assert.Empty(t, cell.Findings)
			assert.Contains(t, cell.Reason, "the volume does not support the write pattern "+string(c.pattern))
			assert.Contains(t, cell.Reason, "the filesystem "+c.limit)
			assert.Contains(t, cell.Reason, "("+c.error+")")
		})
	}
}

// msync and a write with O_DSYNC arrive at the filesystem as a write and a sync.
func TestPatterns_LostSyncOfSyncWriteIsFound(t *testing.T) {
	t.Parallel()
	o := run(t, faulty(t, "lose-synced:records=60,record-size=256", "close=2"), writePattern(pattern.SyncWrite)...)
	o.requireVerdict(t, judge.Fail)
	for _, class := range o.classes(t) {
		assert.Contains(t, []judge.Class{judge.LostTail, judge.LostGap, judge.RolledBack}, class)
	}
}

func TestPatterns_ReadNeedsThePattern(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	// A writer that is killed may leave the file that it was creating.
	run(t, folder, append(writePattern(pattern.Create), "--keep", "--graceful")...).requireVerdict(t, judge.Pass)
	output, err := exec.Command(programs.local, "read", folder).CombinedOutput()
	assert.Error(t, err)
	assert.Contains(t, string(output), "it is a folder, but the write pattern append needs a file")
	output, err = exec.Command(programs.local, "read", folder, "--write-pattern=create", "-ojson").Output()
	require.NoError(t, err)
	var found []local.Found
	require.NoError(t, json.Unmarshal(output, &found))
	require.Len(t, found, 1)
	require.NotNil(t, found[0].Scan.Objects)
	assert.NotEmpty(t, found[0].Scan.Objects.Current)
	assert.Empty(t, found[0].Scan.Objects.Damage)
}

func TestPatterns_DamageOfAFileIsFound(t *testing.T) {
	t.Parallel()
	const first = `cd "$VOLUME_DURABILITY_JOURNAL" && set -- file-* && `
	missing, corrupt, torn := []judge.Class{judge.Missing}, []judge.Class{judge.Corrupt}, []judge.Class{judge.Torn}
	misdirected, resurrected := []judge.Class{judge.Misdirected}, []judge.Class{judge.Resurrected}
	for _, c := range []struct {
		name    string
		pattern pattern.Name
		between string
		want    []judge.Class
	}{
		{"the file is lost", pattern.Replace, first + "rm $1", missing},
		{"the file is empty", pattern.Replace, first + ": >$1", missing},
		{"the name leads to the content of another file", pattern.Replace, first + "cp $1 $2", misdirected},
		{"only a part of the file is there", pattern.Replace, first + "truncate -s 100 $1", torn},
		{"the file is lost", pattern.Create, first + "rm $1", missing},
		{"the file has only zeros", pattern.Create, first + "truncate -s 0 $1; truncate -s 256 $1", corrupt},
		{"the file is lost", pattern.Remove, first + "rm ${10}", missing},
		{"a removed file is back", pattern.Remove, first + "cp $1 file-00001-000000000001", resurrected},
		{"a renamed file is back", pattern.Recycle, first + "cp $1 file-00001-000000000001", resurrected},
		{"the file is overwritten in part", pattern.Recycle, first + "printf old | dd of=$1 conv=notrunc", corrupt},
		{"the folder is lost", pattern.Create, `rm -r "$VOLUME_DURABILITY_JOURNAL"`, missing},
	} {
		t.Run(string(c.pattern)+", "+c.name, func(t *testing.T) {
			t.Parallel()
			o := run(t, t.TempDir(), append(writePattern(c.pattern), "--write-rate=500", "--between", c.between)...)
			o.requireVerdict(t, judge.Fail)
			for _, class := range o.classes(t) {
				assert.Contains(t, c.want, class)
			}
		})
	}
}

// The acknowledgements name the pattern, so neither verify nor local read needs a flag for it.
func TestPatterns_AcknowledgementsNameThePattern(t *testing.T) {
	t.Parallel()
	for _, name := range pattern.Names() {
		t.Run(string(name), func(t *testing.T) {
			t.Parallel()
			folder, acks := t.TempDir(), filepath.Join(t.TempDir(), "acks")
			output, err := exec.Command(programs.local, append([]string{"write", folder, "--acks", acks, "--duration=1s"},
				writePattern(name)...)...).CombinedOutput()
			require.NoError(t, err, string(output))
			file, err := os.Open(acks)
			require.NoError(t, err)
			journal, _, err := protocol.ReadAcks(file)
			require.NoError(t, errors.Join(err, file.Close()))
			assert.Equal(t, terminal.ExitOK, verify(t, journal.Path, acks))

			output, err = exec.Command(programs.local, "read", folder, "--acks", acks, "-ojson").Output()
			require.NoError(t, err)
			var found []local.Found
			require.NoError(t, json.Unmarshal(output, &found))
			require.Len(t, found, 1)
			assert.Equal(t, journal.Path, found[0].Path)
			assert.Equal(t, name.HasObjects(), found[0].Scan.Objects != nil)
			assert.NotZero(t, found[0].Scan.Records)

			require.NoError(t, os.RemoveAll(journal.Path))
			assert.Equal(t, terminal.ExitFail, verify(t, journal.Path, acks))
		})
	}
}

func TestPatterns_ReadRejectsAFlagThatTheAcknowledgementsReplace(t *testing.T) {
	t.Parallel()
	output, err := exec.Command(programs.local, "read", t.TempDir(), "--acks=-", "--write-pattern=create").CombinedOutput()
	assert.Error(t, err)
	assert.Contains(t, string(output), "--acks and --write-pattern exclude each other")
}
