#!/bin/sh
# archivemount 0.8.7 reports success for fdatasync, and writes the archive only when it is unmounted.
#
# A mount that accepts writes and syncs looks like storage. The data stays in the daemon's
# temporary file until the unmount: if the daemon is killed, nothing that was synced is in
# the archive, not even the file's name.
#
# Seen with Debian's archivemount 0.8.7-1+b1, kernel 6.18. Needs root, FUSE and python3.
set -eu
dir=$(mktemp -d)
bin=$dir/packages daemon=
cleanup() {
    ! mountpoint -q "$dir/mnt" || umount -l "$dir/mnt"
    [ -z "$daemon" ] || kill "$daemon" 2>/dev/null || true
    wait
    rm -rf "$dir"
}
trap cleanup EXIT
mkdir "$bin" "$dir/mnt" "$dir/in"
(cd "$bin" && apt-get download -qq archivemount=0.8.7-1+b1 libfuse2 libarchive13 >/dev/null)
for deb in "$bin"/*.deb; do dpkg-deb -x "$deb" "$bin"; done
LD_LIBRARY_PATH=$bin/lib/$(uname -m)-linux-gnu:$bin/usr/lib/$(uname -m)-linux-gnu
export LD_LIBRARY_PATH
mount_archive() {
    "$bin/usr/bin/archivemount" -f "$dir/archive.tar" "$dir/mnt" >/dev/null 2>&1 &
    daemon=$!
    for _ in $(seq 100); do if mountpoint -q "$dir/mnt"; then return; fi; sleep 0.1; done
    echo "archivemount did not mount"
    exit 1
}
write_synced() {
    python3 - "$dir/mnt" <<'PYTHON'
import os, sys
f = os.open(sys.argv[1] + "/log", os.O_WRONLY | os.O_CREAT)
os.write(f, b"record\n")
os.fdatasync(f)  # raises an error if it fails
os.close(f)
PYTHON
}
: >"$dir/in/empty"
tar -cf "$dir/archive.tar" -C "$dir/in" empty

mount_archive
write_synced
synced=$(tar -tf "$dir/archive.tar" | grep -c log || true)
kill -KILL "$daemon"
wait "$daemon" 2>/dev/null || true
umount -l "$dir/mnt"
killed=$(tar -tf "$dir/archive.tar" | grep -c log || true)

mount_archive
write_synced
umount "$dir/mnt"
wait "$daemon" || true
daemon=
unmounted=$(tar -tf "$dir/archive.tar" | grep -c log || true)
echo "archivemount: files in the archive after fdatasync: $synced, after a kill: $killed, after a normal unmount: $unmounted"
[ "$synced$killed$unmounted" = 001 ] || { echo "CHANGED: expected 0, 0 and 1"; exit 1; }
