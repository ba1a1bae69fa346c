package volume

// Datasync makes everything that was written to the file durable. On macOS, fsync(2) does
// not flush the cache of the device. Sync uses F_FULLFSYNC, which does, and fsync(2) if
// the filesystem does not support that.
func (f *File) Datasync() error { return syncLimit(f.Sync()) }
