package replay

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// Images serves images of a disk as files: the disk itself, and the disk after power cuts. Loop devices can be attached
// to the files.
type Images struct {
	disk   *Disk
	folder string
	root   *fusefs.Inode
	server *fuse.Server

	mu  sync.Mutex
	cut int // the number of images of power cuts so far
}

// Serve mounts a filesystem with the images on a folder. Only root can mount it.
func Serve(disk *Disk, folder string) (*Images, error) {
	images := &Images{disk: disk, folder: folder}
	root := &fusefs.Inode{}
	server, err := fusefs.Mount(folder, root, &fusefs.Options{
		MountOptions: fuse.MountOptions{DirectMountStrict: true, FsName: "replay", Name: "replay", MaxWrite: 1 << 20},
		OnAdd: func(ctx context.Context) {
			root.AddChild("disk", root.NewPersistentInode(ctx, &file{image: liveImage{disk}}, fusefs.StableAttr{}), false)
		},
	})
	if err != nil {
		return nil, fmt.Errorf("mounting %s: %w", folder, err)
	}
	images.root, images.server = root, server
	return images, nil
}

// Close unmounts the images. None may be in use.
func (i *Images) Close() error { return i.server.Unmount() }

// Disk returns the path of the disk. Writes to it are recorded.
func (i *Images) Disk() string { return filepath.Join(i.folder, "disk") }

// AfterPowerCut returns the path of a new image of the disk after a power cut. Writes to it do not change the disk. The
// caller must call remove when the image is not in use any more.
func (i *Images) AfterPowerCut(ctx context.Context, c PowerCut) (path string, remove func()) {
	i.mu.Lock()
	i.cut++
	name := fmt.Sprint("cut-", i.cut)
	i.mu.Unlock()
	image := &cutImage{disk: i.disk, cut: c, written: map[int64][]byte{}}
	i.root.AddChild(name, i.root.NewPersistentInode(ctx, &file{image: image}, fusefs.StableAttr{}), false)
	return filepath.Join(i.folder, name), func() {
		i.root.RmChild(name)
		_ = i.root.NotifyEntry(name) // the kernel may not know it
	}
}

// image is the content of a file. Offsets and lengths are multiples of sectorSize.
type image interface {
	read(b []byte, offset int64)
	write(b []byte, offset int64) error
	flush()
	size() int64
}

// liveImage is the disk itself.
type liveImage struct{ *Disk }

func (l liveImage) read(b []byte, offset int64) {
	l.Disk.read(b, offset, func(int64, version) bool { return true })
}
func (l liveImage) write(b []byte, offset int64) error { return l.Write(b, offset) }
func (l liveImage) flush()                             { l.Flush() }
func (l liveImage) size() int64                        { return l.Disk.size }

// cutImage is a disk after a power cut, with what was written since.
type cutImage struct {
	disk *Disk
	cut  PowerCut

	mu      sync.Mutex
	written map[int64][]byte
}

func (c *cutImage) read(b []byte, offset int64) {
	c.disk.read(b, offset, c.cut.keeps)
	c.mu.Lock()
	defer c.mu.Unlock()
	for at := int64(0); at < int64(len(b)); at += sectorSize {
		copy(b[at:], c.written[(offset+at)/sectorSize])
	}
}

func (c *cutImage) write(b []byte, offset int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for at := int64(0); at < int64(len(b)); at += sectorSize {
		c.written[(offset+at)/sectorSize] = append([]byte(nil), b[at:at+sectorSize]...)
	}
	return nil
}

func (c *cutImage) flush()      {}
func (c *cutImage) size() int64 { return c.disk.size }

// file is an image as a file.
type file struct {
	fusefs.Inode
	image image
}

var (
	_ fusefs.NodeGetattrer = (*file)(nil)
	_ fusefs.NodeSetattrer = (*file)(nil)
	_ fusefs.NodeOpener    = (*file)(nil)
	_ fusefs.NodeReader    = (*file)(nil)
	_ fusefs.NodeWriter    = (*file)(nil)
	_ fusefs.NodeFsyncer   = (*file)(nil)
)

// Getattr returns the size. A mode is all that a loop device needs besides.
func (f *file) Getattr(_ context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	out.Mode, out.Size = uint32(fs.FileMode(0o600)), uint64(f.image.size())
	return fusefs.OK
}

// Setattr accepts changes of times only.
func (f *file) Setattr(
	ctx context.Context, handle fusefs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut,
) syscall.Errno {
	if size, changes := in.GetSize(); changes && int64(size) != f.image.size() {
		return syscall.EPERM
	}
	return f.Getattr(ctx, handle, out)
}

// Open keeps the kernel's cache: no other process changes an image.
func (f *file) Open(context.Context, uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	return nil, fuse.FOPEN_KEEP_CACHE, fusefs.OK
}

// Read implements read(2). The kernel reads whole pages.
func (f *file) Read(_ context.Context, _ fusefs.FileHandle, b []byte, offset int64) (fuse.ReadResult, syscall.Errno) {
	b = b[:max(0, min(int64(len(b)), f.image.size()-offset))]
	f.image.read(b, offset)
	return fuse.ReadResultData(b), fusefs.OK
}

// Write implements write(2).
func (f *file) Write(_ context.Context, _ fusefs.FileHandle, b []byte, offset int64) (uint32, syscall.Errno) {
	if err := f.image.write(b, offset); err != nil {
		return 0, syscall.EIO
	}
	return uint32(len(b)), fusefs.OK
}

// Fsync implements fsync(2), with which a loop device flushes.
func (f *file) Fsync(context.Context, fusefs.FileHandle, uint32) syscall.Errno {
	f.image.flush()
	return fusefs.OK
}
