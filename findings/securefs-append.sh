#!/bin/sh
# If the power fails during an append to a file of securefs, bytes that were synced before can become unreadable.
#
# securefs encrypts pages of 4096 bytes, and stores a checksum behind each page. An append encrypts the last page
# again, with a new checksum, and writes it in place. The length of the file grows with the same append, and the
# filesystem below stores the length after the data. If the power fails between the two, the checksum is cut off, and
# no byte of the page can be read. One would expect that only the new record is missing.
#
# Seen with Debian's securefs 0.13.1+ds-1 on ext4, kernel 6.18. Needs root, FUSE, loop devices and python3. The power
# failure is a copy of the disk, made after the data of the append was written and before its length.
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
mkdir -p "$bin" "$dir/store" "$dir/mnt" "$dir/low/cipher"
(cd "$bin" && apt-get download -qq securefs=0.13.1+ds-1 libfuse2 libcrypto++8 libjsoncpp25 libutf8proc2 libargon2-1 >/dev/null)
for deb in "$bin"/*.deb; do dpkg-deb -x "$deb" "$bin"; done
arch=$(uname -m)-linux-gnu
export LD_LIBRARY_PATH="$bin/lib/$arch:$bin/usr/lib/$arch"
"$bin/usr/bin/securefs" create --pass secret -r 1 "$dir/low/cipher" >/dev/null 2>&1
mount_disk() {
    mount -o loop "$1" "$dir/store"
    "$bin/usr/bin/securefs" mount --pass secret "$dir/store/cipher" "$dir/mnt" >>"$dir/log" 2>&1 &
    daemon=$!
    for _ in $(seq 100); do if mountpoint -q "$dir/mnt"; then return; fi; sleep 0.1; done
    cat "$dir/log" >&2
    exit 1
}
truncate -s 64M "$dir/disk"
mkfs.ext4 -q -d "$dir/low" "$dir/disk"
mount_disk "$dir/disk"
python3 - "$dir/mnt/log" "$dir/store/cipher" <<'PYTHON'
import ctypes, glob, os, sys
path, lower = sys.argv[1:]
f = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
for record in range(20):
    os.write(f, b"%-255d\n" % record)
    os.fsync(f)  # raises an error if it fails
os.fsync(os.open(lower, os.O_RDONLY))
os.write(f, b"%-255d\n" % 20)
write_and_wait, zero = 7, ctypes.c_long(0)  # SYNC_FILE_RANGE_*: it does not write the length of a file
stored = os.open(glob.glob(lower + "/*")[0], os.O_RDWR)
if ctypes.CDLL(None).sync_file_range(stored, zero, zero, write_and_wait):
    raise OSError("sync_file_range failed")
PYTHON
cp "$dir/disk" "$dir/copy"
unmount
mount_disk "$dir/copy"
seen=$(python3 - "$dir/mnt/log" <<'PYTHON'
import errno, os, sys
f, intact, errors = os.open(sys.argv[1], os.O_RDONLY), 0, []
for record in range(20):
    try:
        intact += os.pread(f, 256, record * 256) == b"%-255d\n" % record
    except OSError as e:
        errors.append(errno.errorcode[e.errno])
print(f"{intact} are intact, {len(errors)} cannot be read: {sorted(set(errors))}")
PYTHON
)
echo "securefs: 20 records of 256 bytes were synced, and the power failed during the append of another one: $seen"
[ "$seen" = "16 are intact, 4 cannot be read: ['EPERM']" ] || {
    echo "CHANGED: expected the 16 of the first page, and EPERM for the 4 of the page with the append"
    exit 1
}
