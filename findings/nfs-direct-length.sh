#!/bin/sh
# Two ways to read one file disagree over NFS: while the client caches the length of a file that
# has grown on the server, a read past the page cache (O_DIRECT) returns the new bytes, although
# stat(2) and a normal read end at the old length.
#
# Expected from memory: a read ends at the length of the file that the client knows, with
# O_DIRECT too, as on local filesystems. Seen: the client sends a direct read to the server
# without comparing it with the cached length, and the server decides where the file ends.
# A program that takes the length from stat and reads that much misses what O_DIRECT shows. The
# answer to the direct read has the new length, so a later stat has it too.
#
# The mount has nocto and actimeo=600, so that the client does not ask for the length again when
# the file is opened. With NFS 4.2, the answer to an open has the new length in spite of nocto.
# The server appends to the file itself, as another client would.
#
# Server and client are user-mode Linux guests: processes with a kernel of their own. This script
# is also their first program, as process 1.
#
# Seen with Debian's user-mode-linux 6.1um4+b13 (kernel 6.1.176) and nfs-kernel-server
# 1:2.6.2-4+deb12u1, NFS 3 on ext4. Needs root, and a processor without AMX.
set -eu
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
server_address=10.210.0.2 client_address=10.210.0.3
until_true() { for _ in $(seq 600); do if "$@"; then return 0; fi; sleep 0.1; done; echo "timed out: $*"; return 1; }

# Inside a guest: a root filesystem of the packages above the files of this machine.
if [ $$ = 1 ] && [ -z "${entered:-}" ]; then
    mount -t proc proc /proc
    mount -t tmpfs tmpfs /run
    mkdir /run/packages /run/upper /run/work /run/root
    mount -t hostfs -o "$dir/packages" none /run/packages
    kernel=$(uname -r)
    /run/packages/usr/bin/insmod "/run/packages/usr/lib/uml/modules/$kernel/kernel/fs/overlayfs/overlay.ko"
    mount -t overlay -o lowerdir=/run/packages:/,upperdir=/run/upper,workdir=/run/work overlay /run/root
    exec chroot /run/root /usr/bin/env entered=yes dir="$dir" role="$role" sh "$dir/script"
fi
if [ $$ = 1 ]; then
    mount -t proc proc /proc
    mount -t devtmpfs devtmpfs /dev
    mount -t tmpfs tmpfs /run
    mkdir -p /run/rpc_pipefs /export /mnt/nfs /out
    mount -t hostfs -o "$dir/out" none /out
    eval "address=\$${role}_address"
    ip link set lo up
    ip link set vec0 address "02:00:00:00:00:0${address##*.}" up # or the client would look for the old one
    ip address add "$address/24" dev vec0
fi
case "${role:-}" in
server)
    modprobe nfsd
    mount /dev/ubda /export
    mkdir -p /export/data /export/state
    mount --bind /export/state /var/lib/nfs
    mount -t rpc_pipefs rpc_pipefs /run/rpc_pipefs
    mount -t nfsd nfsd /proc/fs/nfsd
    chmod 0777 /export/data
    touch /var/lib/nfs/etab
    exportfs -i -o rw,sync,fsid=0,no_root_squash,no_subtree_check '*:/export/data'
    # The user that the installation of rpcbind adds.
    grep -q ^_rpc: /etc/passwd || echo _rpc:x:65533:65534::/:/usr/sbin/nologin >>/etc/passwd
    mkdir -p /run/rpcbind
    rpcbind
    rpc.mountd
    rpc.nfsd -N 4 4
    head -c 4096 /dev/zero >/export/data/file
    echo >/out/serving
    until_true test -e /out/known
    head -c 4096 /dev/zero >>/export/data/file
    sync
    echo >/out/grown
    until_true false
    ;;
client)
    modprobe nfsv3
    mount -t nfs -o nfsvers=3,nolock,nocto,actimeo=600 "$server_address:/export/data" /mnt/nfs
    cat /mnt/nfs/file >/dev/null
    echo >/out/known
    until_true test -e /out/grown
    stat -c %s /mnt/nfs/file >/out/length
    cat /mnt/nfs/file | wc -c >/out/cached
    dd if=/mnt/nfs/file iflag=direct bs=4096 status=none | wc -c >/out/direct
    stat -c %s /mnt/nfs/file >/out/afterwards
    echo >/out/done
    until_true false
    ;;
esac

if grep -qw amx_tile /proc/cpuinfo; then
    echo "this script needs a processor without AMX: user-mode-linux 6.1 does not start on one with AMX"
    exit 2
fi
dir=$(mktemp -d)
server='' client=''
bridge=fdir0
cut() { [ -z "$1" ] || kill -KILL "-$1" 2>/dev/null || true; }
cleanup() {
    cut "$client"
    cut "$server"
    for device in fdirs fdirc $bridge; do ip link delete "$device" 2>/dev/null || true; done
    rm -rf "$dir"
}
trap cleanup EXIT
mkdir "$dir/debs" "$dir/debs/partial" "$dir/packages" "$dir/out"
cp "$0" "$dir/script"
chmod 0755 "$dir/script" "$dir"
apt-get install -qq -y --no-install-recommends --download-only --reinstall -o Dir::Cache::archives="$dir/debs" \
    -o APT::Sandbox::User=root user-mode-linux=6.1um4+b13 nfs-kernel-server=1:2.6.2-4+deb12u1 nfs-common rpcbind kmod >/dev/null 2>&1
for deb in "$dir"/debs/*.deb; do dpkg-deb -x "$deb" "$dir/packages"; done
for part in bin sbin lib; do
    cp -a "$dir/packages/$part/." "$dir/packages/usr/$part/" && rm -r "${dir:?}/packages/$part"
done
ln -s /usr/lib/uml/modules "$dir/packages/usr/lib/modules"
ln -s kmod "$dir/packages/usr/bin/insmod"
truncate -s 1G "$dir/disk"
mkfs.ext4 -q -F "$dir/disk"
ip link add $bridge type bridge
ip link set $bridge up
for tap in fdirs fdirc; do
    ip tuntap add dev $tap mode tap
    ip link set $tap master $bridge up
done

# boot ROLE TAP [ARGUMENT] starts a guest in a process group of its own.
boot() {
    setsid "$dir/packages/usr/bin/linux.uml" mem=256M "umid=$1" "uml_dir=$dir" rootfstype=hostfs root=/dev/root \
        ro quiet con=null con0=null,fd:1 noreboot panic=-1 "vec0:transport=tap,ifname=$2,depth=1" "init=$dir/script" \
        "dir=$dir" "role=$1" ${3:-} </dev/null >>"$dir/$1.log" 2>&1 &
}
boot server fdirs "ubd0=$dir/disk"
server=$!
until_true test -e "$dir/out/serving" || { cat "$dir/server.log"; exit 1; }
boot client fdirc
client=$!
until_true test -e "$dir/out/done" || { cat "$dir/client.log"; exit 1; }

value() { cat "$dir/out/$1"; }
seen="stat $(value length), read $(value cached), direct read $(value direct), stat $(value afterwards)"
if [ "$seen" = "stat 4096, read 4096, direct read 8192, stat 8192" ]; then
    echo "as described: the file has 8192 bytes on the server. On the client: $seen"
else
    echo "CHANGED: on the client: $seen"
    exit 1
fi
