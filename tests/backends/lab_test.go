package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/tests/cluster/guest"
)

func TestCheck_NamesAModuleThatTheKernelLacks(t *testing.T) {
	l := &lab{packages: guest.Packages{Dir: t.TempDir()}}
	dir := filepath.Join(l.packages.Dir, "usr/lib/uml/modules/6.1.0")
	require.NoError(t, os.MkdirAll(dir, 0o755))
	const list = "kernel/block/nbd.ko:\nkernel/md/dm-flakey.ko: kernel/md/dm-mod.ko\nkernel/md/dm-mod.ko:\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "modules.dep"), []byte(list), 0o600))
	assert.NoError(t, l.check([]string{"nbd", "dm-flakey", "dm-mod"}))
	assert.EqualError(t, l.check([]string{"nbd", "drbd"}), "the kernel 6.1.0 has no module drbd")
}
