// Package gluster is a GlusterFS volume with a replica on each of two servers, as
// configuration files and command lines. What glusterd, the daemon that manages
// servers, writes into these files for such a volume is in them; without glusterd
// nothing is kept or listened to anywhere else. It starts nothing, and knows nothing
// of Kubernetes.
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

// Volume is one whose files, data and logs are below a folder.
type Volume struct {
	Folder string
	// Addresses are those of the servers, which listen there on one port.
	Addresses []string
	Port      int
}

// Brick is the data of one server.
func (v Volume) Brick(server int) string {
	return filepath.Join(v.Folder, fmt.Sprintf("brick-%d", server+1))
}

func (v Volume) brickFile(server int) string { return v.Brick(server) + ".vol" }
func (v Volume) healFile() string            { return filepath.Join(v.Folder, "heal.vol") }

// ClientFile is what a client is told of the volume.
func (v Volume) ClientFile() string { return filepath.Join(v.Folder, "client.vol") }

// Lay makes the folders and writes the files.
func (v Volume) Lay() error {
	for i, address := range v.Addresses {
		// What is not the same on all servers is noted here. A server does not make it.
		if err := os.MkdirAll(filepath.Join(v.Brick(i), ".glusterfs", "indices"), 0o755); err != nil {
			return err
		}
		brick := map[string]any{"Folder": v.Brick(i), "Address": address, "Port": v.Port}
		if err := write(v.brickFile(i), "brick.vol.tmpl", brick); err != nil {
			return err
		}
	}
	for file, heals := range map[string]bool{v.ClientFile(): false, v.healFile(): true} {
		if err := write(file, "client.vol.tmpl", map[string]any{"Addresses": v.Addresses, "Port": v.Port, "Heals": heals}); err != nil {
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

// ServerArgs are the arguments with which a server keeps running in the foreground.
func (v Volume) ServerArgs(server int) []string {
	return []string{"--no-daemon", "--volfile=" + v.brickFile(server), "--log-file=" + v.Brick(server) + ".log", "--volfile-id=" + filepath.Base(v.Brick(server))}
}

// HealerArgs are those of the client that brings a server up to date which was away.
func (v Volume) HealerArgs() []string {
	return []string{
		"--no-daemon", "--volfile=" + v.healFile(), "--log-file=" + filepath.Join(v.Folder, "heal.log"), "--process-name=glustershd",
		"--xlator-option=*replicate*.node-uuid=" + healer,
	}
}

// healer is how the healing client is called; any name does.
const healer = "5c1c9f0e-4e2f-4bd5-8f7c-0d9a9b1f6a51"

// MountArgs are those with which a client mounts the volume, and goes on in the
// background until it is unmounted.
func MountArgs(clientFile, point, log string) []string {
	return []string{"--volfile=" + clientFile, "--log-file=" + log, point}
}
