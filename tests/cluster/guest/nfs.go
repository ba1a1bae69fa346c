package guest

import (
	"path/filepath"
	"strings"
)

// ExportPath is where a storage server has the folder that it exports, for clients of NFS
// version 3. It is the root of NFS version 4, so clients of that mount "/".
const ExportPath = "/export"

// NFSModules are the kernel modules of clients.
var NFSModules = []string{"nfsv3", "nfsv4"}

// exports is the configuration of the server.
const exports = "/etc/exports"

// ServeNFS makes a guest a kernel NFS server of a folder on its disk. Options are those of
// exports(5), such as rw,sync,no_root_squash. What the server keeps about its clients is on the
// disk too. The grace and lease periods are the shortest that the server supports.
func (d *Description) ServeNFS(options string) {
	exported, state := filepath.Join(d.Disk, "export"), filepath.Join(d.Disk, "nfs")
	d.Modules = append(d.Modules, "nfsd")
	d.Folders = append(d.Folders, exported, filepath.Join(state, "sm"), filepath.Join(state, "sm.bak"),
		filepath.Join(state, "nfsdcld"))
	d.Binds = map[string]string{ExportPath: exported, "/var/lib/nfs": state}
	d.addFile(exports, exportLine(options))
	d.Commands = append(d.Commands,
		[]string{"mkdir", "-p", "/run/rpc_pipefs", "/run/sendsigs.omit.d"},
		[]string{"mount", "-t", "rpc_pipefs", "rpc_pipefs", "/run/rpc_pipefs"},
		[]string{"mount", "-t", "nfsd", "nfsd", "/proc/fs/nfsd"},
		[]string{"chmod", "0777", ExportPath},
		[]string{"sh", "-c", addUser},
		[]string{"rpcbind"},
		[]string{"rpc.statd"},
		[]string{"nfsdcld"},
		[]string{"exportfs", "-ra"},
		[]string{"rpc.mountd"},
		startNFS,
	)
}

// startNFS starts the threads of the server. A grace period then begins.
var startNFS = []string{"rpc.nfsd", "--grace-time", "10", "--lease-time", "10", "8"}

// RestartNFS returns a script that stops and starts a running server, as the service of its package does. The machine
// continues to run.
func RestartNFS() string {
	return "rpc.nfsd 0 && exportfs -au && exportfs -f && exportfs -r && " + strings.Join(startNFS, " ")
}

// addUser adds the user of rpcbind, which the installation of its package would add.
const addUser = `grep -q ^_rpc: /etc/passwd || echo _rpc:x:65533:65534::/run/rpcbind:/usr/sbin/nologin >>/etc/passwd`

// SetExport changes the export options of a storage server.
func (d *Description) SetExport(options string) { d.Files[exports] = exportLine(options) }

// exportLine is the line of /etc/exports for some options.
func exportLine(options string) string {
	return ExportPath + " *(fsid=0,no_subtree_check," + options + ")\n"
}

// ExportCommand makes a running server use other options.
func ExportCommand(options string) []string {
	const change = `printf '%s\n' "$1" >` + exports + ` && exportfs -ra && exportfs -v`
	return []string{"sh", "-c", change, "export", exportLine(options)}
}
