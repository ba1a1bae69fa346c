package volume

import (
	"bytes"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/tests/loopdevice"
)

const mib = 1 << 20

// put writes to a device at an offset.
func put(t *testing.T, path string, offset int64, content []byte) {
	t.Helper()
	device, err := os.OpenFile(path, os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = device.WriteAt(content, offset)
	require.NoError(t, err)
	require.NoError(t, device.Sync())
	require.NoError(t, device.Close())
}

// readDevice returns what a Reader reads from a device.
func readDevice(t *testing.T, path string, minLength int64) []byte {
	t.Helper()
	r, err := OpenReader(path)
	require.NoError(t, err)
	r.SetMinimumLength(minLength)
	assert.True(t, r.IsBlockDevice())
	assert.Equal(t, protocol.ReadDirect, r.ReadMode())
	content, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	return content
}

func TestCreate_WritesABlankDeviceFromTheBeginning(t *testing.T) {
	path := loopdevice.New(t, 4*mib)
	device, err := Create(path)
	require.NoError(t, err)
	for _, line := range []string{"one\n", "two\n"} {
		_, err = device.Write([]byte(line))
		require.NoError(t, err)
		require.NoError(t, device.Datasync())
	}
	require.NoError(t, device.Close())
	assert.Equal(t, "one\ntwo\n", string(readDevice(t, path, 0)))
}

func TestSetWriteOffset_SetsWhereADeviceIsWritten(t *testing.T) {
	path := loopdevice.New(t, 4*mib)
	put(t, path, 0, []byte("one\n"))
	device, err := OpenExclusive(path)
	require.NoError(t, err)
	require.NoError(t, device.SetWriteOffset(4))
	_, err = device.Write([]byte("two\n"))
	require.NoError(t, err)
	require.NoError(t, device.Datasync())
	require.NoError(t, device.Close())
	assert.Equal(t, "one\ntwo\n", string(readDevice(t, path, 0)))
}

func TestCreate_RefusesADeviceThatIsNotBlank(t *testing.T) {
	for _, at := range []int64{0, 1, 512, mib - 1} {
		path := loopdevice.New(t, 4*mib)
		put(t, path, at, []byte{'x'})
		_, err := Create(path)
		require.ErrorIs(t, err, fs.ErrExist)
		assert.ErrorContains(t, err, "not blank")
		device, err := OpenExclusive(path)
		require.NoError(t, err, "Create closed it")
		require.NoError(t, device.Close())
		want := append(make([]byte, at), 'x')
		assert.Equal(t, want, readDevice(t, path, 0))
	}
}

func TestOpenExclusive_AllowsOneWriter(t *testing.T) {
	path := loopdevice.New(t, mib)
	first, err := Create(path)
	require.NoError(t, err)
	_, err = OpenExclusive(path)
	require.ErrorIs(t, err, unix.EBUSY)
	_, err = Create(path)
	require.ErrorIs(t, err, unix.EBUSY)
	assert.Empty(t, readDevice(t, path, 0), "reading is not exclusive")
	require.NoError(t, first.Close())
	second, err := OpenExclusive(path)
	require.NoError(t, err)
	require.NoError(t, second.Close())
}

func TestOpenExclusive_ReturnsNilUnlessItIsABlockDevice(t *testing.T) {
	for _, path := range []string{"/dev/full", "/proc/version", t.TempDir(), "/no/such/file"} {
		file, err := OpenExclusive(path)
		require.NoError(t, err)
		assert.Nil(t, file)
	}
}

func TestWrite_FailsOnAFullDevice(t *testing.T) {
	path := loopdevice.New(t, mib+512)
	device, err := Create(path)
	require.NoError(t, err)
	written := randomBytes(mib + 513)
	n, err := device.Write(written)
	require.ErrorIs(t, err, syscall.ENOSPC)
	assert.Equal(t, mib+512, n)
	require.NoError(t, device.Datasync())
	require.NoError(t, device.Close())
	assert.True(t, bytes.Equal(written[:n], readDevice(t, path, 0)))
}

func TestReader_EndsAtABlankMiBAfterTheMinimumLength(t *testing.T) {
	path := loopdevice.New(t, 8*mib)
	first, second := randomBytes(1000), []byte("after a hole\n")
	put(t, path, 0, first)
	put(t, path, 3*mib+5, second)
	whole := make([]byte, 3*mib+5)
	copy(whole, first)
	whole = append(whole, second...)
	assert.True(t, bytes.Equal(first, readDevice(t, path, 0)), "no minimum length")
	assert.True(t, bytes.Equal(first, readDevice(t, path, 2*mib)))
	for _, minLength := range []int64{2*mib + 1, 3 * mib, 3*mib + 10, 4 * mib, 8 * mib, 80 * mib} {
		assert.True(t, bytes.Equal(whole, readDevice(t, path, minLength)), minLength)
	}
}

func TestSystemFile_SizeOfADevice(t *testing.T) {
	device, err := os.Open(loopdevice.New(t, mib+512))
	require.NoError(t, err)
	defer device.Close()
	size, err := systemFile{device}.size()
	require.NoError(t, err)
	assert.Equal(t, int64(mib+512), size)
}

func TestReader_ReadsNothingFromABlankDevice(t *testing.T) {
	for _, size := range []int64{512, mib - 512, mib, 3*mib + 512} {
		path := loopdevice.New(t, size)
		for _, minLength := range []int64{0, 1, 2 * mib, 5 * mib} {
			assert.Empty(t, readDevice(t, path, minLength))
		}
	}
}

// endOf returns where the journal in the content of a device ends. It is a second, simpler
// implementation.
func endOf(content []byte, minLength int) int {
	for at := 0; at+mib <= len(content); at += mib {
		if at >= minLength && len(bytes.Trim(content[at:at+mib], "\x00")) == 0 {
			content = content[:at]
		}
	}
	return len(bytes.TrimRight(content, "\x00"))
}

func TestReader_EndsWhereEndOfDoesOnRandomDevices(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 4))
	anything := randomBytes(2 * mib)
	for round := range 30 {
		content := make([]byte, random.IntN(6*mib))
		for range random.IntN(4) {
			at := random.IntN(len(content) + 1)
			copy(content[at:min(len(content), at+1+random.IntN(2*mib))], anything)
		}
		minLength := random.IntN(7 * mib)
		f := &brokenFile{t: t, content: content, short: random.IntN(pageSize)}
		buffer := make([]byte, (8+random.IntN(249))*pageSize)
		r := &Reader{source: f, buffer: buffer, end: &deviceEnd{minLength: int64(minLength)}}
		var read bytes.Buffer
		_, err := io.CopyBuffer(struct{ io.Writer }{&read}, r, make([]byte, 512+random.IntN(2*mib)))
		require.NoError(t, err)
		want := content[:endOf(content, minLength)]
		require.True(t, bytes.Equal(want, read.Bytes()), "seed %d round %d: read %d bytes", seed, round, read.Len())
	}
}

// A page that cannot be read need not be blank.
func TestReader_DoesNotEndAtAnUnreadablePage(t *testing.T) {
	content := make([]byte, 3*mib)
	copy(content, "journal\n")
	bad := int64(7)
	f := &brokenFile{t: t, content: content, bad: map[int64]error{bad: syscall.EIO}}
	r := &Reader{source: f, buffer: make([]byte, 8*pageSize), end: &deviceEnd{}}
	read, err := io.ReadAll(r)
	require.NoError(t, err)
	assert.Len(t, read, int(bad+1)*pageSize)
	assert.Equal(t, []int64{bad * pageSize, pageSize}, []int64{r.Unreadable()[0].Offset, r.Unreadable()[0].Length})
}

func TestReader_SendsOneRequestPerReadOfADevice(t *testing.T) {
	f := &brokenFile{t: t, content: make([]byte, 100*pageSize)}
	r := &Reader{source: f, buffer: make([]byte, pageSize), end: &deviceEnd{minLength: mib}}
	for reads := 1; reads <= 100; reads++ {
		n, err := r.Read(make([]byte, 10))
		require.NoError(t, err)
		require.Zero(t, n)
		require.Equal(t, reads, f.reads)
	}
}

func TestReadRange_ReadsDevicesAndFiles(t *testing.T) {
	path := loopdevice.New(t, 2*mib)
	put(t, path, 5000, []byte("here"))
	part, err := ReadRange(path, 4998, 8)
	require.NoError(t, err)
	assert.Equal(t, "\x00\x00here\x00\x00", string(part))
	part, err = ReadRange(path, 2*mib-3, 8)
	require.NoError(t, err)
	assert.Len(t, part, 3)
	file := t.TempDir() + "/logs.log"
	content := randomBytes(10_000)
	require.NoError(t, os.WriteFile(file, content, 0o600))
	part, err = ReadRange(file, 4500, 256)
	require.NoError(t, err)
	assert.Equal(t, content[4500:4756], part)
}

func TestMountOf_DescribesABlockDevice(t *testing.T) {
	path := loopdevice.New(t, mib)
	mount, err := MountOf(path)
	require.NoError(t, err)
	var stat unix.Stat_t
	require.NoError(t, unix.Stat(path, &stat))
	assert.Equal(t, protocol.BlockDevice, mount.FSType)
	assert.Equal(t, []string{path, path}, []string{mount.Point, mount.Source})
	assert.Equal(t, unix.Mkdev(parseNumber(t, mount.Device)), stat.Rdev)
	assert.NotZero(t, mount.DiskSequence)
	second, err := MountOf(path)
	require.NoError(t, err)
	assert.Equal(t, mount, second)
	other, err := MountOf(loopdevice.New(t, mib))
	require.NoError(t, err)
	assert.NotEqual(t, mount.DiskSequence, other.DiskSequence)
}
