package faultfs

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/tests/faultfs/event"
)

// withFolder creates the folder that is the target, with a file.
func withFolder(t *testing.T) func(dir string) {
	return func(dir string) {
		require.NoError(t, os.Mkdir(filepath.Join(dir, "folder"), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "folder", "kept"), []byte("kept"), 0o640))
	}
}

func (m *mounted) in(name string) string { return filepath.Join(m.point, "folder", name) }

// create writes a file in the folder.
func (m *mounted) create(name, content string) {
	m.t.Helper()
	require.NoError(m.t, os.WriteFile(m.in(name), []byte(content), 0o640))
}

// replace replaces a file in the folder as applications do.
func (m *mounted) replace(name, content string) {
	m.t.Helper()
	m.create("temporary", content)
	require.NoError(m.t, os.Rename(m.in("temporary"), m.in(name)))
	m.syncFolder()
}

func (m *mounted) syncFolder() {
	m.t.Helper()
	folder, err := os.Open(filepath.Join(m.point, "folder"))
	require.NoError(m.t, err)
	require.NoError(m.t, folder.Sync())
	require.NoError(m.t, folder.Close())
}

// requireFiles requires the content of every file in the folder, also beneath the mount.
func (m *mounted) requireFiles(want map[string]string) {
	m.t.Helper()
	for _, folder := range []string{filepath.Join(m.point, "folder"), filepath.Join(m.dir, "folder")} {
		entries, err := os.ReadDir(folder)
		require.NoError(m.t, err)
		got := map[string]string{}
		for _, e := range entries {
			content, err := os.ReadFile(filepath.Join(folder, e.Name()))
			require.NoError(m.t, err)
			got[e.Name()] = string(content)
		}
		require.Equal(m.t, want, got, folder)
	}
}

func TestEntries_OfRenames(t *testing.T) {
	for fault, want := range map[string]map[string]string{
		"lose-rename":  {"kept": "kept", "a": "a2", "b": "b1", "temporary": "b2"},
		"empty-rename": {"kept": "kept", "a": "a2", "b": ""},
		"both-names":   {"kept": "kept", "a": "a2", "b": "b2", "temporary": "b2"},
		// The second rename to undo finds that the old name has a file.
		"lose-rename:count=2":  {"kept": "kept", "a": "a1", "b": "b1", "temporary": "b2"},
		"empty-rename:count=2": {"kept": "kept", "a": "", "b": ""},
		"lose-rename:count=4":  {"kept": "kept", "temporary": "b2"},
	} {
		t.Run(fault, func(t *testing.T) {
			m := mount(t, fault, "renames=4", withFolder(t))
			for _, content := range []string{"1", "2"} {
				m.replace("a", "a"+content)
				assert.Empty(t, m.all(event.Fault))
				m.replace("b", "b"+content)
			}
			m.the(event.Fault)
			m.requireFiles(want)
			m.replace("b", "b3") // the folder can still be used
			want["b"] = "b3"
			if delete(want, "temporary"); fault == "both-names" {
				want["temporary"] = "b3" // a rename between two names of the same file does nothing
			}
			m.requireFiles(want)
		})
	}
}

func TestEntries_LoseCreateRemovesTheLastCreatedFile(t *testing.T) {
	m := mount(t, "lose-create", "creates=2", withFolder(t))
	m.create("a", "a")
	m.syncFolder()
	m.create("b", "b")
	assert.Empty(t, m.all(event.Fault), "the folder is not synced yet")
	m.syncFolder()
	assert.Equal(t, "b", m.the(event.Fault).Detail)
	m.requireFiles(map[string]string{"kept": "kept", "a": "a"})
}

func TestEntries_UndoUnlinkRestoresTheFile(t *testing.T) {
	m := mount(t, "undo-unlink", "unlinks=1", withFolder(t))
	require.NoError(t, os.Remove(m.in("kept")))
	m.requireFiles(map[string]string{})
	m.syncFolder()
	assert.Equal(t, "kept", m.the(event.Fault).Detail)
	m.requireFiles(map[string]string{"kept": "kept"})
	info, err := os.Stat(m.in("kept"))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o640), info.Mode())
}

func TestEntries_AListingTriggersTheFault(t *testing.T) {
	m := mount(t, "lose-create", "lists=2", withFolder(t))
	m.create("a", "a")
	m.syncFolder()
	m.create("b", "b") // lost too: it is not synced
	list := func() (names []string) {
		entries, err := os.ReadDir(filepath.Join(m.point, "folder"))
		require.NoError(t, err)
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return names
	}
	assert.Equal(t, []string{"a", "b", "kept"}, list())
	assert.Empty(t, m.all(event.Fault))
	assert.Equal(t, []string{"kept"}, list())
	assert.Equal(t, "b, a", m.the(event.Fault).Detail)
}

func TestEntries_WithoutAnAffectedFileAreAnError(t *testing.T) {
	m := mount(t, "undo-unlink", "sync=1", withFolder(t))
	m.create("a", "a")
	m.syncFolder()
	assert.Empty(t, m.all(event.Fault))
	assert.Contains(t, m.the(event.Error).Detail, "nothing was damaged")
}

func TestEntries_OfAnotherFolderDoNotCount(t *testing.T) {
	m := mount(t, "lose-create", "creates=1", withFolder(t))
	other := filepath.Join(m.point, "other")
	require.NoError(t, os.Mkdir(other, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(other, "a"), nil, 0o600))
	m.syncFolder()
	assert.Empty(t, m.all(event.Fault))
	assert.FileExists(t, filepath.Join(other, "a"))
}

func TestEntries_RollBackRestoresAFolder(t *testing.T) {
	m := mount(t, "roll-back:snapshot=sync:1", "sync=2", withFolder(t))
	m.replace("kept", "new")
	m.create("a", "a")
	m.replace("kept", "newer")
	m.the(event.Fault)
	m.requireFiles(map[string]string{"kept": "new"})
}
