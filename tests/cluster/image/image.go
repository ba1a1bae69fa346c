package image

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/google/go-containerregistry/pkg/name"
)

// entry is one file of an image. Entries are sorted and have no times, so that the same
// files always make the same image.
type entry struct {
	path    string
	mode    int64
	content []byte
	link    string
	dir     bool
}

// Program returns an image that contains only one static program, /NAME.
func Program(ref, file string) (v1.Image, error) {
	program, err := fileEntry(file, "/"+strings.SplitN(filepath.Base(ref), ":", 2)[0])
	if err != nil {
		return nil, err
	}
	return build(recipeConfig(Recipe{Entrypoint: []string{program.path}}), []entry{program})
}

// Busybox returns an image with a static busybox and a link for each of its applets,
// like the official image.
func Busybox(binary string, applets []string) (v1.Image, error) {
	entries, err := busyboxEntries(binary, applets)
	if err != nil {
		return nil, err
	}
	return build(recipeConfig(Recipe{Cmd: []string{"sh"}}), entries)
}

// passwd defines the user that images of this project run as.
const passwd = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65532:65532:nobody:/:/bin/false\n"

func busyboxEntries(binary string, applets []string) ([]entry, error) {
	box, err := fileEntry(binary, "/bin/busybox")
	if err != nil {
		return nil, err
	}
	entries := []entry{
		box,
		{path: "/tmp", mode: 0o1777, dir: true},
		{path: "/etc/passwd", mode: 0o644, content: []byte(passwd)},
		{path: "/etc/group", mode: 0o644, content: []byte("root:x:0:\nnobody:x:65532:\n")},
	}
	for _, applet := range applets {
		if applet != "busybox" {
			entries = append(entries, entry{path: "/bin/" + applet, mode: 0o777, link: "busybox"})
		}
	}
	return entries, nil
}

// FromDockerfile returns the image of the last stage of a Dockerfile. Files that it copies
// from an earlier stage are taken from a folder instead. FROM must be a busybox.
func FromDockerfile(content, from, busybox string, applets []string) (v1.Image, error) {
	recipe, err := ParseDockerfile(content)
	if err != nil {
		return nil, err
	}
	if base := strings.SplitN(recipe.From, ":", 2)[0]; base != "busybox" {
		return nil, fmt.Errorf("dockerfile: FROM %s: only busybox is supported", recipe.From)
	}
	entries, err := busyboxEntries(busybox, applets)
	if err != nil {
		return nil, err
	}
	for _, c := range recipe.Copies {
		for _, source := range c.Sources {
			file, err := fileEntry(filepath.Join(from, source), c.TargetOf(source))
			if err != nil {
				return nil, err
			}
			entries = append(entries, file)
		}
	}
	return build(recipeConfig(recipe), entries)
}

// Write writes an image to a tar file that a container runtime can import.
func Write(file, ref string, img v1.Image) error {
	tag, err := name.NewTag(ref, name.StrictValidation)
	if err != nil {
		return err
	}
	return tarball.WriteToFile(file, tag, img)
}

func recipeConfig(r Recipe) v1.Config {
	return v1.Config{
		User: r.User, WorkingDir: r.WorkDir, Entrypoint: r.Entrypoint, Cmd: r.Cmd, Labels: r.Labels,
		Env: append([]string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}, r.Env...),
	}
}

func fileEntry(file, target string) (entry, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return entry{}, fmt.Errorf("image file %s: %w", target, err)
	}
	info, err := os.Stat(file)
	if err != nil {
		return entry{}, err
	}
	return entry{path: target, mode: int64(info.Mode().Perm()), content: content}, nil
}

func build(config v1.Config, entries []entry) (v1.Image, error) {
	layer, err := layerOf(entries)
	if err != nil {
		return nil, err
	}
	img, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		return nil, err
	}
	file, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.Architecture, file.OS, file.Config = runtime.GOARCH, "linux", config
	return mutate.ConfigFile(img, file)
}

func layerOf(entries []entry) (v1.Layer, error) {
	var buffer bytes.Buffer
	w := tar.NewWriter(&buffer)
	for _, e := range withFolders(entries) {
		header := &tar.Header{
			Name: strings.TrimPrefix(e.path, "/"), Mode: e.mode, Size: int64(len(e.content)), Typeflag: tar.TypeReg,
		}
		switch {
		case e.dir:
			header.Typeflag, header.Name = tar.TypeDir, header.Name+"/"
		case e.link != "":
			header.Typeflag, header.Linkname = tar.TypeSymlink, e.link
		}
		if err := w.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := w.Write(e.content); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(buffer.Bytes())), nil
	})
}

// withFolders adds the parent folders of the entries, and sorts.
func withFolders(entries []entry) []entry {
	known := map[string]bool{"/": true}
	for _, e := range entries {
		known[e.path] = true
	}
	all := slices.Clone(entries)
	for _, e := range entries {
		for dir := path.Dir(e.path); !known[dir]; dir = path.Dir(dir) {
			known[dir] = true
			all = append(all, entry{path: dir, mode: 0o755, dir: true})
		}
	}
	slices.SortFunc(all, func(a, b entry) int { return strings.Compare(a.path, b.path) })
	return all
}
