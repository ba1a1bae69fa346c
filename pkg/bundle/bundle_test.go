package bundle

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/evidence"
	"github.com/volume-durability/volume-durability/tests/samples"
)

func made(t *testing.T, r evidence.Result) Bundle {
	t.Helper()
	b, err := Make(r, Options{Where: "ConfigMap stig/e", Extra: []File{{"events.json", []byte("[]\n")}, {"objects/pvc.yaml", []byte("kind: PersistentVolumeClaim\n")}}})
	require.NoError(t, err)
	return b
}

func TestABundleIsTheSameInAFolderAndPacked(t *testing.T) {
	for _, s := range samples.All() {
		t.Run(s.Name, func(t *testing.T) {
			b := made(t, s.Result)
			require.NoError(t, b.Verify())
			assert.Equal(t, b, made(t, s.Result), "the same result makes the same bytes")

			folder := filepath.Join(t.TempDir(), "a", "b")
			require.NoError(t, b.Write(folder))
			read, err := Read(folder)
			require.NoError(t, err)
			assert.Equal(t, b, read)

			packed, err := b.Pack()
			require.NoError(t, err)
			unpacked, err := Unpack(packed)
			require.NoError(t, err)
			assert.Equal(t, b, unpacked)

			r, err := unpacked.Result()
			require.NoError(t, err)
			again, err := json.Marshal(r)
			require.NoError(t, err)
			first, err := json.Marshal(s.Result)
			require.NoError(t, err)
			assert.JSONEq(t, string(first), string(again), "nothing is lost in result.json")
			assert.Equal(t, b, made(t, r), "every form can be made again from result.json alone")
		})
	}
}

func TestEveryFileThatIsNotAsListedIsNamed(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "bundle")
	require.NoError(t, made(t, samples.Fail()).Write(folder))
	at := func(name string) string { return filepath.Join(folder, name) }

	result, err := os.ReadFile(at(ResultFile))
	require.NoError(t, err)
	result[len(result)/2] ^= 1
	require.NoError(t, os.WriteFile(at(ResultFile), result, 0o644))
	require.NoError(t, os.Remove(at("objects/pvc.yaml")))
	require.NoError(t, os.WriteFile(at("events.json"), nil, 0o644))
	require.NoError(t, os.WriteFile(at("objects/more.yaml"), []byte("more"), 0o644))

	b, err := Read(folder)
	require.NoError(t, err)
	err = b.Verify()
	assert.ErrorContains(t, err, "result.json differs: its SHA-256 is ")
	assert.ErrorContains(t, err, "objects/pvc.yaml is missing")
	assert.ErrorContains(t, err, "events.json differs: it has 0 bytes, not 3")
	assert.ErrorContains(t, err, "objects/more.yaml is not in the manifest")
	assert.NotContains(t, err.Error(), "checklist.ckl")

	require.NoError(t, os.Remove(at(ManifestFile)))
	b, err = Read(folder)
	require.NoError(t, err)
	assert.ErrorIs(t, b.Verify(), os.ErrNotExist)
}

func TestNamesThatHideOrLeaveAreRefused(t *testing.T) {
	for _, name := range []string{"../x", "/etc/passwd", "", ".", "a//b", "result.json", "manifest.json", "junit.xml"} {
		_, err := Make(samples.Pass(), Options{Extra: []File{{Name: name}}})
		assert.Error(t, err, name)
		packed, err := Bundle{Files: []File{{Name: name}, {Name: "junit.xml"}}}.Pack()
		require.NoError(t, err)
		if _, err = Unpack(packed); name != "result.json" && name != "manifest.json" {
			assert.Error(t, err, name)
		}
	}
}

func TestAFolderThatIsNotEmptyIsNoBundle(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "old"), nil, 0o644))
	assert.ErrorContains(t, made(t, samples.Pass()).Write(folder), "is not empty: old is in it")
	assert.NoFileExists(t, filepath.Join(folder, ResultFile))
}

func TestWhatIsNoRegularFileIsNotRead(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "bundle")
	require.NoError(t, made(t, samples.Pass()).Write(folder))
	require.NoError(t, os.Symlink("/etc/hostname", filepath.Join(folder, "link")))
	_, err := Read(folder)
	assert.ErrorContains(t, err, "link is no regular file")
}

func TestABundleThatWasCutIsNotUnpacked(t *testing.T) {
	packed, err := made(t, samples.Pass()).Pack()
	require.NoError(t, err)
	for _, n := range []int{0, 1, 20, len(packed) / 2, len(packed) - 1} {
		_, err := Unpack(packed[:n])
		assert.Error(t, err, n)
	}
}

func TestAnotherSchemaIsSaid(t *testing.T) {
	r := samples.Pass()
	r.Schema = "volume-durability/result/v9"
	_, err := made(t, r).Result()
	assert.ErrorContains(t, err, `result.json is of schema "volume-durability/result/v9"`)
}

func TestTheManifestNamesTheTool(t *testing.T) {
	r := samples.Pass()
	m, err := made(t, r).Manifest()
	require.NoError(t, err)
	assert.Equal(t, r.Tool, m.Tool)
	assert.Equal(t, r.Verdict, m.Verdict)
	assert.Len(t, m.Files, 9)
}

func TestARuleThatNobodyKnowsIsAnError(t *testing.T) {
	_, err := Make(samples.Pass(), Options{Rule: "V-1"})
	assert.ErrorContains(t, err, `rule "V-1" is not known`)
}
