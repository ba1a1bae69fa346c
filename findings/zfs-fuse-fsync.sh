#!/bin/sh
# On zfs-fuse 0.7.0, fsync has no effect on a file or folder that was opened after its last change. A file
# that was replaced has its old content after zfs-fuse is killed, although its folder was synced.
#
# To replace a file, programs write a temporary file, sync it, rename it over the old one, open the folder
# and sync it. zfs-fuse implements FUSE_FSYNC and FUSE_FSYNCDIR, so one would expect the new content. But it
# has the number of the last change of a file or folder only in memory, and discards it at the last close. It
# then considers the file or folder unchanged, and writes nothing. If the folder was open during the rename,
# a sync writes the rename.
#
# A sync of another file that has changed writes the rename, too. So only the last file that was replaced may
# be lost, and only until zfs-fuse writes all changes by itself.
#
# Seen with Debian's zfs-fuse 0.7.0-25+b1, kernel 6.18. Needs root, FUSE and python3.
set -eu
# zfs-fuse also writes to /run and /var/lib. A mount namespace keeps these files away from this machine.
[ -n "${namespace:-}" ] || exec env namespace=yes unshare --mount sh "$0"
dir=$(mktemp -d)
bin=$dir/packages daemon=
stop() {
    [ -z "$daemon" ] || kill -KILL "$daemon" 2>/dev/null || true
    [ -z "$daemon" ] || wait "$daemon" 2>/dev/null || true
    daemon=
    ! grep -q " $dir/mnt " /proc/mounts || umount -l "$dir/mnt"
}
cleanup() {
    stop
    rm -rf "$dir"
}
trap cleanup EXIT
mkdir "$bin" "$dir/mnt"
(cd "$bin" && apt-get download -qq zfs-fuse=0.7.0-25+b1 libfuse2 libtirpc3 >/dev/null)
for deb in "$bin"/*.deb; do dpkg-deb -x "$deb" "$bin"; done
export LD_LIBRARY_PATH="$bin/lib/$(uname -m)-linux-gnu:$bin/usr/lib/$(uname -m)-linux-gnu" PATH="$bin/sbin:$PATH"
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/lib
mkdir /run/zfs /run/lock /var/lib/zfs
start() {
    zfs-fuse --no-daemon --no-kstat-mount >>"$dir/log" 2>&1 &
    daemon=$!
    for _ in $(seq 100); do if zpool list >/dev/null 2>&1; then return; fi; sleep 0.1; done
    cat "$dir/log" >&2
    exit 1
}

# content CASE changes the content of a file from old to new, kills zfs-fuse, and prints the content after the next
# start.
content() {
    trap stop EXIT
    rm -f "$dir/disk" /var/lib/zfs/zpool.cache
    truncate -s 128M "$dir/disk"
    start
    zpool create -m "$dir/mnt" pool "$dir/disk" 2>>"$dir/log"
    python3 - "$dir/mnt/folder" "$1" "$daemon" <<'PYTHON'
import os, signal, sys
path, case, daemon = sys.argv[1], sys.argv[2], int(sys.argv[3])
name, temporary = path + "/name", path + "/temporary"
def write(path, content, synced=True):
    f = os.open(path, os.O_WRONLY | os.O_CREAT)
    os.write(f, content)
    if synced:
        os.fsync(f)  # raises an error if it fails
    os.close(f)
os.mkdir(path)
write(name, b"old")
if case == "overwrite":
    write(name, b"new", synced=False)
    opened = os.open(name, os.O_RDONLY)
else:
    write(temporary, b"new")
    if case == "replace-in-open-folder":
        opened = os.open(path, os.O_RDONLY)
    os.rename(temporary, name)
    if case == "replace":
        opened = os.open(path, os.O_RDONLY)
os.fsync(opened)
os.kill(daemon, signal.SIGKILL)
PYTHON
    stop
    start
    mountpoint -q "$dir/mnt" || zfs mount pool 2>>"$dir/log"
    cat "$dir/mnt/folder/name"
}
replaced=$(content replace)
overwritten=$(content overwrite)
open=$(content replace-in-open-folder)
echo "zfs-fuse: a file was replaced, then its folder opened and synced; after a kill, it has its $replaced content"
echo "zfs-fuse: a file was overwritten, closed, opened and synced; after a kill, it has its $overwritten content"
echo "zfs-fuse: if the folder was opened before the rename, the file has its $open content"
[ "$replaced $overwritten $open" = "old old new" ] || { echo "CHANGED: expected old, old and new"; exit 1; }
