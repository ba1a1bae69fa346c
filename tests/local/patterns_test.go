package local_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/pattern"
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

func TestPatterns_FaultOfTheFilesystemIsFound(t *testing.T) {
	t.Parallel()
	for _, name := range []pattern.Name{pattern.Overwrite, pattern.Map} {
		for fault, want := range map[string][]judge.Class{
			"bit-flip:offset=1000,bit=3":   {judge.Corrupt},
			"zero-page:page=1":             {judge.Missing},
			"misdirected-page:page=1,to=0": {judge.Missing, judge.Misdirected},
			"swap-pages:page=0,to=1":       {judge.Misdirected},
			"duplicate-page:page=1,to=0":   {judge.Misdirected},
			"truncate:size=4096":           {judge.Missing},
			"lose-file":                    {judge.Missing},
			"lose-synced:age=200ms":        {judge.Stale, judge.RolledBack, judge.Missing},
			"roll-back:snapshot=sync:30":   {judge.Stale, judge.RolledBack, judge.Missing},
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
