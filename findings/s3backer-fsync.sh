#!/bin/sh
# s3backer reports success for a sync of its file, and keeps the data in memory. If it is killed
# right after the sync, the data is gone.
#
# The file is meant as the disk of a filesystem on a loop device, so one would expect a sync to do
# what a flush of a disk does. s3backer 1.5.4 does not implement FUSE_FSYNC; the kernel turns ENOSYS
# into success. Its block cache writes a block up to 250 ms later. With --blockCacheSync, a write
# returns only after the block is stored.
#
# Upstream: https://github.com/archiecobbs/s3backer/issues/197 (changed after 1.5.4)
# Seen with Debian's s3backer 1.5.4-2+b1, kernel 6.18. Needs root, FUSE, libcurl4 and python3.
set -eu
dir=$(mktemp -d)
bin=$dir/packages daemon=
cleanup() {
    [ -z "$daemon" ] || kill -KILL "$daemon" 2>/dev/null || true
    ! grep -q " $dir/mnt " /proc/mounts || umount -l "$dir/mnt"
    wait
    rm -rf "$dir"
}
trap cleanup EXIT
mkdir "$bin" "$dir/mnt"
(cd "$bin" && apt-get download -qq s3backer=1.5.4-2+b1 libfuse2 >/dev/null)
for deb in "$bin"/*.deb; do dpkg-deb -x "$deb" "$bin"; done
libs=$bin/lib/$(uname -m)-linux-gnu:$bin/usr/lib/$(uname -m)-linux-gnu
stored() { # writes and syncs 10 blocks, kills s3backer, and prints how many blocks are stored
    mkdir "$dir/blocks"
    LD_LIBRARY_PATH=$libs "$bin/usr/bin/s3backer" -f --test --size=1M --blockSize=4k "$@" "$dir/blocks" "$dir/mnt" \
        >"$dir/log" 2>&1 &
    daemon=$!
    for _ in $(seq 100); do if [ -e "$dir/mnt/file" ]; then break; fi; sleep 0.1; done
    python3 - "$dir/mnt/file" "$daemon" <<'PYTHON'
import os, signal, sys
f = os.open(sys.argv[1], os.O_WRONLY)
for block in range(10):
    os.pwrite(f, b"x" * 4096, block * 4096)
    os.fdatasync(f)  # raises an error if it fails
os.kill(int(sys.argv[2]), signal.SIGKILL)
PYTHON
    wait "$daemon" || true
    daemon=
    umount -l "$dir/mnt"
    find "$dir/blocks" -type f -name '0*' | wc -l
    rm -r "$dir/blocks"
}
default=$(stored)
synchronous=$(stored --blockCacheSync --blockCacheWriteDelay=0)
echo "s3backer: 10 blocks were written and synced; after it was killed, $default of them are stored"
echo "s3backer: with --blockCacheSync, $synchronous are"
[ "$default" -lt 10 ] && [ "$synchronous" = 10 ] || { echo "CHANGED: expected fewer than 10, and 10"; exit 1; }
