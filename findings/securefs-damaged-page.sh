#!/bin/sh
# A read of a damaged page of securefs fails with EPERM (operation not permitted).
#
# securefs has a checksum for each page of 4096 bytes. A program that reads a page with a wrong
# checksum has opened the file, so it has the permission to read. One would expect EIO, which
# gocryptfs returns in the same case. A program that takes only EIO for damaged data takes this
# for a wrong configuration. The other pages can be read.
#
# Seen with Debian's securefs 0.13.1+ds-1 and gocryptfs 2.3-1+b4, kernel 6.18. Needs root, FUSE
# and python3.
set -eu
dir=$(mktemp -d)
bin=$dir/packages daemon=
unmount() {
    ! mountpoint -q "$dir/mnt" || umount "$dir/mnt"
    [ -z "$daemon" ] || wait "$daemon" || true
    daemon=
}
cleanup() {
    unmount
    rm -rf "$dir"
}
trap cleanup EXIT
mkdir "$bin" "$dir/mnt"
(cd "$bin" && apt-get download -qq securefs=0.13.1+ds-1 gocryptfs=2.3-1+b4 \
    libfuse2 libcrypto++8 libjsoncpp25 libutf8proc2 libargon2-1 >/dev/null)
for deb in "$bin"/*.deb; do dpkg-deb -x "$deb" "$bin"; done
arch=$(uname -m)-linux-gnu
export LD_LIBRARY_PATH="$bin/lib/$arch:$bin/usr/lib/$arch"
echo secret >"$dir/password"

# mount_store COMMAND... starts a daemon and waits for its mount.
mount_store() {
    "$@" >>"$dir/log" 2>&1 &
    daemon=$!
    for _ in $(seq 100); do if mountpoint -q "$dir/mnt"; then return 0; fi; sleep 0.1; done
    echo "timed out: $*"
    cat "$dir/log"
    exit 1
}

# read_damaged NAME COMMAND... damages one byte of a file below a filesystem and prints what reads of its pages return.
read_damaged() {
    name=$1
    shift
    mount_store "$@"
    python3 -c 'import os, sys; open(sys.argv[1], "wb").write(os.urandom(65536))' "$dir/mnt/file"
    unmount
    stored=$(find "$dir/$name" -type f -size +60k)
    mount_store "$@"
    python3 - "$name" "$stored" "$dir/mnt/file" <<'PYTHON'
import errno, os, sys
name, stored, path = sys.argv[1:]
with open(stored, "r+b") as f:
    f.seek(30000); byte = f.read(1)[0]
    f.seek(30000); f.write(bytes([byte ^ 1]))
fd, pages, errors = os.open(path, os.O_RDONLY), 0, []
for offset in range(0, 65536, 4096):
    try:
        pages += len(os.pread(fd, 4096, offset)) == 4096
    except OSError as e:
        errors.append(errno.errorcode[e.errno])
print(f"{name}: {pages} pages can be read, errors: {errors}")
PYTHON
    unmount
}
mkdir "$dir/securefs" "$dir/gocryptfs"
"$bin/usr/bin/securefs" create --pass secret -r 1 "$dir/securefs" >/dev/null 2>&1
"$bin/usr/bin/gocryptfs" -q -init -passfile "$dir/password" "$dir/gocryptfs" >/dev/null
{
    read_damaged gocryptfs "$bin/usr/bin/gocryptfs" -q -fg -passfile "$dir/password" "$dir/gocryptfs" "$dir/mnt"
    read_damaged securefs "$bin/usr/bin/securefs" mount --pass secret "$dir/securefs" "$dir/mnt"
} | tee "$dir/seen"
cat >"$dir/want" <<'WANT'
gocryptfs: 15 pages can be read, errors: ['EIO']
securefs: 15 pages can be read, errors: ['EPERM']
WANT
cmp -s "$dir/seen" "$dir/want" || { echo "CHANGED, expected:"; cat "$dir/want"; exit 1; }
