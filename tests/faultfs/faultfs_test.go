package faultfs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/volume-durability/volume-durability/tests/faultfs/event"
	"github.com/volume-durability/volume-durability/tests/faultfs/extent"
	"github.com/volume-durability/volume-durability/tests/faultfs/fault"
)

// patience is how long a test waits for an event. Only a failing test waits that long.
const patience = 20 * time.Second

// mounted is a mounted filesystem under test.
type mounted struct {
	t          *testing.T
	volume     *Volume
	dir, point string
	mu         sync.Mutex
	events     []event.Event
}

// mount mounts a filesystem with a fault over an empty directory, which prepare
// may fill first.
func mount(t *testing.T, description, at string, prepare ...func(dir string)) *mounted {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounting a filesystem takes root")
	}
	_, err := os.Stat("/dev/fuse")
	require.NoError(t, err, "mounting a FUSE filesystem takes /dev/fuse (modprobe fuse)")
	spec, err := fault.Parse(description, at)
	require.NoError(t, err)
	m := &mounted{t: t, dir: t.TempDir(), point: t.TempDir()}
	for _, fill := range prepare {
		fill(m.dir)
	}
	m.volume, err = Mount(Options{Dir: m.dir, Mountpoint: m.point, File: targetFile(t), Fault: spec, Report: m.record})
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		assert.NoError(t, m.volume.Close(ctx))
		assert.False(t, isMounted(t, m.point), "a mount is left behind")
	})
	return m
}

// targetFile is the file of the fault: a pattern or a folder in tests with that name.
func targetFile(t *testing.T) string {
	if strings.HasPrefix(t.Name(), "TestEntries_") {
		return "folder"
	}
	if strings.HasPrefix(t.Name(), "TestPattern_") {
		return "run-*/logs.log"
	}
	return "logs.log"
}

func TestPattern_FirstMatchIsTheTarget(t *testing.T) {
	m := mount(t, "truncate:size=3", "close")
	require.NoError(t, os.WriteFile(filepath.Join(m.point, "logs.log"), []byte("unharmed"), 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(m.point, "run-1"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(m.point, "run-1", "logs.log"), []byte("harmed"), 0o600))
	for file, want := range map[string]string{"logs.log": "unharmed", "run-1/logs.log": "har"} {
		content, err := os.ReadFile(filepath.Join(m.dir, file))
		require.NoError(t, err)
		assert.Equal(t, want, string(content), file)
	}
}

func isMounted(t *testing.T, point string) bool {
	table, err := os.ReadFile("/proc/self/mountinfo")
	require.NoError(t, err)
	return strings.Contains(string(table), " "+point+" ")
}

func (m *mounted) record(e event.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.events = append(m.events, e)
}

// all returns the events of a kind so far. The events that a close or a sync causes are
// reported before it returns, so there is no need to wait.
func (m *mounted) all(kind event.Kind) []event.Event {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []event.Event
	for _, e := range m.events {
		if e.Kind == kind {
			found = append(found, e)
		}
	}
	return found
}

// the returns the only event of a kind.
func (m *mounted) the(kind event.Kind) event.Event {
	m.t.Helper()
	found := m.all(kind)
	require.Len(m.t, found, 1, "events %s; errors: %v", kind, m.all(event.Error))
	return found[0]
}

func (m *mounted) path() string { return filepath.Join(m.point, "logs.log") }

// read returns the target's content when it is opened again. It must be equal to the
// content in the directory.
func (m *mounted) read() []byte {
	m.t.Helper()
	content, err := os.ReadFile(m.path())
	require.NoError(m.t, err)
	beneath, err := os.ReadFile(filepath.Join(m.dir, "logs.log"))
	require.NoError(m.t, err)
	require.True(m.t, bytes.Equal(beneath, content), "the mount shows what is in the directory")
	return content
}

// writer writes to the target as the product's writer does: it appends, and syncs
// data only.
type writer struct {
	*os.File
	m *mounted
	// written is everything that the file held.
	written []byte
}

func (m *mounted) opens() *writer {
	m.t.Helper()
	f, err := os.OpenFile(m.path(), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	require.NoError(m.t, err)
	m.t.Cleanup(func() { _ = f.Close() })
	return &writer{File: f, m: m}
}

// appends writes so many bytes, none of them zero.
func (w *writer) appends(n int) {
	w.m.t.Helper()
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(1 + rand.IntN(255))
	}
	_, err := w.Write(data)
	require.NoError(w.m.t, err)
	w.written = append(w.written, data...)
}

func (w *writer) sync() error { return unix.Fdatasync(int(w.Fd())) }

func (w *writer) syncs() {
	w.m.t.Helper()
	require.NoError(w.m.t, w.sync())
}

func (w *writer) closes() {
	w.m.t.Helper()
	require.NoError(w.m.t, w.Close())
}

// requireExact compares an event's ranges with the bytes that really differ.
func requireExact(t *testing.T, before, after []byte, e event.Event) {
	t.Helper()
	var different extent.Set
	for i := range before {
		if i >= len(after) || before[i] != after[i] {
			different.Add(extent.Range{Offset: int64(i), Length: 1})
		}
	}
	require.Equal(t, append([]extent.Range{}, different.Ranges()...), e.Ranges)
	require.Equal(t, int64(len(before)), e.SizeBefore)
	require.Equal(t, int64(len(after)), e.SizeAfter)
}

// requireSame compares contents. A failure shows only the first difference.
func requireSame(t *testing.T, want, got []byte) {
	t.Helper()
	first := 0
	for first < min(len(want), len(got)) && want[first] == got[first] {
		first++
	}
	require.True(t, bytes.Equal(want, got), "want %d bytes, got %d; they differ from %d on", len(want), len(got), first)
}

func zeroed(content []byte, page int) []byte {
	return with(content, page, make([]byte, fault.PageSize))
}

// with is a content with another page.
func with(content []byte, page int, data []byte) []byte {
	changed := bytes.Clone(content)
	copy(changed[page*fault.PageSize:], data)
	return changed
}

func page(content []byte, n int) []byte { return content[n*fault.PageSize:][:fault.PageSize] }

func TestDamage_IsDoneWhenTheWriterHasClosed(t *testing.T) {
	const synced, unsynced = 10*fault.PageSize + 100, 300
	foreign := filepath.Join(t.TempDir(), "foreign")
	require.NoError(t, os.WriteFile(foreign, []byte("another content"), 0o600))
	flipped := func(at int, bit byte) func([]byte) []byte {
		return func(was []byte) []byte {
			changed := bytes.Clone(was)
			changed[(at+len(was))%len(was)] ^= 1 << bit
			return changed
		}
	}
	for description, expected := range map[string]func(was []byte) []byte{
		"lose-unsynced":                        func(was []byte) []byte { return was[:synced] },
		"lose-synced:last-bytes=1000":          func(was []byte) []byte { return was[:synced-1000] },
		"lose-synced:records=3,record-size=50": func(was []byte) []byte { return was[:synced-150] },
		"lose-synced:age=1h":                   func([]byte) []byte { return []byte{} },
		"torn-write:keep=7":                    func(was []byte) []byte { return was[:synced+7] },
		"torn-write:keep=-1":                   func(was []byte) []byte { return was[:synced+unsynced-1] },
		"bit-flip:offset=5000,bit=7":           flipped(5000, 7),
		"bit-flip:offset=-1,bit=0":             flipped(-1, 0),
		"zero-page:page=3":                     func(was []byte) []byte { return zeroed(was, 3) },
		"zero-page:page=-1":                    func(was []byte) []byte { return zeroed(was, 9) },
		"misdirected-page:page=2,to=5":         func(was []byte) []byte { return zeroed(with(was, 5, page(was, 2)), 2) },
		"misdirected-page:page=5,to=2":         func(was []byte) []byte { return zeroed(with(was, 2, page(was, 5)), 5) },
		"swap-pages:page=0,to=-1": func(was []byte) []byte {
			return with(with(was, 0, page(was, 9)), 9, page(was, 0))
		},
		"duplicate-page:page=4,to=6":   func(was []byte) []byte { return with(was, 6, page(was, 4)) },
		"truncate:size=5000":           func(was []byte) []byte { return was[:5000] },
		"truncate:size=-1":             func(was []byte) []byte { return was[:len(was)-1] },
		"truncate:size=0":              func([]byte) []byte { return []byte{} },
		"foreign-file:with=" + foreign: func([]byte) []byte { return []byte("another content") },
	} {
		t.Run(description, func(t *testing.T) {
			m := mount(t, description, "close")
			require.NoError(t, os.WriteFile(filepath.Join(m.point, "bystander"), []byte("untouched"), 0o600))
			w := m.opens()
			w.appends(synced)
			w.syncs()
			w.appends(unsynced)
			require.Empty(t, m.all(event.Fault), "the fault took effect before its moment")
			w.closes()
			e := m.the(event.Fault)
			after := m.read()
			requireSame(t, expected(w.written), after)
			requireExact(t, w.written, after, e)
			require.Equal(t, int64(synced), e.SyncedBytes)
			bystander, err := os.ReadFile(filepath.Join(m.point, "bystander"))
			require.NoError(t, err)
			require.Equal(t, "untouched", string(bystander))
		})
	}
}

func TestLoseUnsynced_RestoresOverwrittenData(t *testing.T) {
	for _, description := range []string{"lose-unsynced", "lose-synced:last-bytes=100"} {
		t.Run(description, func(t *testing.T) {
			m := mount(t, description, "command")
			w := m.opens()
			w.appends(5000)
			w.syncs()
			plain, err := os.OpenFile(m.path(), os.O_RDWR, 0)
			require.NoError(t, err)
			defer plain.Close()
			_, err = plain.WriteAt([]byte("overwritten"), 1000)
			require.NoError(t, err)
			require.NoError(t, plain.Truncate(4000))
			require.NoError(t, plain.Truncate(6000))
			before := m.read()
			m.volume.Command("now")
			left := w.written
			if description != "lose-unsynced" {
				left = left[:4900]
			}
			requireSame(t, left, m.read())
			requireExact(t, before, m.read(), m.the(event.Fault))
		})
	}
}

// TestLoseSynced_UndoesOnlyRecentWrites waits until its first write is older than the age of the fault. The
// writes after it take far less time than that age, so the fault undoes only them.
func TestLoseSynced_UndoesOnlyRecentWrites(t *testing.T) {
	const age = 3 * time.Second
	m := mount(t, "lose-synced:age="+age.String(), "close")
	w := m.opens()
	w.appends(1000)
	w.syncs()
	written := time.Now()
	require.Eventually(t, func() bool { return time.Since(written) > age }, patience, time.Millisecond)
	old := len(w.written)
	w.appends(500)
	w.syncs()
	w.appends(20)
	w.closes()
	requireSame(t, w.written[:old], m.read())
	requireExact(t, w.written, m.read(), m.the(event.Fault))
}

func TestMoment_TriggersTheFault(t *testing.T) {
	t.Run("close=2", func(t *testing.T) {
		m := mount(t, "lose-file", "close=2")
		for range 2 {
			require.Empty(t, m.all(event.Fault))
			w := m.opens()
			w.appends(10)
			w.closes()
		}
		m.the(event.Fault)
	})
	t.Run("the last of two handles", func(t *testing.T) {
		m := mount(t, "lose-file", "close")
		one, two := m.opens(), m.opens()
		one.appends(10)
		two.appends(10)
		one.closes()
		require.Empty(t, m.all(event.Fault), "another one is open")
		one = m.opens()
		two.closes()
		m.the(event.Fault)
		one.closes()
	})
	t.Run("a reader does not count", func(t *testing.T) {
		m := mount(t, "lose-file", "close")
		w := m.opens()
		w.appends(10)
		m.read()
		require.Empty(t, m.all(event.Fault))
		w.closes()
		m.the(event.Fault)
	})
	t.Run("a copy of a handle", func(t *testing.T) {
		m := mount(t, "lose-file", "close=2")
		w := m.opens()
		copied, err := unix.Dup(int(w.Fd()))
		require.NoError(t, err)
		require.NoError(t, unix.Close(copied))
		w.appends(10)
		w.closes()
		require.Empty(t, m.all(event.Fault), "a copy that is closed before anything is written does not count")
	})
	t.Run("sync=2", func(t *testing.T) {
		m := mount(t, "truncate:size=0", "sync=2")
		w := m.opens()
		w.appends(10)
		w.syncs()
		require.Empty(t, m.all(event.Fault))
		w.appends(10)
		w.syncs()
		require.Equal(t, int64(20), m.the(event.Fault).SyncedBytes)
	})
	t.Run("bytes", func(t *testing.T) {
		m := mount(t, "truncate:size=0", "bytes=15")
		w := m.opens()
		w.appends(10)
		w.syncs()
		w.appends(10)
		require.Empty(t, m.all(event.Fault), "written is not synced")
		w.syncs()
		m.the(event.Fault)
	})
	t.Run("a truncated part is not synced", func(t *testing.T) {
		m := mount(t, "lose-file", "command")
		w := m.opens()
		w.appends(100)
		w.syncs()
		require.NoError(t, w.Truncate(40))
		m.volume.Command("now")
		require.Equal(t, int64(40), m.the(event.Fault).SyncedBytes)
	})
	t.Run("mount", func(t *testing.T) {
		m := mount(t, "truncate:size=3", "mount", func(dir string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "logs.log"), []byte("content"), 0o600))
		})
		require.Equal(t, "con", string(m.read()))
		require.Equal(t, int64(7), m.the(event.Fault).SyncedBytes)
	})
}

func TestDamage_ReportsAnErrorIfItIsImpossible(t *testing.T) {
	for _, description := range []string{
		"bit-flip:offset=5000,bit=0", "bit-flip:offset=-5001,bit=0", "zero-page:page=1", "zero-page:page=-2",
		"swap-pages:page=0,to=1", "truncate:size=5001", "lose-synced:last-bytes=5001", "torn-write:keep=5000",
		"read-error:page=1", "roll-back:snapshot=command",
	} {
		t.Run(description, func(t *testing.T) {
			m := mount(t, description, "close")
			w := m.opens()
			w.appends(5000)
			w.syncs()
			w.closes()
			requireSame(t, w.written, m.read())
			require.Contains(t, m.the(event.Error).Detail, "nothing was damaged")
			require.NotContains(t, m.the(event.Error).Detail, "partly changed")
			require.Empty(t, m.all(event.Fault))
		})
	}
	t.Run("there is no file", func(t *testing.T) {
		m := mount(t, "truncate:size=0", "mount")
		require.Contains(t, m.the(event.Error).Detail, "nothing was damaged")
	})
	t.Run("commands", func(t *testing.T) {
		m := mount(t, "lose-unsynced", "command")
		for i, line := range []string{"explode", "heal", "snapshot"} {
			m.volume.Command(line)
			require.Len(t, m.all(event.Error), i+1)
		}
	})
}

func TestLoseFile_RemovesTheFile(t *testing.T) {
	m := mount(t, "lose-file", "close")
	w := m.opens()
	w.appends(100)
	w.closes()
	_, err := os.Stat(m.path())
	require.ErrorIs(t, err, os.ErrNotExist)
	requireExact(t, w.written, nil, m.the(event.Fault))
	again := m.opens()
	again.appends(10)
	again.closes()
	requireSame(t, again.written, m.read())
}

func TestLoseFile_IgnoresHandlesOfTheLostFile(t *testing.T) {
	m := mount(t, "lose-file", "command")
	w := m.opens()
	w.appends(100)
	m.volume.Command("now")
	m.the(event.Fault)
	w.appends(10)
	w.syncs()
	require.Zero(t, m.syncs())
}

func TestEmptyDirectory_RemovesEverything(t *testing.T) {
	m := mount(t, "empty-directory", "close")
	require.NoError(t, os.MkdirAll(filepath.Join(m.point, "a", "b"), 0o755))
	w := m.opens()
	w.appends(100)
	w.closes()
	requireExact(t, w.written, nil, m.the(event.Fault))
	entries, err := os.ReadDir(m.point)
	require.NoError(t, err)
	require.Empty(t, entries)
}

func TestRollBack_RestoresTheSnapshot(t *testing.T) {
	for snapshot, taken := range map[string]func(*mounted){
		"sync:1": func(*mounted) {}, "bytes:100": func(*mounted) {},
		"command": func(m *mounted) { m.volume.Command("snapshot") },
	} {
		t.Run(snapshot, func(t *testing.T) {
			m := mount(t, "roll-back:snapshot="+snapshot, "close")
			require.NoError(t, os.Mkdir(filepath.Join(m.point, "folder"), 0o710))
			require.NoError(t, os.WriteFile(filepath.Join(m.point, "folder", "old"), []byte("old"), 0o640))
			require.NoError(t, os.Symlink("old", filepath.Join(m.point, "folder", "link")))
			w := m.opens()
			w.appends(100)
			w.syncs()
			taken(m)
			old := bytes.Clone(w.written)
			require.Equal(t, int64(100), m.the(event.Snapshot).SizeAfter)
			w.appends(100)
			w.syncs()
			plain, err := os.OpenFile(m.path(), os.O_WRONLY, 0)
			require.NoError(t, err)
			_, err = plain.WriteAt([]byte{0, 0}, 10)
			require.NoError(t, err)
			copy(w.written[10:], []byte{0, 0})
			require.NoError(t, os.Remove(filepath.Join(m.point, "folder", "old")))
			require.NoError(t, os.WriteFile(filepath.Join(m.point, "new"), nil, 0o600))
			require.NoError(t, os.Chmod(filepath.Join(m.point, "folder"), 0o777))
			w.closes()
			require.NoError(t, plain.Close())

			requireSame(t, old, m.read())
			requireExact(t, w.written, old, m.the(event.Fault))
			require.NoFileExists(t, filepath.Join(m.point, "new"))
			content, err := os.ReadFile(filepath.Join(m.point, "folder", "link"))
			require.NoError(t, err)
			require.Equal(t, "old", string(content))
			info, err := os.Stat(filepath.Join(m.point, "folder"))
			require.NoError(t, err)
			require.Equal(t, os.FileMode(0o710), info.Mode().Perm())
		})
	}
}

func TestReadOnly_RejectsEveryChange(t *testing.T) {
	m := mount(t, "read-only", "command")
	w := m.opens()
	w.appends(100)
	w.syncs()
	m.volume.Command("now")
	m.the(event.Fault)
	_, errWrite := w.Write([]byte("more"))
	_, errOpen := os.OpenFile(m.path(), os.O_WRONLY, 0)
	folder, created := filepath.Join(m.point, "new"), filepath.Join(m.point, "created")
	for what, err := range map[string]error{
		"write": errWrite, "open": errOpen, "truncate": w.Truncate(1), "remove": os.Remove(m.path()),
		"mkdir": os.Mkdir(folder, 0o755), "create": os.WriteFile(created, nil, 0o600),
		"rename": os.Rename(m.path(), m.path()+"2"), "chmod": os.Chmod(m.path(), 0o600),
		"link": os.Link(m.path(), m.path()+"2"), "symlink": os.Symlink("x", m.path()+"2"),
		"allocate":  unix.Fallocate(int(w.Fd()), 0, 0, 1000),
		"attribute": unix.Setxattr(m.path(), "user.a", []byte("b"), 0),
	} {
		require.ErrorIs(t, err, unix.EROFS, what)
	}
	requireSame(t, w.written, m.read())
	m.volume.Command("heal")
	m.the(event.Healed)
	w.appends(10)
	requireSame(t, w.written, m.read())
}

func TestNoSpace_RejectsWhatNeedsSpace(t *testing.T) {
	m := mount(t, "no-space", "command")
	w := m.opens()
	w.appends(100)
	m.volume.Command("now")
	_, errWrite := w.Write([]byte("more"))
	for what, err := range map[string]error{
		"write": errWrite, "allocate": unix.Fallocate(int(w.Fd()), 0, 0, 1000),
		"mkdir":  os.Mkdir(filepath.Join(m.point, "new"), 0o755),
		"create": os.WriteFile(filepath.Join(m.point, "new"), nil, 0o600),
	} {
		require.ErrorIs(t, err, unix.ENOSPC, what)
	}
	requireSame(t, w.written, m.read())
	var free unix.Statfs_t
	require.NoError(t, unix.Statfs(m.point, &free))
	require.Zero(t, free.Bavail)
	plain, err := os.OpenFile(m.path(), os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = plain.WriteAt([]byte("over"), 0)
	require.NoError(t, err, "existing data can be overwritten")
	require.NoError(t, plain.Close())
	m.volume.Command("heal")
	_, err = w.Write([]byte("more"))
	require.NoError(t, err)
}

func TestReadError_FailsReadsOfThePage(t *testing.T) {
	m := mount(t, "read-error:page=-2", "close")
	w := m.opens()
	w.appends(4*fault.PageSize + 10)
	w.closes()
	bad := extent.Range{Offset: 2 * fault.PageSize, Length: fault.PageSize}
	require.Equal(t, []extent.Range{bad}, m.the(event.Fault).Ranges)

	f, err := os.Open(m.path())
	require.NoError(t, err)
	defer f.Close()
	for at := int64(0); at < int64(len(w.written)); at += 1024 {
		buf := make([]byte, 1)
		_, err := f.ReadAt(buf, at)
		if bad.Overlaps(extent.Range{Offset: at, Length: 1}) {
			require.ErrorIs(t, err, unix.EIO, at)
			continue
		}
		require.NoError(t, err, at)
		require.Equal(t, w.written[at], buf[0])
	}
	readable := make([]byte, len(w.written))
	n, err := f.ReadAt(readable, 0)
	require.ErrorIs(t, err, unix.EIO)
	requireSame(t, w.written[:bad.Offset], readable[:n])
	m.volume.Command("heal")
	requireSame(t, w.written, m.read())
}

func TestSyncError_FailsOneSync(t *testing.T) {
	for drop, expected := range map[bool]func(was []byte) []byte{
		true: func(was []byte) []byte {
			left := bytes.Clone(was)
			clear(left[100:150])
			return left
		},
		false: func(was []byte) []byte { return was },
	} {
		t.Run(fmt.Sprintf("drop=%t", drop), func(t *testing.T) {
			m := mount(t, fmt.Sprintf("sync-error:drop=%t", drop), "sync=1")
			w := m.opens()
			w.appends(100)
			w.syncs()
			m.the(event.Fault)
			w.appends(50)
			require.ErrorIs(t, w.sync(), unix.EIO)
			require.Equal(t, []extent.Range{{Offset: 100, Length: 50}}, m.the(event.SyncFailed).Ranges)
			w.syncs()
			w.appends(30)
			w.syncs()
			requireSame(t, w.written, m.read())
			w.closes()
			requireSame(t, expected(w.written), m.read())
			if drop {
				requireExact(t, w.written, m.read(), m.the(event.Dropped))
				require.Equal(t, int64(180), m.the(event.Dropped).SyncedBytes)
			} else {
				require.Empty(t, m.all(event.Dropped))
			}
		})
	}
}

func TestSyncError_KeepsDataThatWasWrittenAgain(t *testing.T) {
	m := mount(t, "sync-error", "mount")
	w := m.opens()
	w.appends(100)
	require.ErrorIs(t, w.sync(), unix.EIO)
	plain, err := os.OpenFile(m.path(), os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = plain.WriteAt(w.written[:60], 0)
	require.NoError(t, err)
	w.syncs()
	require.NoError(t, plain.Close())
	w.closes()
	requireSame(t, w.written[:60], m.read())
	requireExact(t, w.written, m.read(), m.the(event.Dropped))
}

func TestSyncError_KeepsATruncation(t *testing.T) {
	m := mount(t, "sync-error", "sync=1")
	w := m.opens()
	w.appends(50)
	w.syncs()
	w.appends(50)
	require.ErrorIs(t, w.sync(), unix.EIO)
	require.NoError(t, w.Truncate(20))
	w.closes()
	requireSame(t, w.written[:20], m.read())
}

func TestUnmount_IsDoneWhenTheWriterHasClosed(t *testing.T) {
	m := mount(t, "unmount", "close")
	require.NoError(t, os.WriteFile(filepath.Join(m.dir, "beneath"), nil, 0o600))
	w := m.opens()
	w.appends(100)
	reader, err := os.Open(m.path())
	require.NoError(t, err)
	w.closes()
	m.the(event.Fault)
	require.False(t, isMounted(t, m.point))
	require.NoFileExists(t, m.path(), "a new open reaches the directory beneath")
	content := make([]byte, 100)
	_, err = reader.Read(content)
	require.NoError(t, err)
	requireSame(t, w.written, content)
	require.NoError(t, reader.Close())
}

func TestDamage_IsVisibleToAnOpenReader(t *testing.T) {
	m := mount(t, "bit-flip:offset=0,bit=0", "close")
	w := m.opens()
	w.appends(100)
	reader, err := os.Open(m.path())
	require.NoError(t, err)
	defer reader.Close()
	buf := make([]byte, 1)
	_, err = reader.ReadAt(buf, 0)
	require.NoError(t, err)
	require.Equal(t, w.written[0], buf[0])
	w.closes()
	_, err = reader.ReadAt(buf, 0)
	require.NoError(t, err)
	require.Equal(t, w.written[0]^1, buf[0])
}

func TestMount_SupportsDirectAccessAndAppending(t *testing.T) {
	m := mount(t, "", "close")
	f, err := os.OpenFile(m.path(), os.O_RDWR|os.O_CREATE|os.O_APPEND|unix.O_DIRECT, 0o644)
	require.NoError(t, err)
	defer f.Close()
	w := &writer{File: f, m: m}
	w.appends(fault.PageSize)
	w.appends(fault.PageSize)
	w.appends(100) // the kernel requires no alignment
	w.syncs()
	requireSame(t, w.written, m.read())
	buf := make([]byte, fault.PageSize)
	_, err = f.ReadAt(buf, fault.PageSize)
	require.NoError(t, err)
	requireSame(t, page(w.written, 1), buf)
}

func TestTarget_IsTheFileThatNowHasTheName(t *testing.T) {
	m := mount(t, "lose-unsynced", "command")
	old := m.opens()
	old.appends(100)
	require.NoError(t, os.WriteFile(filepath.Join(m.point, "new"), []byte("renamed"), 0o600))
	require.NoError(t, os.Rename(filepath.Join(m.point, "new"), m.path()))
	old.appends(100)
	m.volume.Command("now")
	require.Equal(t, "renamed", string(m.read()))
	require.Empty(t, m.the(event.Fault).Ranges)
}

func TestMount_ReportsMistakesBeforeMounting(t *testing.T) {
	dir := t.TempDir()
	below := filepath.Join(dir, "below")
	require.NoError(t, os.Mkdir(below, 0o755))
	for _, o := range []Options{
		{Dir: dir, Mountpoint: dir}, {Dir: dir, Mountpoint: below}, {Dir: below, Mountpoint: dir},
	} {
		o.File = "logs.log"
		_, err := Mount(o)
		assert.ErrorContains(t, err, "neither contains nor hides")
	}
	_, err := Mount(Options{Dir: "/none", Mountpoint: "/nowhere", File: "../x"})
	for _, want := range []string{`"/none"`, `"/nowhere"`, `"../x"`} {
		assert.ErrorContains(t, err, want)
	}
}

func TestControl_ReadsCommands(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control")
	control, err := NewControl(path)
	require.NoError(t, err)
	_, err = NewControl(path)
	require.ErrorIs(t, err, os.ErrExist)
	lines := make(chan string)
	control.Listen(func(line string) { lines <- line })
	for _, line := range []string{"now", "heal"} {
		require.NoError(t, os.WriteFile(path, []byte(line+"\n"), 0o600))
		select {
		case got := <-lines:
			require.Equal(t, line, got)
		case <-time.After(patience):
			require.Fail(t, "the line does not arrive")
		}
	}
	require.NoError(t, control.Close())
	_, err = os.Lstat(path)
	require.True(t, errors.Is(err, os.ErrNotExist))
}
