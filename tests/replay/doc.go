// Package replay tests a filesystem as a power failure would leave it, at every flush and every acknowledgement.
//
// A Disk records each write and each flush that a filesystem sends to it, and in which order. A journal or the objects
// of a write pattern are written to the filesystem, and each acknowledgement notes how much the disk had recorded by
// then. Then the disk is rebuilt as of each flush, mounted, read and judged: every record that was acknowledged by then
// must be there. dm-log-writes in the Linux kernel works in the same way; this package needs no device mapper.
package replay
