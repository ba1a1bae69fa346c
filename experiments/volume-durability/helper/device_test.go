package main

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

// zero puts zeros on a device in place of what is from one offset to another.
func zero(t *testing.T, path string, from, to int64) {
	t.Helper()
	device, err := os.OpenFile(path, os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = device.WriteAt(make([]byte, to-from), from)
	require.NoError(t, err)
	require.NoError(t, device.Sync())
	require.NoError(t, device.Close())
}

// promise is the last acknowledgement in what a writer said.
func promise(said []protocol.Message) ledger.Ack {
	acks := acknowledged(said)
	return acks[len(acks)-1]
}

// large writes a first epoch of some MiB, and returns what it promised and its length.
func large(t *testing.T, path string) (ledger.Ack, int64) {
	t.Helper()
	said, err := writeUntil(t, 5*mib/256, writer(path, 1))
	require.NoError(t, err)
	last := promise(said)
	return last, int64(last.Seq) * 256
}

func atLeast(bytes int64) []string { return []string{"--at-least", strconv.FormatInt(bytes, 10)} }

func TestAJournalOnADeviceOverSeveralEpochs(t *testing.T) {
	path := loopdevice.New(t, 64*mib)
	assert.False(t, readBack(t, path, "").Present, "a blank device holds no journal")
	var promises []ledger.Ack
	for epoch := 1; epoch <= 3; epoch++ {
		said := writeEpoch(t, path, epoch, 200)
		assert.Equal(t, epoch > 1, said[0].ScanResult.Present)
		assert.Equal(t, protocol.BlockDevice, said[0].ScanResult.Mount.FSType)
		promises = append(promises, promise(said))
	}
	findings, sighting := judged(t, path, promises)
	assert.Empty(t, findings)
	assert.Empty(t, sighting.Damage)
	assert.Equal(t, protocol.ReadDirect, sighting.ReadMode)
	assert.Equal(t, int64(sighting.Records)*256, sighting.Bytes)
	said, err := writeUntil(t, 1, writer(path, 1))
	require.ErrorIs(t, err, syscall.EEXIST, "a second run finds what is not its own")
	assert.Equal(t, "creating "+path, said[0].Error.Op)
	_, again := judged(t, path, promises)
	assert.Equal(t, sighting, again)
}

func TestADeviceHasNoFolderOfOurOwn(t *testing.T) {
	path := filepath.Join(t.TempDir(), volume.FolderPrefix+id, "logs.log")
	require.NoError(t, os.Mkdir(filepath.Dir(path), 0o700))
	require.NoError(t, os.Symlink(loopdevice.New(t, 8*mib), path))
	writeEpoch(t, path, 1, 10, "--own-folder")
	assert.True(t, readBack(t, path, "").Present)
}

func TestATornTailOnADeviceStaysAndTheNextEpochStartsOnALineOfItsOwn(t *testing.T) {
	path := loopdevice.New(t, 64*mib)
	first := promise(writeEpoch(t, path, 1, 100))
	end := int64(first.Seq) * 256
	zero(t, path, end-100, end)
	sample := readBack(t, path, "").Sample
	assert.Equal(t, end-100, sample.Damage, "nothing of the torn line is wrong: its end is gone")
	assert.Len(t, sample.Bytes, 128, "there is no journal beyond it")
	said := writeEpoch(t, path, 2, 100)
	assert.Equal(t, end-100, said[0].ScanResult.Bytes)
	assert.True(t, said[0].ScanResult.Unterminated)
	findings, sighting := judged(t, path, []ledger.Ack{first, promise(said)})
	require.Len(t, findings, 1)
	assert.Equal(t, judge.Torn, findings[0].Class)
	require.Len(t, sighting.Damage, 1)
	assert.Equal(t, int64(256-100+1), sighting.Damage[0].Length, "the torn line and its end")
	assert.Equal(t, end-100, sighting.Sample.Damage)
}

func TestAHoleOnADeviceIsALossAndNotTheEnd(t *testing.T) {
	path := loopdevice.New(t, 64*mib)
	first, end := large(t, path)
	zero(t, path, mib, 3*mib)
	assert.Equal(t, int64(mib), readBack(t, path, "").Bytes, "as far as anybody knows who was promised nothing")
	findings, sighting := judged(t, path, []ledger.Ack{first}, atLeast(end)...)
	require.Len(t, findings, 1)
	assert.Equal(t, judge.Corrupt, findings[0].Class, "as in a file: zeros stand where records should")
	assert.Equal(t, end, sighting.Bytes)
	assert.Equal(t, int64(mib), sighting.Sample.Damage)
	said := writeEpoch(t, path, 2, 100, atLeast(end)...)
	assert.Equal(t, end, said[0].ScanResult.Bytes)
	findings, _ = judged(t, path, []ledger.Ack{first, promise(said)}, atLeast(end)...)
	require.Len(t, findings, 1, "what comes later is after what is there, and hides nothing")
	assert.Equal(t, judge.Corrupt, findings[0].Class)
}

func TestATailThatIsGoneFromADeviceIsALoss(t *testing.T) {
	path := loopdevice.New(t, 64*mib)
	first, end := large(t, path)
	zero(t, path, 2*mib, end)
	findings, sighting := judged(t, path, []ledger.Ack{first}, atLeast(end)...)
	require.Len(t, findings, 1)
	assert.Equal(t, judge.LostTail, findings[0].Class)
	assert.Equal(t, int64(2*mib), sighting.Bytes)
	content, err := volume.ReadPart(path, 0, sighting.Bytes)
	require.NoError(t, err)
	assert.Equal(t, fmt.Sprintf("%x", sha256.Sum256(content)), sighting.SHA256, "what follows on the device is not the journal's")
	zero(t, path, 0, end)
	findings, sighting = judged(t, path, []ledger.Ack{first}, atLeast(end)...)
	require.Len(t, findings, 1)
	assert.Equal(t, judge.Missing, findings[0].Class)
	assert.False(t, sighting.Present)
}

func TestADeviceThatIsFullIsSaidAndKeepsWhatWasPromised(t *testing.T) {
	path := loopdevice.New(t, 3*mib+512)
	said, err := writeUntil(t, 1_000_000, writer(path, 1))
	require.ErrorIs(t, err, syscall.ENOSPC)
	problem := said[len(said)-1].Error
	require.NotNil(t, problem)
	assert.True(t, problem.Writing)
	assert.Equal(t, syscall.ENOSPC, problem.Errno)
	findings, _ := judged(t, path, []ledger.Ack{promise(said)}, atLeast(3*mib)...)
	assert.Empty(t, findings)
}

func TestAWriterWaitsForADeviceThatAnotherStillHolds(t *testing.T) {
	path := loopdevice.New(t, 8*mib)
	first := promise(writeEpoch(t, path, 1, 100))
	other, err := volume.Claim(path)
	require.NoError(t, err)
	require.NoError(t, other.GoOn(int64(first.Seq)*256))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, w := io.Pipe()
	later, err := parse("write", writer(path, 2, "--rate", "5000")[1:])
	require.NoError(t, err)
	out := &oneAtATime{out: w}
	later.claimFor, later.patience = time.Hour, patience{out: out, after: time.Hour}
	done := make(chan error, 1)
	go func() {
		done <- later.write(ctx, out)
		w.CloseWithError(io.EOF)
	}()
	// What the other one adds while it is waited for must not be overwritten.
	time.AfterFunc(3*claimEvery, func() {
		_, err := other.Write([]byte("late\n"))
		assert.NoError(t, err)
		assert.NoError(t, other.Close())
	})
	lines := bufio.NewScanner(r)
	var sighting *protocol.ScanResult
	for lines.Scan() {
		s, err := protocol.Parse(lines.Bytes())
		require.NoError(t, err)
		switch {
		case s.ScanResult != nil:
			sighting = s.ScanResult
		case s.Ack != nil:
			cancel()
		}
	}
	require.NoError(t, <-done)
	require.NotNil(t, sighting)
	assert.Equal(t, int64(first.Seq)*256+5, sighting.Bytes)
	assert.Equal(t, int64(5), readBack(t, path, "").Damage[0].Length)
}

func TestAWriterGivesUpADeviceThatAnotherKeeps(t *testing.T) {
	path := loopdevice.New(t, mib)
	other, err := volume.Claim(path)
	require.NoError(t, err)
	defer other.Close()
	later, err := parse("write", writer(path, 2)[1:])
	require.NoError(t, err)
	var said bytes.Buffer
	later.claimFor, later.patience = time.Second, patience{out: &said, after: 500 * time.Millisecond}
	err = later.write(t.Context(), io.Discard)
	require.ErrorIs(t, err, syscall.EBUSY)
	assert.ErrorContains(t, err, "claiming "+path)
	assert.Empty(t, judge.ClassOfError(err), "that is nobody's loss")
	assert.Empty(t, said.String(), "the volume keeps nobody waiting")
}

func TestASampleShowsWhatIsAroundTheFirstDamage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "logs.log")
	writeEpoch(t, path, 1, 100)
	assert.Nil(t, readBack(t, path, "").Sample)
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, damage := range []int{50, 7000, len(content) - 20} {
		broken := append([]byte{}, content...)
		broken[damage] ^= 0x80
		require.NoError(t, os.WriteFile(path, broken, 0o600))
		sample := readBack(t, path, "").Sample
		require.NotNil(t, sample)
		from, to := max(0, damage-128), min(len(content), max(0, damage-128)+256)
		assert.Equal(t, protocol.Sample{Offset: int64(from), Damage: int64(damage), Bytes: broken[from:to]}, *sample)
	}
}
