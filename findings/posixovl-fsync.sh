#!/bin/sh
# posixovl 1.3 reports success for every fsync and fdatasync, and passes none of them on.
#
# It is a pass-through filesystem that adds POSIX modes to another one, so one would
# expect a sync of a file to reach that filesystem. It does not implement FUSE_FSYNC; the
# kernel turns ENOSYS into success. Data that a program was told is durable is in the
# page cache of the filesystem below, and a power failure loses it.
#
# Seen with Debian's fuse-posixovl 1.3-1+b1, kernel 6.18. Needs root, FUSE and python3.
set -eu
dir=$(mktemp -d)
bin=$dir/packages daemon=
cleanup() {
    ! mountpoint -q "$dir/mnt" || umount "$dir/mnt"
    [ -z "$daemon" ] || kill "$daemon" 2>/dev/null || true
    wait
    rm -rf "$dir"
}
trap cleanup EXIT
mkdir "$bin" "$dir/low" "$dir/mnt"
(cd "$bin" && apt-get download -qq fuse-posixovl=1.3-1+b1 libfuse2 strace >/dev/null)
for deb in "$bin"/*.deb; do dpkg-deb -x "$deb" "$bin"; done
libs=$bin/lib/$(uname -m)-linux-gnu:$bin/usr/lib/$(uname -m)-linux-gnu
LD_LIBRARY_PATH=$libs "$bin/usr/bin/strace" -f -o "$dir/trace" -e trace=write,pwrite64,fsync,fdatasync,sync_file_range,syncfs,sync \
    "$bin/sbin/mount.posixovl" -F -S "$dir/low" "$dir/mnt" -- -f >/dev/null 2>&1 &
daemon=$!
for _ in $(seq 100); do if mountpoint -q "$dir/mnt"; then break; fi; sleep 0.1; done
python3 - "$dir/mnt" <<'PYTHON'
import os, sys
f = os.open(sys.argv[1] + "/log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
for _ in range(5):
    os.write(f, b"record\n")
    os.fdatasync(f)  # raises an error if it fails
    os.fsync(f)
PYTHON
umount "$dir/mnt"
wait "$daemon" || true
daemon=
writes=$(grep -c 'write.*record' "$dir/trace" || true)
syncs=$(grep -c 'sync' "$dir/trace" || true)
echo "posixovl: 5 writes and 10 syncs succeeded; the filesystem below got $writes writes and $syncs syncs"
[ "$writes" = 5 ] && [ "$syncs" = 0 ] || { echo "CHANGED: expected 5 writes and 0 syncs"; exit 1; }
