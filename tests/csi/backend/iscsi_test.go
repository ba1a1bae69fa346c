package backend

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/tests/csi/store"
)

func TestDeviceOf_IsThatOfTheSessionWithTheServer(t *testing.T) {
	classes := t.TempDir()
	connection := func(name, address string) {
		dir := filepath.Join(classes, "iscsi_connection", name)
		require.NoError(t, os.MkdirAll(dir, 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "persistent_address"), []byte(address+"\n"), 0o600))
	}
	device := func(session, target, name string) {
		dir := filepath.Join(classes, "iscsi_session", session, "device", target, "0:0:0:0", "block", name)
		require.NoError(t, os.MkdirAll(dir, 0o755))
	}
	connection("connection1:0", "10.0.0.1")
	device("session1", "target0:0:0", "sda")
	connection("connection2:0", "10.0.0.2")
	found, err := deviceOf(classes, "10.0.0.1")
	require.NoError(t, err)
	assert.Equal(t, "/dev/sda", found)
	found, err = deviceOf(classes, "10.0.0.2")
	require.NoError(t, err)
	assert.Empty(t, found, "the kernel has not found the device")
	device("session2", "target1:0:0", "sdb")
	found, err = deviceOf(classes, "10.0.0.2")
	require.NoError(t, err)
	assert.Equal(t, "/dev/sdb", found)
	found, err = deviceOf(classes, "10.0.0.3")
	require.NoError(t, err)
	assert.Empty(t, found)
}

// The program is replaced: the test shows what the driver asks for, not what a target does.
func TestStage_LogsOutAfterAnErrorIfItHasLoggedIn(t *testing.T) {
	for name, c := range map[string]struct {
		loginStatus int
		wantLogout  bool
	}{
		"a new session": {0, true}, "a session that existed": {sessionExists, false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			calls := filepath.Join(dir, "calls")
			const script = "#!/bin/sh\necho \"$*\" >>%s\ncase \"$*\" in *--login*) exit %d ;; esac\n"
			program := fmt.Appendf(nil, script, calls, c.loginStatus)
			require.NoError(t, os.WriteFile(filepath.Join(dir, "iscsiadm"), program, 0o700))
			t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
			v := store.Volume{
				ID: "a", Backend: ISCSI, Folder: dir, Parameters: map[string]string{serverParameter: "192.0.2.1"},
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			err := NewHost(logrus.New(), Gluster{}, "").Stage(ctx, v, filepath.Join(dir, "point"), Access{})
			require.ErrorContains(t, err, "waiting for the device of the iSCSI target 192.0.2.1")
			content, err := os.ReadFile(calls)
			require.NoError(t, err)
			assert.Contains(t, string(content), "-m node -p 192.0.2.1 --login\n")
			assert.Equal(t, c.wantLogout, strings.Contains(string(content), "-m node -p 192.0.2.1 --logout\n"))
		})
	}
}
