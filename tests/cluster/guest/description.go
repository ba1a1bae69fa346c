// Package guest runs machines of their own on this machine: user-mode Linux guests, each an
// ordinary process with a kernel, a page cache, a disk and a network device of its own. To
// kill the process is to cut the power of the guest.
package guest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// Description is what a guest is told at its start. The program that the guest's kernel
// starts (guest/init) carries it out. All paths are those of this machine: the guest reads
// the files of this machine, and writes only to its memory, its disk and the shared folders.
type Description struct {
	Name string `json:"name"`
	// Packages is the folder with the unpacked Debian packages that the guest sees above
	// the files of this machine.
	Packages string `json:"packages"`
	// Modules are the kernel modules to load.
	Modules []string `json:"modules"`
	Network Network  `json:"network"`
	// State is a folder of this machine that the guest reads as it is at the moment, Shared
	// are folders of it that the guest also writes to.
	State  string   `json:"state"`
	Shared []string `json:"shared"`
	// Disk is where the guest mounts its disk, Folders are made on it.
	Disk    string   `json:"disk"`
	Folders []string `json:"folders"`
	// Binds are folders of the disk by the paths over which they are mounted.
	Binds map[string]string `json:"binds,omitempty"`
	// Cgroup is the cgroup for the pods; without it none is made.
	Cgroup string `json:"cgroup,omitempty"`
	Agent  Agent  `json:"agent"`
	// Files are written before the commands run, by their paths in the guest.
	Files map[string]string `json:"files,omitempty"`
	// Commands run one after another, before the programs start.
	Commands [][]string `json:"commands,omitempty"`
	Programs []Program  `json:"programs,omitempty"`
}

// MachineRoot is where a guest sees all files of this machine, without its own above them.
const MachineRoot = "/host"

// Network is how a guest is connected.
type Network struct {
	// Bridge is the name of the bridge, inside the guest as outside.
	Bridge string `json:"bridge"`
	// Address has a prefix length.
	Address  string `json:"address"`
	Hardware string `json:"hardware"`
	// Gateway leads to the networks in Routes.
	Gateway string   `json:"gateway"`
	Routes  []string `json:"routes"`
}

// Agent is how the guest is controlled from outside (guest/agent).
type Agent struct {
	Listen string `json:"listen"`
	Cert   string `json:"cert"`
	Key    string `json:"key"`
	CA     string `json:"ca"`
}

// Program is a program that runs as long as the guest does.
type Program struct {
	Name string   `json:"name"`
	Path string   `json:"path"`
	Args []string `json:"args"`
	Log  string   `json:"log"`
	// Socket, if set, exists once the program is ready. The next program starts then.
	Socket string `json:"socket,omitempty"`
}

// Read reads a description.
func Read(file string) (Description, error) {
	var d Description
	content, err := os.ReadFile(file)
	if err != nil {
		return d, err
	}
	if err := json.Unmarshal(content, &d); err != nil {
		return d, fmt.Errorf("reading %s: %w", file, err)
	}
	return d, nil
}

// Write writes a description, whole or not at all.
func (d Description) Write(file string) error {
	content, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	unfinished := file + ".new"
	if err := os.WriteFile(unfinished, content, 0o600); err != nil {
		return err
	}
	return os.Rename(unfinished, file)
}
