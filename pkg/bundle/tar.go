package bundle

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
)

// maxUnpackedSize is many times the size of a bundle, and fits into memory.
const maxUnpackedSize = 256 << 20

// Pack returns the bundle as a gzipped tar. The same bundle gives the same bytes.
func (b Bundle) Pack() ([]byte, error) {
	var packed bytes.Buffer
	zipped, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return nil, fmt.Errorf("packing a bundle: %w", err)
	}
	archive := tar.NewWriter(zipped)
	for _, f := range b.Files {
		header := &tar.Header{Name: f.Name, Mode: 0o644, Size: int64(len(f.Content)), Format: tar.FormatPAX}
		if err := archive.WriteHeader(header); err != nil {
			return nil, fmt.Errorf("packing %s: %w", f.Name, err)
		}
		if _, err := archive.Write(f.Content); err != nil {
			return nil, fmt.Errorf("packing %s: %w", f.Name, err)
		}
	}
	if err := errors.Join(archive.Close(), zipped.Close()); err != nil {
		return nil, fmt.Errorf("packing a bundle: %w", err)
	}
	return packed.Bytes(), nil
}

// Unpack returns the bundle in a gzipped tar. The files may be in a folder, as in an archive that tar(1) made of the
// bundle's folder. Unpack does not verify the bundle.
func Unpack(packed []byte) (Bundle, error) { return unpack(packed, maxUnpackedSize) }

func unpack(packed []byte, limit int64) (Bundle, error) {
	zipped, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return Bundle{}, fmt.Errorf("unpacking a bundle: %w", err)
	}
	limited := &io.LimitedReader{R: zipped, N: limit}
	archive := tar.NewReader(limited)
	var b Bundle
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Bundle{}, fmt.Errorf("unpacking a bundle: %w", err)
		}
		if header.Typeflag == tar.TypeDir || header.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		if header.Typeflag != tar.TypeReg {
			return Bundle{}, fmt.Errorf("unpacking a bundle: %s is not a regular file", header.Name)
		}
		content, err := io.ReadAll(archive)
		if err != nil {
			return Bundle{}, fmt.Errorf("unpacking %s: %w", header.Name, err)
		}
		b.Files = append(b.Files, File{strings.TrimPrefix(header.Name, "./"), content})
	}
	// Reading to the end checks the sum of the archive.
	if _, err := io.Copy(io.Discard, limited); err != nil {
		return Bundle{}, fmt.Errorf("unpacking a bundle: %w", err)
	}
	if limited.N <= 0 {
		return Bundle{}, fmt.Errorf("unpacking a bundle: it has more than %d bytes", limit)
	}
	if err := b.checkNames(); err != nil {
		return Bundle{}, fmt.Errorf("unpacking a bundle: %w", err)
	}
	b.removeFolder()
	b.sort()
	return b, nil
}

// removeFolder removes the folder of the manifest from all names, if all files are in that folder.
func (b Bundle) removeFolder() {
	i := slices.IndexFunc(b.Files, func(f File) bool { return path.Base(f.Name) == ManifestFile })
	if i < 0 {
		return
	}
	prefix := strings.TrimSuffix(b.Files[i].Name, ManifestFile)
	if slices.ContainsFunc(b.Files, func(f File) bool { return !strings.HasPrefix(f.Name, prefix) }) {
		return
	}
	for i := range b.Files {
		b.Files[i].Name = strings.TrimPrefix(b.Files[i].Name, prefix)
	}
}
