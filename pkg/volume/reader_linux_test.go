package volume

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/protocol"
)

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}

// sizes returns sizes around the boundaries of pages and requests.
func sizes() []int {
	var all []int
	for _, edge := range []int{0, pageSize, 3 * pageSize, requestSize, requestSize + pageSize, 2 * requestSize} {
		for _, n := range []int{-513, -1, 0, 1, 512} {
			all = append(all, max(0, edge+n))
		}
	}
	return all
}

func requireReadsBack(t *testing.T, dir string, content []byte) protocol.ReadMode {
	t.Helper()
	path := filepath.Join(dir, "logs.log")
	require.NoError(t, os.WriteFile(path, content, 0o600))
	r, err := OpenReader(path)
	require.NoError(t, err)
	read, err := io.ReadAll(r)
	require.NoError(t, err)
	require.True(t, bytes.Equal(content, read), "%d bytes, read %d", len(content), len(read))
	require.Empty(t, r.Unreadable())
	require.NoError(t, r.Close())
	return r.ReadMode()
}

func TestReader_ReadsAFile(t *testing.T) {
	mount, err := MountOf(filepath.Join(t.TempDir(), "logs.log"))
	require.NoError(t, err)
	for _, n := range sizes() {
		mode := requireReadsBack(t, t.TempDir(), randomBytes(n))
		if mount.FSType == "ext4" || mount.FSType == "xfs" {
			require.Equal(t, protocol.ReadDirect, mode)
		}
	}
}

func TestReader_ReadsAFileOnTmpfs(t *testing.T) {
	mount, err := MountOf("/dev/shm/file")
	if err != nil || mount.FSType != "tmpfs" {
		t.Skip("there is no tmpfs at /dev/shm")
	}
	dir, err := os.MkdirTemp("/dev/shm", "volume")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	for _, n := range sizes() {
		requireReadsBack(t, dir, randomBytes(n))
	}
}

// procfs refuses O_DIRECT, as tmpfs did up to Linux 6.5.
func TestReader_ReadsThroughTheCacheWithoutDirectIO(t *testing.T) {
	const path = "/proc/version"
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	r, err := OpenReader(path)
	require.NoError(t, err)
	defer r.Close()
	assert.Equal(t, protocol.ReadDropped, r.ReadMode())
	read, err := io.ReadAll(r)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(read))
}

func TestOpenReader_ReturnsAnErrorIfThereIsNoFile(t *testing.T) {
	_, err := OpenReader(filepath.Join(t.TempDir(), "logs.log"))
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

// brokenFile is a file in memory with unreadable pages.
type brokenFile struct {
	t       *testing.T
	content []byte
	bad     map[int64]error
	// failAfter is the number of reads that succeed; 0 for no limit.
	failAfter int
	// short is how many bytes too few a read of more than a page returns.
	short int
	mu    sync.Mutex // protects reads
	reads int
}

func (f *brokenFile) pread(b []byte, offset int64) (int, error) {
	f.mu.Lock()
	f.reads++
	failed := f.failAfter > 0 && f.reads > f.failAfter
	f.mu.Unlock()
	assert.Zero(f.t, offset%pageSize, "direct reads begin at a page")
	assert.Zero(f.t, len(b)%pageSize, "direct reads are whole pages")
	if failed {
		return 0, syscall.EIO
	}
	for at := offset; at < offset+int64(len(b)) && at < int64(len(f.content)); at += pageSize {
		if err := f.bad[at/pageSize]; err != nil {
			return 0, err
		}
	}
	n := copy(b, f.content[min(offset, int64(len(f.content))):])
	if n > pageSize {
		n = max(pageSize, n-f.short)
	}
	return n, nil
}

func (f *brokenFile) size() (int64, error) { return int64(len(f.content)), nil }
func (f *brokenFile) Close() error         { return nil }

// readBroken reads the file to its end, in pieces of odd sizes. It requires that reading ahead changes nothing.
func readBroken(f *brokenFile) ([]byte, []journal.Range, error) {
	content, unreadable, err := readAll(&Reader{source: f, buffer: make([]byte, 8*pageSize)})
	if f.failAfter > 0 {
		return content, unreadable, err // the number of reads decides what it returns
	}
	f.reads = 0
	buffer, mapErr := newBuffer(8 * pageSize)
	require.NoError(f.t, mapErr)
	r := &Reader{source: f, buffer: buffer, ahead: &readAhead{source: f}}
	contentAhead, unreadableAhead, errAhead := readAll(r)
	require.Equal(f.t, err, errAhead)
	require.Equal(f.t, unreadable, unreadableAhead)
	require.True(f.t, bytes.Equal(content, contentAhead), "%d bytes, read %d", len(content), len(contentAhead))
	require.NoError(f.t, r.Close())
	return content, unreadable, err
}

func readAll(r *Reader) ([]byte, []journal.Range, error) {
	var read bytes.Buffer
	_, err := io.CopyBuffer(struct{ io.Writer }{&read}, r, make([]byte, 1001))
	return read.Bytes(), r.Unreadable(), err
}

func TestReader_ReturnsZerosForUnreadablePages(t *testing.T) {
	whole := randomBytes(40*pageSize + 77)
	for _, c := range []struct {
		name string
		bad  []int64
		want []journal.Range
	}{
		{"none", nil, nil},
		{"the first", []int64{0}, []journal.Range{{Offset: 0, Length: 4096}}},
		{"one within", []int64{5}, []journal.Range{{Offset: 5 * 4096, Length: 4096}}},
		{"two side by side, in two requests", []int64{7, 8}, []journal.Range{{Offset: 7 * 4096, Length: 2 * 4096}}},
		{"two apart", []int64{1, 3}, []journal.Range{{Offset: 4096, Length: 4096}, {Offset: 3 * 4096, Length: 4096}}},
		{"the last, which is not whole", []int64{40}, []journal.Range{{Offset: 40 * 4096, Length: 77}}},
	} {
		for _, short := range []int{0, 1, 600, 4096} {
			t.Run(fmt.Sprintf("%s, reads short by %d", c.name, short), func(t *testing.T) {
				f := &brokenFile{t: t, content: whole, bad: map[int64]error{}, short: short}
				want := bytes.Clone(whole)
				for _, page := range c.bad {
					f.bad[page] = syscall.EIO
					clear(want[page*pageSize : min(int64(len(want)), (page+1)*pageSize)])
				}
				read, unreadable, err := readBroken(f)
				require.NoError(t, err)
				assert.True(t, bytes.Equal(want, read), "%d bytes, read %d", len(want), len(read))
				assert.Equal(t, c.want, unreadable)
			})
		}
	}
}

func TestReader_ReturnsZerosForRandomUnreadablePages(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 3))
	for round := range 200 {
		content := randomBytes(1 + random.IntN(60*pageSize))
		f := &brokenFile{t: t, content: content, bad: map[int64]error{}, short: random.IntN(pageSize)}
		pages := len(f.content)/pageSize + 1
		want := bytes.Clone(f.content)
		for range random.IntN(6) {
			page := 1 + random.IntN(pages) // with the first one, all may be bad
			f.bad[int64(page)] = syscall.EUCLEAN
			clear(want[min(len(want), page*pageSize):min(len(want), (page+1)*pageSize)])
		}
		read, unreadable, err := readBroken(f)
		require.NoError(t, err)
		require.True(t, bytes.Equal(want, read), "seed %d round %d: %v", seed, round, unreadable)
		for _, u := range unreadable {
			require.Equal(t, make([]byte, u.Length), read[u.Offset:u.Offset+u.Length], "seed %d round %d", seed, round)
		}
	}
}

func TestReader_SkipsDataErrorsOnly(t *testing.T) {
	whole := randomBytes(20 * pageSize)
	dataErrors := []error{
		syscall.EIO, syscall.EUCLEAN, syscall.EBADMSG, syscall.ENODATA, syscall.EREMOTEIO, syscall.EILSEQ,
		syscall.EPERM,
	}
	for _, dataError := range dataErrors {
		_, unreadable, err := readBroken(&brokenFile{t: t, content: whole, bad: map[int64]error{3: dataError}})
		require.NoError(t, err)
		assert.Len(t, unreadable, 1)
	}
	for _, gone := range []error{syscall.ESTALE, syscall.ENODEV, syscall.ENXIO, syscall.ENOTCONN, errors.New("another")} {
		_, unreadable, err := readBroken(&brokenFile{t: t, content: whole, bad: map[int64]error{13: gone}})
		require.ErrorIs(t, err, gone)
		assert.ErrorContains(t, err, "at offset 32768")
		assert.Empty(t, unreadable)
	}
}

func TestReader_GivesUpIfNothingCanBeRead(t *testing.T) {
	for _, pages := range []int{1, 3, 17, 5000} {
		f := &brokenFile{t: t, content: randomBytes(pages*pageSize - 5), bad: map[int64]error{}}
		for page := range pages {
			f.bad[int64(page)] = syscall.EIO
		}
		_, _, err := readBroken(f)
		require.ErrorIs(t, err, syscall.EIO)
		assert.ErrorContains(t, err, "nothing can be read")
		assert.LessOrEqual(t, f.reads, 20)
	}
}

func TestReader_ReadsOnThroughTheCacheAfterADirectReadWasRejected(t *testing.T) {
	content := randomBytes(40*pageSize + 77)
	for _, rejected := range []int64{0, 13, 40} {
		r := &Reader{
			source: &brokenFile{t: t, content: content, bad: map[int64]error{rejected: syscall.EINVAL}},
			openCached: func() (source, protocol.ReadMode, error) {
				return &brokenFile{t: t, content: content}, protocol.ReadDropped, nil
			},
			readMode: protocol.ReadDirect, buffer: make([]byte, 8*pageSize),
		}
		read, err := io.ReadAll(r)
		require.NoError(t, err)
		assert.True(t, bytes.Equal(content, read))
		assert.Empty(t, r.Unreadable())
		assert.Equal(t, protocol.ReadDropped, r.ReadMode())
	}
}

func TestOpenError_AFilesystemThatCannotOpenAFileHasFailed(t *testing.T) {
	err := openError(&fs.PathError{Op: "open", Path: "/f", Err: syscall.ENOSYS})
	assert.ErrorIs(t, err, syscall.EIO)
	assert.ErrorContains(t, err, "open /f: function not implemented")
	assert.NotErrorIs(t, openError(syscall.EACCES), syscall.EIO)
}

func TestReader_AFileThatOnlyItsReadsDoNotFindDoesNotExist(t *testing.T) {
	f := &brokenFile{t: t, content: randomBytes(77), bad: map[int64]error{0: syscall.ENOENT}}
	_, _, err := readBroken(f)
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

func TestReader_AFilesystemThatDeniesAReadHasFailed(t *testing.T) {
	f := &brokenFile{t: t, content: randomBytes(77), bad: map[int64]error{0: syscall.EPERM}}
	_, _, err := readBroken(f)
	require.ErrorIs(t, err, syscall.EIO)
	assert.ErrorContains(t, err, "operation not permitted")
}

func TestReader_DoesNotMarkReturnedBytesUnreadable(t *testing.T) {
	f := &brokenFile{t: t, content: randomBytes(77), failAfter: 1}
	read, unreadable, err := readBroken(f)
	require.NoError(t, err)
	assert.Equal(t, f.content, read)
	assert.Empty(t, unreadable)
}

func TestReader_BoundsTheListOfUnreadableRanges(t *testing.T) {
	f := &brokenFile{t: t, content: make([]byte, 2*(maxUnreadable+10)*pageSize), bad: map[int64]error{}}
	for page := range maxUnreadable + 10 {
		f.bad[int64(2*page+1)] = syscall.EIO
	}
	_, unreadable, err := readBroken(f)
	require.ErrorIs(t, err, syscall.EIO)
	assert.ErrorContains(t, err, "more than 4096 ranges cannot be read")
	assert.LessOrEqual(t, len(unreadable), maxUnreadable+1)
}

func TestOpenReader_RejectsAnythingButAFileOrABlockDevice(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	require.NoError(t, unix.Mkfifo(fifo, 0o600))
	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(fifo, link))
	for path, kind := range map[string]string{
		fifo: "a FIFO", link: "a FIFO", "/dev/null": "a character device", t.TempDir(): "a folder",
	} {
		_, err := OpenReader(path)
		assert.EqualError(t, err, path+" is "+kind+": want a regular file or a block device")
	}
}
