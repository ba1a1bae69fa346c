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
	gateway = "10.212.0.1"
)

// patience is how long a guest may take to boot. A busy machine needs a minute.
const patience = 3 * time.Minute

// site is what the guests of a test share.
type site struct {
	dir       string
	packages  guest.Packages
	init      string
	authority *pki.Authority
	table     process.Table
}

// newSite makes a network of its own. It skips the test where there can be no guests.
func newSite(t *testing.T) *site {
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
	s := &site{dir: dir, packages: packages, init: filepath.Join(dir, "init"), table: process.Table{Dir: dir, Logs: dir}}
	build := exec.CommandContext(t.Context(), "go", "build", "-o", s.init, "./init")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	output, err := build.CombinedOutput()
	require.NoError(t, err, string(output))
	s.authority, err = pki.NewAuthority(dir, "ca")
	require.NoError(t, err)
	require.NoError(t, machine.AddBridge(t.Context(), bridge, []string{gateway + "/24"}))
	t.Cleanup(func() { assert.NoError(t, machine.RemoveBridge(within(t), bridge)) })
	return s
}

// own is a guest of a test.
type own struct {
	*site
	guest.Description
	hardware guest.Hardware
	operator *agent.Client
	running  process.Record
}

// guest describes a guest, whose number is that of its address.
func (s *site) guest(t *testing.T, number int) *own {
	t.Helper()
	name := fmt.Sprintf("test%d", number)
	address, dir := fmt.Sprintf("10.212.0.%d", number), filepath.Join(s.dir, name)
	shared, disk := filepath.Join(dir, "shared"), filepath.Join(dir, "mounted")
	for _, folder := range []string{dir, shared, disk} {
		require.NoError(t, os.Mkdir(folder, 0o755))
	}
	serving, err := s.authority.Server(name, nil, address)
	require.NoError(t, err)
	client, err := s.authority.Client(name+"-operator", agent.User)
	require.NoError(t, err)
	listen := fmt.Sprintf("%s:%d", address, agent.Port)
	operator, err := agent.NewClient(listen, client.Cert, client.Key, s.authority.CertFile())
	require.NoError(t, err)
	o := &own{site: s, operator: operator}
	o.hardware = guest.Hardware{
		Name: name, Memory: "256M", Disk: filepath.Join(dir, "disk"), Tap: fmt.Sprintf("vdbt%d", number), Dir: dir,
		Init: s.init, Description: filepath.Join(dir, "description.json"),
	}
	o.Description = guest.Description{
		Name: name, Packages: s.packages.Dir, Modules: []string{"bridge"},
		Network: guest.Network{
			Bridge: bridge, Address: address + "/24", Hardware: fmt.Sprintf("02:76:64:62:74:%02x", number),
		},
		State: s.dir, Shared: []string{shared}, Disk: disk, Folders: []string{filepath.Join(disk, "folder")},
		Agent: guest.Agent{Listen: listen, Cert: serving.Cert, Key: serving.Key, CA: s.authority.CertFile()},
	}
	require.NoError(t, guest.MakeDisk(t.Context(), o.hardware.Disk))
	require.NoError(t, guest.AddTap(t.Context(), o.hardware.Tap, bridge))
	t.Cleanup(func() { assert.NoError(t, guest.RemoveTap(within(t), o.hardware.Tap)) })
	return o
}

// start switches the guest on, and returns once its agent answers.
func (o *own) start(t *testing.T) {
	t.Helper()
	require.NoError(t, o.Write(o.hardware.Description))
	var err error
	o.running, err = o.table.Start(guest.Kernel(o.packages, o.hardware))
	require.NoError(t, err)
	t.Cleanup(func() { o.cut(t) })
	require.Eventually(t, func() bool {
		_, err := o.operator.Run(within(t), "true")
		return err == nil || !o.running.Alive()
	}, patience, 50*time.Millisecond, "the guest does not answer")
	require.True(t, o.running.Alive(), o.table.Tail(o.running.Name, 50))
}

func (o *own) cut(t *testing.T) {
	t.Helper()
	require.NoError(t, guest.Cut(within(t), o.running, o.hardware.Disk))
}

func (o *own) run(t *testing.T, script string) string {
	t.Helper()
	output, err := o.operator.Run(within(t), "sh", "-c", script)
	require.NoError(t, err)
	return strings.TrimSpace(output)
}

func (o *own) bootID(t *testing.T) string {
	t.Helper()
	return o.run(t, "cat /proc/sys/kernel/random/boot_id")
}

func TestCut_LosesThePageCacheAndKeepsTheDisk(t *testing.T) {
	o := newSite(t).guest(t, 2)
	o.start(t)
	firstBoot := o.bootID(t)
	here, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	require.NoError(t, err)
	assert.NotEqual(t, strings.TrimSpace(string(here)), firstBoot, "the guest has a kernel of its own")
	o.run(t, "cd "+o.Disk+" && echo synced >synced && sync && echo cached >cached")
	o.run(t, "echo seen >"+o.Shared[0]+"/seen")
	o.cut(t)
	assert.False(t, o.running.Alive())

	o.start(t)
	assert.NotEqual(t, firstBoot, o.bootID(t), "the kernel was started again")
	assert.Equal(t, "synced", o.run(t, "cat "+o.Disk+"/synced"))
	assert.Empty(t, o.run(t, "cat "+o.Disk+"/cached 2>/dev/null || true"), "what was only in memory is lost")
	seen, err := os.ReadFile(filepath.Join(o.Shared[0], "seen"))
	require.NoError(t, err)
	assert.Equal(t, "seen\n", string(seen))
}

// A guest without a network stays on, and has its network again after that.
func TestDisconnect_LastsUntilTheGuestIsConnected(t *testing.T) {
	o := newSite(t).guest(t, 2)
	o.start(t)
	boot := o.bootID(t)
	require.NoError(t, guest.Disconnect(within(t), o.hardware.Tap))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_, err := o.operator.Run(ctx, "true")
	require.Error(t, err)
	require.NoError(t, guest.Connect(within(t), o.hardware.Tap, bridge))
	assert.Equal(t, boot, o.bootID(t))
}

// With async, the server acknowledges what it has only in memory.
func TestServeNFS_LosesWhatWasSyncedOnlyIfAsync(t *testing.T) {
	s := newSite(t)
	server, client := s.guest(t, 2), s.guest(t, 3)
	const options = "rw,no_root_squash,"
	server.ServeNFS(options + "sync")
	client.Modules = append(client.Modules, guest.NFSModules...)
	server.start(t)
	client.start(t)
	mount := func(version, path string) {
		client.run(t, "mkdir -p /mnt/nfs && mount -t nfs -o nolock,nfsvers="+version+" 10.212.0.2:"+path+" /mnt/nfs")
	}
	write := func(file string) { client.run(t, "echo data >/mnt/nfs/"+file+" && sync /mnt/nfs/"+file) }
	for version, path := range map[string]string{"3": guest.ExportPath, "4.1": "/", "4.2": "/"} {
		mount(version, path)
		write("of-" + version)
		client.run(t, "umount /mnt/nfs")
	}
	afterCut := func(file string) string {
		write(file)
		server.cut(t)
		server.start(t)
		client.run(t, "umount /mnt/nfs")
		mount("4.2", "/")
		return client.run(t, "cat /mnt/nfs/"+file+" 2>/dev/null || true")
	}
	mount("4.2", "/")
	assert.Equal(t, "data", afterCut("sync"))

	server.SetExport(options + "async")
	_, err := server.operator.Run(within(t), guest.ExportCommand(options+"async")...)
	require.NoError(t, err)
	assert.Empty(t, afterCut("async"))
	assert.Equal(t, "data", client.run(t, "cat /mnt/nfs/sync"))
	client.run(t, "umount /mnt/nfs")
}

// within returns a context that also works while the test cleans up.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	t.Cleanup(cancel)
	return ctx
}
