package bundle

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/defenseunicorns/go-oscal/src/pkg/validation"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/tests/samples"
)

func made(t *testing.T, r result.Result) Bundle {
	t.Helper()
	b, err := Make(r, Options{Location: "ConfigMap stig/e"})
	require.NoError(t, err)
	return b
}

func TestBundle_IsTheSameInAFolderAndPacked(t *testing.T) {
	for _, s := range samples.All() {
		t.Run(s.Name, func(t *testing.T) {
			b := made(t, s.Result)
			require.NoError(t, b.Verify())
			assert.Equal(t, b, made(t, s.Result), "the same result gives the same bytes")

			folder := filepath.Join(t.TempDir(), "a", "b")
			require.NoError(t, b.Write(folder))
			read, err := ReadFolder(folder)
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
			assert.Equal(t, b, made(t, r), "every report can be made again from result.json alone")
		})
	}
}

func TestVerify_NamesEveryFileThatDiffers(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "bundle")
	require.NoError(t, made(t, samples.Fail()).Write(folder))
	at := func(name string) string { return filepath.Join(folder, name) }

	result, err := os.ReadFile(at(ResultFile))
	require.NoError(t, err)
	result[len(result)/2] ^= 1
	require.NoError(t, os.WriteFile(at(ResultFile), result, 0o644))
	require.NoError(t, os.Remove(at("junit.xml")))
	require.NoError(t, os.WriteFile(at("scan.json"), nil, 0o644))
	require.NoError(t, os.Mkdir(at("more"), 0o755))
	require.NoError(t, os.WriteFile(at("more/notes.txt"), []byte("more"), 0o644))

	b, err := ReadFolder(folder)
	require.NoError(t, err)
	err = b.Verify()
	assert.ErrorContains(t, err, "result.json differs: its SHA-256 is ")
	assert.ErrorContains(t, err, "junit.xml is missing")
	assert.ErrorContains(t, err, "scan.json differs: it has 0 bytes, not ")
	assert.ErrorContains(t, err, "more/notes.txt is not in the manifest")
	assert.NotContains(t, err.Error(), "checklist.ckl")

	require.NoError(t, os.Remove(at(ManifestFile)))
	b, err = ReadFolder(folder)
	require.NoError(t, err)
	assert.ErrorIs(t, b.Verify(), os.ErrNotExist)
}

func TestUnpack_RejectsInvalidNames(t *testing.T) {
	for _, name := range []string{"../x", "/etc/passwd", "", ".", "a//b", "junit.xml"} {
		packed, err := Bundle{Files: []File{{Name: name}, {Name: "junit.xml"}}}.Pack()
		require.NoError(t, err)
		_, err = Unpack(packed)
		assert.Error(t, err, name)
	}
}

func TestWrite_RejectsAFolderThatIsNotEmpty(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "old"), nil, 0o644))
	assert.ErrorContains(t, made(t, samples.Pass()).Write(folder), "is not empty: it has old")
	assert.NoFileExists(t, filepath.Join(folder, ResultFile))
}

func TestReadFolder_RejectsSymbolicLinks(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "bundle")
	require.NoError(t, made(t, samples.Pass()).Write(folder))
	require.NoError(t, os.Symlink("/etc/hostname", filepath.Join(folder, "link")))
	_, err := ReadFolder(folder)
	assert.ErrorContains(t, err, "link is not a regular file")
}

func TestUnpack_RejectsATruncatedBundle(t *testing.T) {
	packed, err := made(t, samples.Pass()).Pack()
	require.NoError(t, err)
	for _, n := range []int{0, 1, 20, len(packed) / 2, len(packed) - 1} {
		_, err := Unpack(packed[:n])
		assert.Error(t, err, n)
	}
}

func TestUnpack_LimitsTheUnpackedSize(t *testing.T) {
	packed, err := made(t, samples.Pass()).Pack()
	require.NoError(t, err)
	_, err = unpack(packed, 10_000)
	assert.Error(t, err)
	_, err = unpack(packed, 1<<20)
	assert.NoError(t, err)

	var padded bytes.Buffer
	zipped := gzip.NewWriter(&padded)
	plain, err := gzip.NewReader(bytes.NewReader(packed))
	require.NoError(t, err)
	_, err = io.Copy(zipped, io.MultiReader(plain, bytes.NewReader(make([]byte, 2<<20))))
	require.NoError(t, err)
	require.NoError(t, zipped.Close())
	_, err = unpack(padded.Bytes(), 1<<20)
	assert.ErrorContains(t, err, "more than 1048576 bytes", "after the last file")
}

func TestUnpack_RejectsSymbolicLinks(t *testing.T) {
	var packed bytes.Buffer
	zipped := gzip.NewWriter(&packed)
	archive := tar.NewWriter(zipped)
	link := &tar.Header{Name: "result.json", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}
	require.NoError(t, archive.WriteHeader(link))
	require.NoError(t, archive.Close())
	require.NoError(t, zipped.Close())
	_, err := Unpack(packed.Bytes())
	assert.ErrorContains(t, err, "result.json is not a regular file")
}

// Names and messages come from a cluster and may contain anything.
func TestMake_ReportsAreValidForAnyText(t *testing.T) {
	for _, text := range []string{
		"", "]]> & <b>\"'", "two\nlines\r\n ", "\x00\x1b[31mred\u2028", "\xff\xfe", strings.Repeat("ä long text ", 4000),
	} {
		for _, r := range []result.Result{samples.Fail(), samples.NotApplicable()} {
			fill(reflect.ValueOf(&r).Elem(), text)
			b := made(t, r)
			require.NoError(t, b.Verify())
			for _, f := range b.Files {
				switch filepath.Ext(f.Name) {
				case ".json", ".cklb":
					assert.True(t, json.Valid(f.Content), "%s with %q", f.Name, text)
				case ".xml", ".ckl":
					assert.NoError(t, wellFormed(f.Content), "%s with %q", f.Name, text)
				}
			}
			results, err := b.File("assessment-results.json")
			require.NoError(t, err)
			v, err := validation.NewValidator(results)
			require.NoError(t, err)
			assert.NoError(t, v.Validate(), text)
		}
	}
}

// fill sets every text in a value.
func fill(v reflect.Value, text string) {
	if v.CanAddr() {
		switch v.Addr().Interface().(type) {
		case *time.Time, *resource.Quantity:
			return
		}
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Pointer:
		if !v.IsNil() {
			fill(v.Elem(), text)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i), text)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			fill(v.Index(i), text)
		}
	default:
	}
}

func wellFormed(document []byte) error {
	d := xml.NewDecoder(bytes.NewReader(document))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func TestResult_RejectsAnotherSchema(t *testing.T) {
	r := samples.Pass()
	r.Schema = "volume-durability/result/v9"
	_, err := made(t, r).Result()
	assert.ErrorContains(t, err, `result.json has schema "volume-durability/result/v9"`)
}

func TestManifest_NamesTheTool(t *testing.T) {
	r := samples.Pass()
	m, err := made(t, r).Manifest()
	require.NoError(t, err)
	assert.Equal(t, r.Tool, m.Tool)
	assert.Equal(t, r.Verdict, m.Verdict)
	assert.Len(t, m.Files, 9)
}

func TestMake_OmitsFilesThatCouldNotBeRead(t *testing.T) {
	for has, snapshot := range map[string]result.ClusterSnapshot{
		"":                          {},
		"objects.json":              {Objects: []runtime.Object{}},
		"events.json":               {Events: []corev1.Event{}},
		"events.json, objects.json": {Objects: []runtime.Object{&corev1.Pod{}}, Events: []corev1.Event{{}}},
	} {
		r := samples.Pass()
		r.Snapshot = snapshot
		m, err := made(t, r).Manifest()
		require.NoError(t, err)
		var found []string
		for _, f := range m.Files {
			if f.Name == "objects.json" || f.Name == "events.json" {
				found = append(found, f.Name)
			}
		}
		assert.Equal(t, has, strings.Join(found, ", "))
	}
}

func TestMake_RejectsAnUnknownRule(t *testing.T) {
	_, err := Make(samples.Pass(), Options{Rule: "V-1"})
	assert.ErrorContains(t, err, `unknown rule "V-1"`)
}

// packedByHand returns the archive that tar(1) makes of a folder, with an entry for the folder.
func packedByHand(t *testing.T, prefix string, files []File) []byte {
	t.Helper()
	var packed bytes.Buffer
	zipped := gzip.NewWriter(&packed)
	archive := tar.NewWriter(zipped)
	require.NoError(t, archive.WriteHeader(&tar.Header{Name: prefix, Typeflag: tar.TypeDir, Mode: 0o755}))
	for _, f := range files {
		header := &tar.Header{Name: prefix + f.Name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(f.Content))}
		require.NoError(t, archive.WriteHeader(header))
		_, err := archive.Write(f.Content)
		require.NoError(t, err)
	}
	require.NoError(t, archive.Close())
	require.NoError(t, zipped.Close())
	return packed.Bytes()
}

func TestUnpack_AcceptsABundleInAFolder(t *testing.T) {
	want := made(t, samples.Pass())
	for _, prefix := range []string{"./", "run-1/", "./run-1/", "evidence/run-1/"} {
		b, err := Unpack(packedByHand(t, prefix, want.Files))
		require.NoError(t, err, prefix)
		assert.Equal(t, want, b, prefix)
		assert.NoError(t, b.Verify(), prefix)
	}
}

func TestUnpack_RejectsFilesBesideTheFolderOfTheBundle(t *testing.T) {
	files := append([]File{{"../outside", nil}}, made(t, samples.Pass()).Files...)
	_, err := Unpack(packedByHand(t, "run-1/", files))
	assert.ErrorContains(t, err, `"run-1/../outside" is not the name of a file in a folder`)
	files[0].Name = "extra"
	b, err := Unpack(packedByHand(t, "run-1/", files))
	require.NoError(t, err)
	assert.ErrorContains(t, b.Verify(), "extra is not in the manifest")
}
