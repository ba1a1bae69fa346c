package replay

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/pattern"
	"github.com/volume-durability/volume-durability/pkg/pattern/files"
	"github.com/volume-durability/volume-durability/pkg/pattern/objects"
	"github.com/volume-durability/volume-durability/pkg/pattern/slots"
	"github.com/volume-durability/volume-durability/pkg/volume"
	"github.com/volume-durability/volume-durability/tests/loopdevice"
)

var (
	records = flag.Int("records", 40, "number of records of each pattern, each with its own sync")
	cuts    = flag.Int("cuts", 10, "number of moments for each filesystem and pattern; 0 for all")
)

// filesystem is a filesystem of the Linux kernel.
type filesystem struct {
	name    string
	mkfs    []string
	size    int64 // in bytes
	options string
}

func filesystems() []filesystem {
	return []filesystem{
		{name: "ext4", mkfs: []string{"mkfs.ext4", "-q"}, size: 32 << 20},
		{name: "xfs", mkfs: []string{"mkfs.xfs", "-q"}, size: 320 << 20},
		{name: "btrfs", mkfs: []string{"mkfs.btrfs", "-q"}, size: 128 << 20},
	}
}

func patterns() []pattern.Layout {
	return []pattern.Layout{
		{Pattern: pattern.Append},
		{Pattern: pattern.Overwrite, Objects: 16}, {Pattern: pattern.Map, Objects: 16},
		{Pattern: pattern.Replace, Objects: 8}, {Pattern: pattern.Create}, {Pattern: pattern.Remove, Objects: 8},
	}
}

func TestReplay_NothingAcknowledgedIsLost(t *testing.T) {
	for _, fs := range filesystems() {
		for _, layout := range patterns() {
			t.Run(fmt.Sprint(fs.name, " ", layout.Pattern), func(t *testing.T) {
				t.Parallel()
				r := newRecording(t, fs, layout)
				moments := r.moments()
				for _, moment := range moments {
					for _, seed := range []uint64{0, rand.Uint64() | 1} {
						judgement := r.judge(t, moment, seed)
						require.Empty(t, judgement.Findings, "moment %+v, seed %d", moment, seed)
					}
				}
				t.Logf("%d power cuts at %d moments", 2*len(moments), len(moments))
			})
		}
	}
}

// Without barriers, a filesystem sends no flush at fdatasync. A disk with a cache then loses acknowledged records.
func TestReplay_FindsTheLossesOfAFilesystemWithoutBarriers(t *testing.T) {
	for _, fs := range []filesystem{
		{name: "ext4", mkfs: []string{"mkfs.ext4", "-q"}, size: 32 << 20, options: "nobarrier"},
		{name: "btrfs", mkfs: []string{"mkfs.btrfs", "-q"}, size: 128 << 20, options: "nobarrier"},
	} {
		t.Run(fs.name, func(t *testing.T) {
			t.Parallel()
			r := newRecording(t, fs, pattern.Layout{Pattern: pattern.Append})
			moments := r.moments()
			lost := 0
			for _, moment := range moments {
				if judgement := r.judge(t, moment, 0); len(judgement.Findings) > 0 {
					lost++
				}
			}
			assert.NotZero(t, lost)
			t.Logf("records were lost at %d of %d moments", lost, len(moments))
		})
	}
}

// recording is a disk to which records were written, and when each of them was acknowledged.
type recording struct {
	fs     filesystem
	disk   *Disk
	images *Images
	format journal.Format
	layout pattern.Layout
	acks   []acknowledgement
}

type acknowledgement struct {
	ledger.Ack
	at Position
}

// newRecording writes records to a new filesystem.
func newRecording(t *testing.T, fs filesystem, layout pattern.Layout) *recording {
	t.Helper()
	requireRoot(t)
	disk := NewDisk(fs.size)
	images, err := Serve(disk, t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, images.Close()) })
	makeFilesystem(t, fs, images.Disk())
	format := journal.Format{ID: journal.NewID(t.Name()), RecordSize: 256}
	r := &recording{fs: fs, disk: disk, images: images, layout: layout, format: format}
	mounted(t, fs, images.Disk(), func(folder string) { r.write(t, folder) })
	return r
}

func makeFilesystem(t *testing.T, fs filesystem, disk string) {
	t.Helper()
	if _, err := exec.LookPath(fs.mkfs[0]); err != nil {
		t.Skipf("needs %s (e2fsprogs, xfsprogs or btrfs-progs)", fs.mkfs[0])
	}
	device := attach(t, disk)
	output, err := exec.CommandContext(t.Context(), fs.mkfs[0], append(fs.mkfs[1:], device)...).CombinedOutput()
	require.NoError(t, err, string(output))
	require.NoError(t, loopdevice.Detach(device))
}

// write writes the records, each with its own sync, and notes when they were acknowledged.
func (r *recording) write(t *testing.T, folder string) {
	t.Helper()
	write, stop := r.writer(t, folder)
	for range *records {
		last, err := write()
		require.NoError(t, err)
		ack := ledger.Ack{Point: journal.Point{Epoch: 1, Seq: last.Seq}, Digest: last.Checksum}
		r.acks = append(r.acks, acknowledgement{ack, r.disk.Position()})
	}
	require.NoError(t, stop())
}

// writer returns a function that writes the next record and makes it durable.
func (r *recording) writer(t *testing.T, folder string) (write func() (journal.Record, error), stop func() error) {
	t.Helper()
	path := filepath.Join(folder, "logs.log")
	if !r.layout.Pattern.HasObjects() {
		file, err := volume.Create(path)
		require.NoError(t, err)
		w, err := journal.NewWriter(file, r.format, 1, 0, false)
		require.NoError(t, err)
		return func() (journal.Record, error) { return w.Commit(1, time.Now) }, file.Close
	}
	model, err := pattern.NewModel(r.format, r.layout)
	require.NoError(t, err)
	encoder, err := pattern.NewEncoder(r.format, model, 1)
	require.NoError(t, err)
	w := r.objectWriter(t, path, model)
	return func() (journal.Record, error) {
		operations, last := encoder.Next(1, time.Now)
		return last, w.Do(operations)
	}, w.Close
}

type objectWriter interface {
	Do([]pattern.Operation) error
	Close() error
}

func (r *recording) objectWriter(t *testing.T, path string, model pattern.Model) objectWriter {
	t.Helper()
	if r.layout.Pattern.IsFolder() {
		require.NoError(t, files.CreateFolder(path))
		return files.NewWriter(path, model)
	}
	size := model.Size(r.format.RecordSize)
	file, err := volume.CreateInPlace(path, size)
	require.NoError(t, err)
	if r.layout.Pattern != pattern.Map {
		return slots.NewWriter(file)
	}
	w, err := slots.NewMapWriter(file, size)
	require.NoError(t, err)
	return w
}

// moments returns the moments of power cuts: right after each flush and each acknowledgement, from the first
// acknowledgement on. If there are more than -cuts, it returns some of them.
func (r *recording) moments() []Position {
	all := r.disk.Flushes(r.acks[0].at)
	for _, ack := range r.acks {
		all = append(all, ack.at)
	}
	if *cuts > 0 && *cuts < len(all) {
		rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		all = all[:*cuts]
	}
	return slices.Clip(all)
}

// judge mounts the disk after a power cut, reads it and judges it against what was acknowledged before the cut.
func (r *recording) judge(t *testing.T, moment Position, seed uint64) judge.Judgement {
	t.Helper()
	image, remove := r.images.AfterPowerCut(t.Context(), r.disk.CutAt(moment, seed))
	defer remove()
	in := judge.Input{Layout: r.layout, Epochs: 1}
	for _, ack := range r.acks {
		if ack.at.Writes <= moment.Writes && ack.at.Flushes <= moment.Flushes {
			in.Acks = []ledger.Ack{ack.Ack}
		}
	}
	mounted(t, r.fs, image, func(folder string) {
		var err error
		in.Scan, err = r.scan(filepath.Join(folder, "logs.log"), in.Acks)
		require.NoError(t, err)
	})
	return judge.Judge(in)
}

func (r *recording) scan(path string, acks []ledger.Ack) (journal.ScanReport, error) {
	var points []journal.Point
	for _, ack := range acks {
		points = append(points, ack.Point)
	}
	if r.layout.Pattern.HasObjects() {
		model, err := pattern.NewModel(r.format, r.layout)
		if err != nil {
			return journal.ScanReport{}, err
		}
		report, _, err := objects.Scan(path, r.format, model, points)
		return absentIfMissing(report, r.format, err)
	}
	file, err := volume.OpenReader(path)
	if err != nil {
		return absentIfMissing(journal.ScanReport{}, r.format, err)
	}
	report, err := journal.Scan(file, r.format, points)
	return report, errors.Join(err, file.Close())
}

// absentIfMissing returns the report of a journal that does not exist.
func absentIfMissing(report journal.ScanReport, format journal.Format, err error) (journal.ScanReport, error) {
	if errors.Is(err, fs.ErrNotExist) {
		return journal.ScanReport{Format: format}, nil
	}
	return report, err
}

func requireRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root")
	}
	if _, err := os.Stat("/dev/fuse"); err != nil {
		t.Skip("the images need /dev/fuse")
	}
}

// mounted mounts an image while it calls use.
func mounted(t *testing.T, fs filesystem, image string, use func(folder string)) {
	t.Helper()
	device := attach(t, image)
	defer func() { require.NoError(t, loopdevice.Detach(device)) }()
	folder := t.TempDir()
	require.NoError(t, unix.Mount(device, folder, fs.name, 0, fs.options), "mounting %s", fs.name)
	defer func() { require.NoError(t, unix.Unmount(folder, 0)) }()
	use(folder)
}

func attach(t *testing.T, path string) (device string) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	defer file.Close()
	device, err = loopdevice.Attach(file)
	require.NoError(t, err)
	return device
}

func TestDisk_KeepsWhatWasFlushed(t *testing.T) {
	disk := NewDisk(4 * sectorSize)
	sector := func(b byte) []byte { return slices.Repeat([]byte{b}, sectorSize) }
	require.NoError(t, disk.Write(slices.Concat(sector(1), sector(2)), sectorSize))
	disk.Flush()
	require.NoError(t, disk.Write(sector(3), sectorSize))
	end := disk.Position()
	read := func(seed uint64) []byte {
		b := make([]byte, 4*sectorSize)
		(&cutImage{disk: disk, cut: disk.CutAt(end, seed)}).read(b, 0)
		return []byte{b[0], b[sectorSize], b[2*sectorSize], b[3*sectorSize]}
	}
	assert.Equal(t, []byte{0, 1, 2, 0}, read(0), "the write after the flush is lost")
	kept := map[byte]bool{}
	for seed := range uint64(64) {
		kept[read(seed + 1)[1]] = true
	}
	assert.Equal(t, map[byte]bool{1: true, 3: true}, kept, "the write after the flush may be kept")
	assert.Error(t, disk.Write(sector(1), 1))
	assert.Error(t, disk.Write(sector(1), 4*sectorSize))
}
