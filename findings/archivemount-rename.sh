#!/bin/sh
# archivemount 0.8.7 undoes renames: it saves a renamed file under its old name, and a rename
# over an existing file leaves the old content.
#
# A program that replaces a file writes a new one and renames it over the old one. On
# archivemount both calls succeed. While the archive is mounted, the name keeps its first
# content. After a clean unmount, the archive has the file only under its temporary name.
#
# Seen with Debian's archivemount 0.8.7-1+b1, kernel 6.18. Needs root, FUSE and python3.
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
mkdir "$bin" "$dir/mnt"
(cd "$bin" && apt-get download -qq archivemount=0.8.7-1+b1 libfuse2 libarchive13 >/dev/null)
for deb in "$bin"/*.deb; do dpkg-deb -x "$deb" "$bin"; done
libs=$bin/lib/$(uname -m)-linux-gnu:$bin/usr/lib/$(uname -m)-linux-gnu
tar -cf "$dir/archive.tar" --files-from /dev/null
LD_LIBRARY_PATH=$libs "$bin/usr/bin/archivemount" -f -o nobackup "$dir/archive.tar" "$dir/mnt" >"$dir/log" 2>&1 &
daemon=$!
for _ in $(seq 100); do if mountpoint -q "$dir/mnt"; then break; fi; sleep 0.1; done
python3 - "$dir/mnt" <<'PYTHON'
import os, sys
os.chdir(sys.argv[1])
for content in "first", "second":
    with open("temporary", "w") as f:
        f.write(content)
        f.flush()
        os.fsync(f.fileno())
    os.rename("temporary", "name")  # raises an error if it fails
PYTHON
mounted=$(cat "$dir/mnt/name")
umount "$dir/mnt"
wait "$daemon" || true
daemon=
saved=$(tar -tf "$dir/archive.tar" 2>/dev/null | tr '\n' ' ')
echo "archivemount: two versions were renamed to \"name\"; mounted, it has the $mounted version; the archive has: $saved"
[ "$mounted" = first ] && [ "$saved" = "/temporary " ] || { echo "CHANGED: expected the first version, and only /temporary in the archive"; exit 1; }
