package guest_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/tests/cluster/guest"
	"github.com/volume-durability/volume-durability/tests/cluster/guest/agent"
	"github.com/volume-durability/volume-durability/tests/cluster/machine"
	"github.com/volume-durability/volume-durability/tests/cluster/pki"
	"github.com/volume-durability/volume-durability/tests/cluster/process"
)

// The names and addresses of the test differ from those of the test cluster, which may be up.
const (
	bridge  = "vdbt0"
	tap     = "vdbt1"
	gateway = "10.212.0.1"
	address = "10.212.0.2"
)

// patience is how long a guest may take to boot. A busy machine needs a minute.
const patience = 3 * time.Minute

// own is a guest of the test.
type own struct {
	dir      string
	table    process.Table
	kernel   string
	hardware guest.Hardware
	operator *agent.Client
}

// newGuest describes a guest with a network of its own. It skips the test where there can be none.
func newGuest(t *testing.T) *own {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("a guest needs root, for its network device")
	}
	cache, err := os.UserCacheDir()
	require.NoError(t, err)
	packages, err := guest.Fetch(t.Context(), logrus.New(), filepath.Join(cache, "volume-durability"))
	if errors.Is(err, guest.ErrUnavailable) {
		t.Skip(err)
	}
	require.NoError(t, err)
	dir := t.TempDir()
	o := &own{dir: dir, table: process.Table{Dir: dir, Logs: dir}, kernel: packages.Kernel}
	o.hardware = guest.Hardware{
		Name: "test", Memory: "256M", Disk: filepath.Join(dir, "disk"), Tap: tap, Dir: dir,
		Init: filepath.Join(dir, "init"), Description: filepath.Join(dir, "description.json"),
	}
	output, err := exec.CommandContext(t.Context(), "go", "build", "-o", o.hardware.Init, "./init").CombinedOutput()
	require.NoError(t, err, string(output))
	require.NoError(t, guest.MakeDisk(t.Context(), o.hardware.Disk))
	o.connect(t)
	require.NoError(t, o.description(t, packages).Write(o.hardware.Description))
	return o
}

func (o *own) connect(t *testing.T) {
	t.Helper()
	require.NoError(t, machine.AddBridge(t.Context(), bridge, []string{gateway + "/24"}))
	t.Cleanup(func() { assert.NoError(t, machine.RemoveBridge(within(t), bridge)) })
	require.NoError(t, guest.AddTap(t.Context(), tap, bridge))
	t.Cleanup(func() { assert.NoError(t, guest.RemoveTap(within(t), tap)) })
}

func (o *own) description(t *testing.T, packages guest.Packages) guest.Description {
	t.Helper()
	authority, err := pki.NewAuthority(o.dir, "ca")
	require.NoError(t, err)
	serving, err := authority.Server("agent", nil, address)
	require.NoError(t, err)
	client, err := authority.Client("operator", agent.User)
	require.NoError(t, err)
	listen := fmt.Sprintf("%s:%d", address, agent.Port)
	o.operator, err = agent.NewClient(listen, client.Cert, client.Key, authority.CertFile())
	require.NoError(t, err)
	shared, disk := filepath.Join(o.dir, "shared"), filepath.Join(o.dir, "mounted")
	for _, dir := range []string{shared, disk} {
		require.NoError(t, os.Mkdir(dir, 0o755))
	}
	return guest.Description{
		Name: "test", Packages: packages.Dir, Modules: []string{"bridge"},
		Network: guest.Network{Bridge: bridge, Address: address + "/24", Hardware: "02:76:64:62:74:02"},
		State:   o.dir, Shared: []string{shared}, Disk: disk, Folders: []string{filepath.Join(disk, "folder")},
		Agent: guest.Agent{Listen: listen, Cert: serving.Cert, Key: serving.Key, CA: authority.CertFile()},
	}
}

// start switches the guest on, and returns once its agent answers.
func (o *own) start(t *testing.T) process.Record {
	t.Helper()
	running, err := o.table.Start(guest.Kernel(o.kernel, o.hardware))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, guest.Cut(within(t), running, o.hardware.Disk)) })
	require.Eventually(t, func() bool {
		_, err := o.operator.Run(t.Context(), "true")
		return err == nil || !running.Alive()
	}, patience, 50*time.Millisecond, "the guest does not answer")
	require.True(t, running.Alive(), o.table.Tail(running.Name, 50))
	return running
}

func (o *own) run(t *testing.T, script string) string {
	t.Helper()
	output, err := o.operator.Run(t.Context(), "sh", "-c", script)
	require.NoError(t, err)
	return strings.TrimSpace(output)
}

func TestCut_LosesThePageCacheAndKeepsTheDisk(t *testing.T) {
	o := newGuest(t)
	began := time.Now()
	running := o.start(t)
	t.Logf("the guest answered after %s", time.Since(began))
	firstBoot := o.run(t, "cat /proc/sys/kernel/random/boot_id")
	here, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	require.NoError(t, err)
	assert.NotEqual(t, strings.TrimSpace(string(here)), firstBoot, "the guest has a kernel of its own")

	o.run(t, "cd "+o.dir+"/mounted && echo synced >synced && sync && echo cached >cached")
	o.run(t, "echo seen >"+o.dir+"/shared/seen")
	require.NoError(t, guest.Cut(t.Context(), running, o.hardware.Disk))
	assert.False(t, running.Alive())

	o.start(t)
	assert.NotEqual(t, firstBoot, o.run(t, "cat /proc/sys/kernel/random/boot_id"), "the kernel was started again")
	assert.Equal(t, "synced", o.run(t, "cat "+o.dir+"/mounted/synced"))
	assert.Empty(t, o.run(t, "cat "+o.dir+"/mounted/cached 2>/dev/null || true"), "what was only in memory is lost")
	seen, err := os.ReadFile(filepath.Join(o.dir, "shared", "seen"))
	require.NoError(t, err)
	assert.Equal(t, "seen\n", string(seen))
}
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	t.Cleanup(cancel)
	return ctx
}
