// Package gluster describes a GlusterFS volume with a replica on each of two servers, as
// configuration files and command lines. The files contain what glusterd, the management
// daemon, would write for such a volume; without glusterd nothing is stored elsewhere
// and no other port is used. The package starts nothing and does not depend on Kubernetes.
package gluster

import (
	"bytes"
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"text/template"
)

// The programs, of Debian's packages glusterfs-server and glusterfs-client.
const (
	Server = "glusterfsd"
	Client = "glusterfs"
)

//go:embed volfiles
var volfiles embed.FS

// Volume is a GlusterFS volume. Its configuration, data and logs are below a folder.
type Volume struct {
	Folder string
	// Addresses are the addresses of the servers, which all listen on one port.
	Addresses []string
	Port      int
}

// Brick is the data of one server.
func (v Volume) Brick(server int) string {
	return filepath.Join(v.Folder, fmt.Sprintf("brick-%d", server+1))
}

func (v Volume) brickFile(server int) string { return v.Brick(server) + ".vol" }
func (v Volume) healFile() string            { return filepath.Join(v.Folder, "heal.vol") }

// ClientFile is the configuration file of a client.
func (v Volume) ClientFile() string { return filepath.Join(v.Folder, "client.vol") }

// Write makes the folders and writes the files.
func (v Volume) Write() error {
	for i, address := range v.Addresses {
		// A server notes here what differs from the other. It does not make the folder itself.
		if err := os.MkdirAll(filepath.Join(v.Brick(i), ".glusterfs", "indices"), 0o755); err != nil {
			return err
		}
		brick := map[string]any{"Folder": v.Brick(i), "Address": address, "Port": v.Port}
		if err := write(v.brickFile(i), "brick.vol.tmpl", brick); err != nil {
			return err
		}
	}
	for file, heals := range map[string]bool{v.ClientFile(): false, v.healFile(): true} {
		values := map[string]any{"Addresses": v.Addresses, "Port": v.Port, "Heals": heals}
		if err := write(file, "client.vol.tmpl", values); err != nil {
			return err
		}
	}
	return nil
}

func write(file, name string, values any) error {
	t, err := template.ParseFS(volfiles, "volfiles/"+name)
	if err != nil {
		return err
	}
	var content bytes.Buffer
	if err := t.Execute(&content, values); err != nil {
		return fmt.Errorf("making %s: %w", file, err)
	}
	return os.WriteFile(file, content.Bytes(), 0o600)
}

// ServerArgs are the arguments of a server that runs in the foreground.
func (v Volume) ServerArgs(server int) []string {
	brick := v.Brick(server)
	return []string{
		"--no-daemon", "--volfile=" + v.brickFile(server),
		"--log-file=" + brick + ".log", "--volfile-id=" + filepath.Base(brick),
	}
}

// HealerArgs are the arguments of the client that heals a server that was down.
func (v Volume) HealerArgs() []string {
	return []string{
		"--no-daemon", "--volfile=" + v.healFile(), "--log-file=" + filepath.Join(v.Folder, "heal.log"),
		"--process-name=glustershd", "--xlator-option=*replicate*.node-uuid=" + healer,
	}
}

// healer is the name of the healing client. Any UUID is valid.
const healer = "5c1c9f0e-4e2f-4bd5-8f7c-0d9a9b1f6a51"

// MountArgs are the arguments with which a client mounts the volume. The client then
// runs in the background until the volume is unmounted.

func MountArgs(clientFile, point, log string) []string {
	return []string{"--volfile=" + clientFile, "--log-file=" + log, point}
}
