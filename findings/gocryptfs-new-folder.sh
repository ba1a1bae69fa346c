#!/bin/sh
# After a power failure, a new folder of gocryptfs is unreadable, although its files, the folder
# and its parent were synced.
#
# gocryptfs encrypts the names in a folder with the file gocryptfs.diriv, which it creates with
# the folder. It passes every sync of a program on, so one would expect synced files to survive.
# But it does not sync gocryptfs.diriv. That file is empty after a power failure; no name in the
# folder can be decrypted, and opening a file fails with ENOSYS.
#
# Upstream: https://github.com/rfjakob/gocryptfs/issues/1033
# Seen with Debian's gocryptfs 2.3-1+b4 on ext4, kernel 6.18. Needs root, FUSE, loop devices and
# python3. The power failure is a copy of the disk, made while everything is mounted.
set -eu
dir=$(mktemp -d)
bin=$dir/packages daemon=
unmount() {
    ! mountpoint -q "$dir/mnt" || umount "$dir/mnt"
    [ -z "$daemon" ] || wait "$daemon" || true
    daemon=
    ! mountpoint -q "$dir/store" || umount "$dir/store"
}
cleanup() {
    unmount
    rm -rf "$dir"
}
trap cleanup EXIT
mkdir "$bin" "$dir/store" "$dir/mnt"
(cd "$bin" && apt-get download -qq gocryptfs=2.3-1+b4 >/dev/null)
for deb in "$bin"/*.deb; do dpkg-deb -x "$deb" "$bin"; done
gocryptfs() { "$bin/usr/bin/gocryptfs" -q -nosyslog -passfile "$dir/password" "$@"; }
mount_both() {
    mount -o loop "$dir/disk" "$dir/store"
    gocryptfs -fg "$dir/store/cipher" "$dir/mnt" >>"$dir/log" 2>&1 &
    daemon=$!
    for _ in $(seq 100); do if mountpoint -q "$dir/mnt"; then break; fi; sleep 0.1; done
}
echo secret >"$dir/password"
truncate -s 64M "$dir/disk"
mkfs.ext4 -q "$dir/disk"
mount -o loop "$dir/disk" "$dir/store"
mkdir "$dir/store/cipher"
gocryptfs -init -scryptn 10 "$dir/store/cipher" >/dev/null
umount "$dir/store"
mount_both
python3 - "$dir/mnt" <<'PYTHON'
import os, sys
os.chdir(sys.argv[1])
os.mkdir("new")
f = os.open("new/file", os.O_WRONLY | os.O_CREAT)
os.write(f, b"record")
for synced in f, os.open("new", os.O_RDONLY), os.open(".", os.O_RDONLY):
    os.fsync(synced)  # raises an error if it fails
PYTHON
cp --sparse=always "$dir/disk" "$dir/copy" # what is on the disk now survives the power failure
unmount
mv "$dir/copy" "$dir/disk"
mount_both
error=$(python3 -c 'import sys
try: open(sys.argv[1]).close(); print("none")
except OSError as e: print(e.strerror)' "$dir/mnt/new/file")
size=$(stat -c %s "$(find "$dir/store/cipher" -mindepth 2 -name gocryptfs.diriv)")
echo "gocryptfs: the file and its folder were synced; after the power failure, gocryptfs.diriv has $size bytes, and opening the file: $error"
[ "$size" = 0 ] && [ "$error" = "Function not implemented" ] || { echo "CHANGED: expected 0 bytes and Function not implemented"; exit 1; }
