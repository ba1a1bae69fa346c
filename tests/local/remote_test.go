package local_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/provenance"
)

// separationFolder is where sshd, as root, puts the processes that are not yet logged in.
// The service creates it when it starts.
const separationFolder = "/run/sshd"

const serverConfig = `HostKey %[1]s/host
AuthorizedKeysFile %[1]s/user.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
`

// The client starts a server of its own (sshd -i), which ends with the connection. So the
// test needs no port that another program could take.
const clientConfig = `Host other
  ProxyCommand %[2]s -i -e -f %[1]s/server
  IdentityFile %[1]s/user
  IdentitiesOnly yes
  BatchMode yes
  StrictHostKeyChecking no
  UserKnownHostsFile %[1]s/known_hosts
  LogLevel ERROR
`

// ssh returns the command prefix that runs a command through an SSH server of the current
// user on this machine. The keys are thrown away when the test ends.
func ssh(t *testing.T) string {
	t.Helper()
	needsProgram(t, "ssh", "openssh-client")
	needsProgram(t, "sshd", "openssh-server")
	server, err := exec.LookPath("sshd")
	require.NoError(t, err)
	if os.Geteuid() == 0 {
		if err := os.Mkdir(separationFolder, 0o755); err == nil {
			t.Cleanup(func() { assert.NoError(t, os.Remove(separationFolder)) })
		} else {
			require.ErrorIs(t, err, os.ErrExist)
		}
	}
	folder := t.TempDir()
	for _, key := range []string{"host", "user"} {
		sh(t, fmt.Sprintf("ssh-keygen -q -t ed25519 -N '' -f %s/%s", folder, key))
	}
	for file, content := range map[string]string{
		"server": fmt.Sprintf(serverConfig, folder), "client": fmt.Sprintf(clientConfig, folder, server),
	} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, file), []byte(content), 0o600))
	}
	return "ssh -F " + filepath.Join(folder, "client") + " other"
}

func TestRemote_ReadsThroughSSH(t *testing.T) {
	t.Parallel()
	prefix := ssh(t)
	o := run(t, t.TempDir(), "--remote", prefix)
	o.requireVerdict(t, judge.Pass)
	c := o.cell(t)
	assert.Equal(t, prefix, c.Reader.Node)
	assert.Equal(t, provenance.No, c.Provenance.OtherKernel.Answer, "the same boot_id: it is this machine")
	copies, err := filepath.Glob("/tmp/durability-helper-" + c.Journal.ID)
	require.NoError(t, err)
	assert.Empty(t, copies)
}

func TestRemote_UnreachableIsAnError(t *testing.T) {
	t.Parallel()
	needsProgram(t, "ssh", "openssh-client")
	folder := t.TempDir()
	o := run(t, folder, "--remote", "ssh -o ProxyCommand=false other")
	o.requireVerdict(t, judge.Error)
	assert.Contains(t, o.result.Reason, "copying the helper to ssh")
	requireEmpty(t, folder)
}
