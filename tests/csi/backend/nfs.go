package backend

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"

	"github.com/volume-durability/volume-durability/tests/csi/mounts"
	"github.com/volume-durability/volume-durability/tests/csi/store"
)

// stageNFS mounts a volume, which is a folder in what a server exports. The node makes the
// folder: it has a client, and the machine of the controller may have none. The folder of a volume
// that was deleted stays on the server.
func stageNFS(ctx context.Context, v store.Volume, point string, options []string) error {
	export := or(v.Parameters[exportParameter], "/")
	if err := makeFolder(ctx, remote(v, export), v.ID, options); err != nil {
		return fmt.Errorf("making the folder of volume %s: %w", v.ID, err)
	}
	return mounts.Filesystem(ctx, NFS, remote(v, path.Join(export, v.ID)), point, options)
}

// remote names a folder as mount(8) takes it.
func remote(v store.Volume, folder string) string {
	return v.Parameters[serverParameter] + ":" + folder
}

func makeFolder(ctx context.Context, export, name string, options []string) (err error) {
	root, err := os.MkdirTemp("", "nfs-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, mounts.Remove(root)) }()
	if err := mounts.Filesystem(ctx, NFS, export, root, options); err != nil {
		return err
	}
	return os.MkdirAll(path.Join(root, name), 0o755)
}
