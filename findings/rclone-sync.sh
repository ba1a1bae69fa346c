#!/bin/sh
# rclone mount without a cache acknowledges fdatasync, and keeps the first 100 KiB of a file only
# in memory. If rclone is killed, the remote has no file at all.
#
# Without --vfs-cache-mode, rclone writes to the remote while a program writes, so one would expect
# that data on the remote after a sync. rclone does not implement FUSE_FSYNC; the kernel turns
# ENOSYS into success.
#
# Upstream: https://github.com/rclone/rclone/issues/1045
# Seen with Debian's rclone 1.60.1+dfsg-2+b5, kernel 6.18. Needs root, FUSE and python3.
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
mkdir "$bin" "$dir/remote" "$dir/mnt"
(cd "$bin" && apt-get download -qq rclone=1.60.1+dfsg-2+b5 >/dev/null)
for deb in "$bin"/*.deb; do dpkg-deb -x "$deb" "$bin"; done
"$bin/usr/bin/rclone" mount --config /dev/null --cache-dir "$dir/cache" "$dir/remote" "$dir/mnt" >"$dir/log" 2>&1 &
daemon=$!
for _ in $(seq 100); do if mountpoint -q "$dir/mnt"; then break; fi; sleep 0.1; done
python3 - "$dir/mnt" "$daemon" <<'PYTHON'
import os, signal, sys
f = os.open(sys.argv[1] + "/log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
for _ in range(100):
    os.write(f, b"record\n")
    os.fdatasync(f)  # raises an error if it fails
os.kill(int(sys.argv[2]), signal.SIGKILL)
PYTHON
wait "$daemon" || true
daemon=
files=$(find "$dir/remote" -type f | wc -l)
echo "rclone: 100 records were written and synced; after rclone was killed, the remote has $files files"
[ "$files" = 0 ] || { echo "CHANGED: expected 0 files"; exit 1; }
