#!/bin/sh
# If the power fails during an append to a file of encfs, bytes that were synced before can be damaged.
#
# encfs encrypts a file in blocks of 1024 bytes. It encrypts the last block in another way while that block is
# not full. The append that fills the block encrypts it again and writes it in place. The length of the file
# grows with the same append, and the filesystem below stores the length after the data. If the power fails
# between the two, the block has the encryption of a full block and the length of a partial one. A read of it
# returns other bytes than were written, without an error. One would expect that only the new record is missing.
#
# Seen with Debian's encfs 1.9.5-2 on ext4, kernel 6.18. Needs root, FUSE, loop devices and python3. The power
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
(cd "$bin" && apt-get download -qq encfs=1.9.5-2 libfuse2 libtinyxml2-9 >/dev/null)
for deb in "$bin"/*.deb; do dpkg-deb -x "$deb" "$bin"; done
arch=$(uname -m)-linux-gnu
export LD_LIBRARY_PATH="$bin/usr/lib/encfs:$bin/lib/$arch:$bin/usr/lib/$arch"
echo secret >"$dir/password"
mount_disk() {
    mount -o loop "$1" "$dir/store"
    "$bin/usr/bin/encfs" -f --standard --stdinpass "$dir/store/cipher" "$dir/mnt" <"$dir/password" >>"$dir/log" 2>&1 &
    daemon=$!
    for _ in $(seq 100); do if mountpoint -q "$dir/mnt"; then return; fi; sleep 0.1; done
    cat "$dir/log" >&2
    exit 1
}

truncate -s 64M "$dir/disk"
mkfs.ext4 -q -d "$dir/low" "$dir/disk"
mount_disk "$dir/disk"
sync -f "$dir/store" # encfs does not sync its configuration
python3 - "$dir/mnt" "$dir/store/cipher" <<'PYTHON'
import ctypes, glob, os, sys
mnt, lower = sys.argv[1:]
def append(name, record, synced):
    f = os.open(mnt + "/" + name, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(f, b"%-255d\n" % record)
    if synced:
        os.fsync(f)  # raises an error if it fails
    os.close(f)
for name, records in ("partial", 2), ("full", 3):
    for record in range(records):
        append(name, record, synced=True)
os.fsync(os.open(lower, os.O_RDONLY))
append("partial", 2, synced=False)
append("full", 3, synced=False)
write_and_wait = 7  # SYNC_FILE_RANGE_*: it does not write the length of a file
for path in glob.glob(lower + "/*"):
    zero = ctypes.c_long(0)
    if ctypes.CDLL(None).sync_file_range(os.open(path, os.O_RDWR), zero, zero, write_and_wait):
        raise OSError("sync_file_range failed")
PYTHON
cp "$dir/disk" "$dir/copy"
unmount
mount_disk "$dir/copy"
for name in partial full; do
    python3 - "$name" "$dir/mnt/$name" <<'PYTHON'
import sys
name, path = sys.argv[1:]
content = open(path, "rb").read()
intact = [n for n in range(len(content) // 256) if content[n * 256:][:256] == b"%-255d\n" % n]
print(f"encfs: {len(content) // 256} records were synced, and the power failed during the append of another one, with which "
      f"the block is {name}: {len(intact)} are intact")
PYTHON
done | tee "$dir/seen"
cat >"$dir/want" <<'WANT'
encfs: 2 records were synced, and the power failed during the append of another one, with which the block is partial: 2 are intact
encfs: 3 records were synced, and the power failed during the append of another one, with which the block is full: 0 are intact
WANT
cmp -s "$dir/seen" "$dir/want" || { echo "CHANGED, expected:"; cat "$dir/want"; exit 1; }
