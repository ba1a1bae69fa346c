package helper

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/volume"
	"github.com/volume-durability/volume-durability/tests/loopdevice"
)

const mib = 1 << 20

// zero overwrites a range of a device with zeros.
func zero(t *testing.T, path string, from, to int64) {
	t.Helper()
	device, err := os.OpenFile(path, os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = device.WriteAt(make([]byte, to-from), from)
	require.NoError(t, err)
	require.NoError(t, device.Sync())
	require.NoError(t, device.Close())
}

// lastAck returns the last acknowledgement in a writer's messages.
func lastAck(messages []protocol.Message) ledger.Ack {
	acks := acksIn(messages)
	return acks[len(acks)-1]
}

// writeSeveralMiB writes a first epoch of several MiB, and returns its last
// acknowledgement and the length of the acknowledged journal.
func writeSeveralMiB(t *testing.T, path string) (ledger.Ack, int64) {
	t.Helper()
	messages, err := writeUntil(t, 5*mib/256, writeArgs(path, 1))
	require.NoError(t, err)
	last := lastAck(messages)
	return last, int64(last.Seq) * 256
}

// atLeast returns the arguments that set the minimum length of the journal.
func atLeast(bytes int64) []string { return []string{"--at-least", strconv.FormatInt(bytes, 10)} }

func TestDevice_KeepsSeveralEpochs(t *testing.T) {
	path := loopdevice.New(t, 64*mib)
	assert.False(t, readBack(t, path, "").Present, "a blank device holds no journal")
	var acks []ledger.Ack
	for epoch := 1; epoch <= 3; epoch++ {
		messages := writeEpoch(t, path, epoch, 200)
		assert.Equal(t, epoch > 1, messages[0].ScanResult.Present)
		assert.Equal(t, protocol.BlockDevice, messages[0].ScanResult.Mount.FSType)
		acks = append(acks, lastAck(messages))
	}
	findings, result := judged(t, path, acks)
	assert.Empty(t, findings)
	assert.Empty(t, result.Damage)
	assert.Equal(t, protocol.ReadDirect, result.ReadMode)
	assert.Equal(t, int64(result.Records)*256, result.Bytes)
	messages, err := writeUntil(t, 1, writeArgs(path, 1))
	require.ErrorIs(t, err, syscall.EEXIST, "the device belongs to another run")
	assert.Equal(t, "creating "+path, messages[0].Error.Op)
	_, second := judged(t, path, acks)
	assert.Equal(t, result, second)
}

func TestDevice_NeedsNoOwnFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), volume.FolderPrefix+id, "logs.log")
	require.NoError(t, os.Mkdir(filepath.Dir(path), 0o700))
	require.NoError(t, os.Symlink(loopdevice.New(t, 8*mib), path))
	writeEpoch(t, path, 1, 10, "--own-folder")
	assert.True(t, readBack(t, path, "").Present)
}

func TestDevice_NextEpochStartsNewLineAfterTornTail(t *testing.T) {
	path := loopdevice.New(t, 64*mib)
	first := lastAck(writeEpoch(t, path, 1, 100))
	end := int64(first.Seq) * 256
	zero(t, path, end-100, end)
	excerpt := readBack(t, path, "").Excerpt
	assert.Equal(t, end-100, excerpt.Damage, "the torn line is correct as far as it goes")
	assert.Len(t, excerpt.Bytes, 128, "the journal ends there")
	messages := writeEpoch(t, path, 2, 100)
	assert.Equal(t, end-100, messages[0].ScanResult.Bytes)
	assert.True(t, messages[0].ScanResult.Unterminated)
	findings, result := judged(t, path, []ledger.Ack{first, lastAck(messages)})
	require.Len(t, findings, 1)
	assert.Equal(t, judge.Torn, findings[0].Class)
	require.Len(t, result.Damage, 1)
	assert.Equal(t, int64(256-100+1), result.Damage[0].Length, "the torn line and the newline after it")
	assert.Equal(t, end-100, result.Excerpt.Damage)
}

func TestDevice_ScansPastZerosUpToTheMinimumLength(t *testing.T) {
	path := loopdevice.New(t, 64*mib)
	first, end := writeSeveralMiB(t, path)
	zero(t, path, mib, 3*mib)
	assert.Equal(t, int64(mib), readBack(t, path, "").Bytes, "without a minimum length the zeros are the end")
	findings, result := judged(t, path, []ledger.Ack{first}, atLeast(end)...)
	require.Len(t, findings, 1)
	assert.Equal(t, judge.Corrupt, findings[0].Class, "as in a file: there are zeros instead of records")
	assert.Equal(t, end, result.Bytes)
	assert.Equal(t, int64(mib), result.Excerpt.Damage)
	messages := writeEpoch(t, path, 2, 100, atLeast(end)...)
	assert.Equal(t, end, messages[0].ScanResult.Bytes)
	findings, _ = judged(t, path, []ledger.Ack{first, lastAck(messages)}, atLeast(end)...)
	require.Len(t, findings, 1, "the next epoch does not hide the loss")
	assert.Equal(t, judge.Corrupt, findings[0].Class)
}

func TestDevice_LostTailIsFound(t *testing.T) {
	path := loopdevice.New(t, 64*mib)
	first, end := writeSeveralMiB(t, path)
	zero(t, path, 2*mib, end)
	findings, result := judged(t, path, []ledger.Ack{first}, atLeast(end)...)
	require.Len(t, findings, 1)
	assert.Equal(t, judge.LostTail, findings[0].Class)
	assert.Equal(t, int64(2*mib), result.Bytes)
	content, err := volume.ReadRange(path, 0, result.Bytes)
	require.NoError(t, err)
	want := fmt.Sprintf("%x", sha256.Sum256(content))
	assert.Equal(t, want, result.SHA256, "the hash ends where the journal ends")
	zero(t, path, 0, end)
	findings, result = judged(t, path, []ledger.Ack{first}, atLeast(end)...)
	require.Len(t, findings, 1)
	assert.Equal(t, judge.Missing, findings[0].Class)
	assert.False(t, result.Present)
}

func TestDevice_FullDeviceKeepsAcknowledgedRecords(t *testing.T) {
	path := loopdevice.New(t, 3*mib+512)
	messages, err := writeUntil(t, 1_000_000, writeArgs(path, 1))
	require.ErrorIs(t, err, syscall.ENOSPC)
	opErr := messages[len(messages)-1].Error
	require.NotNil(t, opErr)
	assert.True(t, opErr.Writing)
	assert.Equal(t, syscall.ENOSPC, opErr.Errno)
	findings, _ := judged(t, path, []ledger.Ack{lastAck(messages)}, atLeast(3*mib)...)
	assert.Empty(t, findings)
}

func TestDevice_WriterWaitsForAnotherWriterToClose(t *testing.T) {
	path := loopdevice.New(t, 8*mib)
	first := lastAck(writeEpoch(t, path, 1, 100))
	other, err := volume.OpenExclusive(path)
	require.NoError(t, err)
	require.NoError(t, other.SetWriteOffset(int64(first.Seq)*256))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, w := io.Pipe()
	later, err := parse("write", writeArgs(path, 2, "--rate", "5000")[1:])
	require.NoError(t, err)
	out := &syncWriter{out: w}
	later.deviceTimeout, later.stallWatch = time.Hour, stallWatch{out: out, timeout: time.Hour}
	done := make(chan error, 1)
	go func() {
		done <- later.write(ctx, out)
		w.CloseWithError(io.EOF)
	}()
	// Bytes that the other writer appends meanwhile must not be overwritten.
	time.AfterFunc(3*deviceRetryInterval, func() {
		_, err := other.Write([]byte("late\n"))
		assert.NoError(t, err)
		assert.NoError(t, other.Close())
	})
	lines := bufio.NewScanner(r)
	var result *protocol.ScanResult
	for lines.Scan() {
		message, err := protocol.Parse(lines.Bytes())
		require.NoError(t, err)
		switch {
		case message.ScanResult != nil:
			result = message.ScanResult
		case message.Ack != nil:
			cancel()
		}
	}
	require.NoError(t, <-done)
	require.NotNil(t, result)
	assert.Equal(t, int64(first.Seq)*256+5, result.Bytes)
	assert.Equal(t, int64(5), readBack(t, path, "").Damage[0].Length)
}

func TestDevice_WriterFailsIfAnotherWriterDoesNotClose(t *testing.T) {
	path := loopdevice.New(t, mib)
	other, err := volume.OpenExclusive(path)
	require.NoError(t, err)
	defer other.Close()
	later, err := parse("write", writeArgs(path, 2)[1:])
	require.NoError(t, err)
	var messages bytes.Buffer
	later.deviceTimeout, later.stallWatch = time.Second, stallWatch{out: &messages, timeout: 500 * time.Millisecond}
	err = later.write(t.Context(), io.Discard)
	require.ErrorIs(t, err, syscall.EBUSY)
	assert.ErrorContains(t, err, "opening "+path+" exclusively")
	assert.Empty(t, judge.ClassOfError(err), "it is not a loss")
	assert.Empty(t, messages.String(), "it is not a stall")
}

func TestSample_HoldsTheBytesAroundTheFirstDamage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "logs.log")
	writeEpoch(t, path, 1, 100)
	assert.Nil(t, readBack(t, path, "").Excerpt)
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, damage := range []int{50, 7000, len(content) - 20} {
		broken := append([]byte{}, content...)
		broken[damage] ^= 0x80
		require.NoError(t, os.WriteFile(path, broken, 0o600))
		excerpt := readBack(t, path, "").Excerpt
		require.NotNil(t, excerpt)
		from, to := max(0, damage-128), min(len(content), max(0, damage-128)+256)
		assert.Equal(t, protocol.Excerpt{Offset: int64(from), Damage: int64(damage), Bytes: broken[from:to]}, *excerpt)
	}
}
