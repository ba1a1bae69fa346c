package faultfs

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/volume-durability/volume-durability/tests/faultfs/event"
	"github.com/volume-durability/volume-durability/tests/faultfs/extent"
)

// user is another process that uses the mount: one that hangs must not be the one
// that serves.
type user struct {
	m     *mounted
	cmd   *exec.Cmd
	ended chan error
}

func (m *mounted) runs(input io.Reader, args ...string) *user {
	m.t.Helper()
	u := &user{m: m, cmd: exec.Command(args[0], args[1:]...), ended: make(chan error, 1)}
	u.cmd.Stdin = input
	require.NoError(m.t, u.cmd.Start())
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		u.ended <- u.cmd.Wait()
	}()
	m.t.Cleanup(func() {
		_ = u.cmd.Process.Kill()
		m.volume.locked(func() {
			if !m.volume.isHealed() {
				close(m.volume.healed)
			}
		})
		<-exited
	})
	return u
}

func (m *mounted) appendsInAnotherProcess() *user {
	return m.runs(nil, "dd", "if=/dev/zero", "of="+m.path(), "bs=4096", "count=1",
		"oflag=append", "conv=notrunc,fdatasync")
}

func (m *mounted) readsInAnotherProcess() *user {
	return m.runs(nil, "dd", "if="+m.path(), "of=/dev/null", "bs=4096")
}

// awaitsSize waits until so many bytes of the target have been written.
func (m *mounted) awaitsSize(size int64) {
	m.t.Helper()
	require.Eventually(m.t, func() bool {
		there, err := os.Stat(filepath.Join(m.dir, "logs.log"))
		return err == nil && there.Size() == size
	}, patience, 5*time.Millisecond, "it is not written")
}

// awaitCall waits until a call waits for the fault. The kernel forgets a call that faultfs has not received yet when
// its process is killed.
func (m *mounted) awaitCall() {
	m.t.Helper()
	waits := func() (waits bool) {
		m.volume.locked(func() { waits = m.volume.waited > 0 })
		return waits
	}
	require.Eventually(m.t, waits, patience, 5*time.Millisecond, "no call waits")
}

// hangs waits until the process sleeps in an uninterruptible wait, as for a disk.
func (u *user) hangs() {
	u.m.t.Helper()
	hangs := func() bool { return u.state("State") == "D" }
	require.Eventually(u.m.t, hangs, patience, 5*time.Millisecond, "it does not hang")
}

// state is a field of the process's status (proc_pid_status(5)).
func (u *user) state(field string) string {
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(u.cmd.Process.Pid), "status"))
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(status)) {
		if name, value, _ := strings.Cut(line, ":"); name == field {
			return strings.Fields(value)[0]
		}
	}
	return ""
}

func (u *user) ends() error {
	u.m.t.Helper()
	select {
	case err := <-u.ended:
		return err
	case <-time.After(patience):
		require.Fail(u.m.t, "it does not end")
		return nil
	}
}

// syncs returns how many syncs of the target have succeeded.
func (m *mounted) syncs() (syncs int64) {
	m.volume.locked(func() { syncs = m.volume.target.syncs })
	return syncs
}

// TestHangSync_HangsUntilTheFaultIsHealed kills a process in its sync. The
// process cannot end before the kernel has an answer, so a process that stays shows that
// there was none.
func TestHangSync_HangsUntilTheFaultIsHealed(t *testing.T) {
	for _, description := range []string{"hang-sync", "slow-sync:delay=1h"} {
		t.Run(description, func(t *testing.T) {
			m := mount(t, description, "mount")
			u := m.appendsInAnotherProcess()
			m.awaitCall()
			require.NoError(t, u.cmd.Process.Kill())
			u.hangs()
			require.Zero(t, m.syncs())
			m.volume.Command("heal")
			require.ErrorContains(t, u.ends(), "killed")
			require.Equal(t, int64(1), m.syncs(), "the hanging sync has succeeded")
		})
	}
}

func TestSlowSync_DelaysASync(t *testing.T) {
	m := mount(t, "slow-sync:delay=1ms", "mount")
	m.the(event.Fault)
	require.NoError(t, m.appendsInAnotherProcess().ends())
	require.Equal(t, int64(1), m.syncs())
}

func TestHangRead_HangsUntilTheFaultIsHealed(t *testing.T) {
	m := mount(t, "hang-read", "close")
	w := m.opens()
	w.appends(5000)
	w.closes()
	u := m.readsInAnotherProcess()
	u.hangs()
	m.volume.Command("heal")
	require.NoError(t, u.ends())
}

func TestClose_ReleasesHangingCalls(t *testing.T) {
	m := mount(t, "hang-read", "close")
	w := m.opens()
	w.appends(5000)
	w.closes()
	u := m.readsInAnotherProcess()
	u.hangs()
	require.NoError(t, m.volume.Close(t.Context()))
	_ = u.ends()
}

func TestClose_UnmountsWithAFileOpen(t *testing.T) {
	m := mount(t, "", "close")
	w := m.opens()
	w.appends(10)
	require.NoError(t, m.volume.Close(t.Context()))
	require.False(t, isMounted(t, m.point))
	_, err := w.Write([]byte("x"))
	require.ErrorIs(t, err, unix.ENOTCONN)
}

// TestDamage_IsDoneWhenAKilledProcessHasEnded tests what pods rely on: once the writer
// has ended, the damage is done.
func TestDamage_IsDoneWhenAKilledProcessHasEnded(t *testing.T) {
	m := mount(t, "truncate:size=-96", "close")
	input, data, err := os.Pipe()
	require.NoError(t, err)
	defer data.Close()
	u := m.runs(input, "dd", "of="+m.path(), "bs=4096")
	require.NoError(t, input.Close())
	_, err = data.Write(make([]byte, 4096))
	require.NoError(t, err)
	m.awaitsSize(4096)
	require.Empty(t, m.all(event.Fault))
	require.NoError(t, u.cmd.Process.Kill())
	require.ErrorContains(t, u.ends(), "killed")
	require.Equal(t, []extent.Range{{Offset: 4000, Length: 96}}, m.the(event.Fault).Ranges)
	require.Len(t, m.read(), 4000)
}

func TestClose_ReportsABindMountAsInUse(t *testing.T) {
	m := mount(t, "", "close")
	elsewhere := t.TempDir()
	require.NoError(t, unix.Mount(m.point, elsewhere, "", unix.MS_BIND, ""))
	t.Cleanup(func() { _ = unix.Unmount(elsewhere, unix.MNT_DETACH) })
	ended, end := context.WithCancel(t.Context())
	end()
	require.ErrorIs(t, m.volume.Close(ended), ErrInUse)
	require.False(t, isMounted(t, m.point))
	require.Contains(t, m.the(event.Unmounted).Detail, "still in use")
}
