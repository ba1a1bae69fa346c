#!/bin/sh
# fsync of a folder succeeds on bindfs, unionfs-fuse and mhddfs, and never reaches the
# folder below. fuse-overlayfs passes it on.
#
# A program that creates or renames a file calls fsync on the folder so that the new
# name survives a power failure. These daemons do pass fsync of files on, so one would
# expect the same for folders. They do not implement FUSE_FSYNCDIR; the kernel turns
# their ENOSYS into success, and the caller cannot tell.
#
# Seen with Debian's bindfs 1.14.7-1, unionfs-fuse 1.0-1+b1, mhddfs 0.1.39+nmu2,
# fuse-overlayfs 1.10-1, kernel 6.18. Needs root, FUSE and python3.
set -eu
dir=$(mktemp -d)
bin=$dir/packages daemon=
cleanup() {
    [ -z "$daemon" ] || kill "$daemon" 2>/dev/null || true
    ! mountpoint -q "$dir/mnt" || umount "$dir/mnt"
    wait
    rm -rf "$dir"
}
trap cleanup EXIT
mkdir "$bin"
(cd "$bin" && apt-get download -qq bindfs=1.14.7-1 unionfs-fuse=1.0-1+b1 mhddfs=0.1.39+nmu2 \
    fuse-overlayfs=1.10-1 libfuse3-3 libfuse2 libglib2.0-0 strace >/dev/null)
for deb in "$bin"/*.deb; do dpkg-deb -x "$deb" "$bin"; done
libs=$bin/lib/$(uname -m)-linux-gnu:$bin/usr/lib/$(uname -m)-linux-gnu
until_true() { for _ in $(seq 100); do if "$@"; then return 0; fi; sleep 0.1; done; echo "timed out: $*"; exit 1; }

# reached NAME COMMAND... prints how many fsyncs of a file and of a folder reached the lower filesystem.
reached() {
    name=$1
    shift
    mkdir "$dir/low" "$dir/other" "$dir/work" "$dir/mnt"
    LD_LIBRARY_PATH=$libs "$bin/usr/bin/strace" -f -y -o "$dir/trace" -e trace=fsync,fdatasync "$@" >/dev/null 2>&1 &
    daemon=$!
    until_true mountpoint -q "$dir/mnt"
    python3 - "$dir/mnt" <<'PYTHON'
import os, sys
f = os.open(sys.argv[1] + "/file", os.O_WRONLY | os.O_CREAT)
os.write(f, b"x"); os.fsync(f)
d = os.open(sys.argv[1], os.O_RDONLY)
os.fsync(d)  # raises an error if it fails
PYTHON
    umount "$dir/mnt"
    wait "$daemon" || true
    daemon=
    files=$(grep -c 'sync([0-9]*</.*/file>' "$dir/trace" || true)
    folders=$(grep 'sync(' "$dir/trace" | grep -vc '/file>' || true)
    echo "$name: fsync of the file reached the disk's filesystem: $files, of the folder: $folders"
    rm -rf "$dir/low" "$dir/other" "$dir/work" "$dir/mnt" "$dir/trace"
}
{
    reached bindfs "$bin/usr/bin/bindfs" -f "$dir/low" "$dir/mnt"
    reached unionfs-fuse "$bin/usr/bin/unionfs" -f "$dir/low=RW" "$dir/mnt"
    reached mhddfs "$bin/usr/bin/mhddfs" -f "$dir/low,$dir/other" "$dir/mnt"
    reached fuse-overlayfs "$bin/usr/bin/fuse-overlayfs" -f -o "lowerdir=$dir/low,upperdir=$dir/other,workdir=$dir/work" "$dir/mnt"
} | tee "$dir/seen"
cat >"$dir/want" <<'WANT'
bindfs: fsync of the file reached the disk's filesystem: 1, of the folder: 0
unionfs-fuse: fsync of the file reached the disk's filesystem: 1, of the folder: 0
mhddfs: fsync of the file reached the disk's filesystem: 1, of the folder: 0
fuse-overlayfs: fsync of the file reached the disk's filesystem: 1, of the folder: 1
WANT
cmp -s "$dir/seen" "$dir/want" || { echo "CHANGED, expected:"; cat "$dir/want"; exit 1; }
