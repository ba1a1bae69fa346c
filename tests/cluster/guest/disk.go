package guest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
)

// diskSize is that of a guest's disk. The image is sparse.
const diskSize = 16 << 30

// MakeDisk makes the image of a disk with an ext4, unless it exists.
func MakeDisk(ctx context.Context, image string) error {
	if _, err := os.Stat(image); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	unfinished := image + ".new"
	if err := os.WriteFile(unfinished, nil, 0o600); err != nil {
		return err
	}
	if err := os.Truncate(unfinished, diskSize); err != nil {
		return err
	}
	mkfs := exec.CommandContext(ctx, "mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=1,lazy_journal_init=1", unfinished)
	if output, err := mkfs.CombinedOutput(); err != nil {
		return fmt.Errorf("formatting %s: %w: %s", image, err, output)
	}
	return os.Rename(unfinished, image)
}
