#!/bin/sh
# An NFS server that exports with "async" loses its power, and the writer continues. What the
# server acknowledged is lost, no call on the client fails, and the client that wrote still reads
# all of it, also through a new open.
#
# Expected from memory: exports(5) warns that an unclean restart can lose data, and a client sees
# that the server was started again. Seen: the client sends only its last page again. On the
# server there are zeros before that page. As the file has the size that the client expects, its
# page cache hides the loss from readers on that machine, until it mounts the export again.
#
# Server and client are user-mode Linux guests: processes with a kernel of their own. Killing
# one is a power cut. This script is also their first program, as process 1.
#
# Seen with Debian's user-mode-linux 6.1um4+b13 (kernel 6.1.176) and nfs-kernel-server
# 1:2.6.2-4+deb12u1, NFS 4.2 on ext4. Needs root, and a processor without AMX.
set -eu
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
server_address=10.211.0.2 client_address=10.211.0.3
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
    mkdir -p /export/data /export/state/nfsdcld
    mount --bind /export/state /var/lib/nfs
    mount -t rpc_pipefs rpc_pipefs /run/rpc_pipefs
    mount -t nfsd nfsd /proc/fs/nfsd
    chmod 0777 /export/data
    touch /var/lib/nfs/etab
    nfsdcld
    exportfs -i -o rw,async,fsid=0,no_root_squash,no_subtree_check '*:/export/data'
    rpc.mountd -N 3
    rpc.nfsd -N 3 -G 10 -L 10 4
    echo >/out/serving
    until_true test -e /out/created
    sync # so that the file exists after the power cut
    echo >/out/committed
    until_true false
    ;;
client)
    modprobe nfsv4
    mount -t nfs -o nfsvers=4.2 "$server_address:/" /mnt/nfs
    exec 3>/mnt/nfs/log # the writer keeps it open
    echo >/out/created
    until_true test -e /out/committed
    for n in $(seq 200); do printf '%-255s\n' "record $n"; done | dd bs=256 conv=fdatasync status=none >&3
    echo $? >/out/acknowledged
    until_true test -e /out/again
    printf '%-255s\n' "record 201" | dd bs=256 conv=fdatasync status=none >&3
    cat /mnt/nfs/log >/out/cached
    exec 3>&-
    umount /mnt/nfs
    mount -t nfs -o nfsvers=4.2 "$server_address:/" /mnt/nfs
    cat /mnt/nfs/log >/out/fresh || true
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
bridge=fnfs0
cut() { [ -z "$1" ] || kill -KILL "-$1" 2>/dev/null || true; }
cleanup() {
    cut "$client"
    cut "$server"
    for device in fnfss fnfsc $bridge; do ip link delete "$device" 2>/dev/null || true; done
    rm -rf "$dir"
}
trap cleanup EXIT
mkdir "$dir/debs" "$dir/debs/partial" "$dir/packages" "$dir/out"
cp "$0" "$dir/script"
chmod 0755 "$dir/script" "$dir"
apt-get install -qq -y --no-install-recommends --download-only --reinstall -o Dir::Cache::archives="$dir/debs" \
    -o APT::Sandbox::User=root user-mode-linux=6.1um4+b13 nfs-kernel-server=1:2.6.2-4+deb12u1 nfs-common kmod >/dev/null 2>&1
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
for tap in fnfss fnfsc; do
    ip tuntap add dev $tap mode tap
    ip link set $tap master $bridge up
done

# boot ROLE TAP [ARGUMENT] starts a guest in a process group of its own.
boot() {
    setsid "$dir/packages/usr/bin/linux.uml" mem=256M "umid=$1" "uml_dir=$dir" rootfstype=hostfs root=/dev/root \
        ro quiet con=null con0=null,fd:1 noreboot panic=-1 "vec0:transport=tap,ifname=$2,depth=1" "init=$dir/script" \
        "dir=$dir" "role=$1" ${3:-} </dev/null >>"$dir/$1.log" 2>&1 &
}
boot server fnfss "ubd0=$dir/disk"
server=$!
until_true test -e "$dir/out/serving" || { cat "$dir/server.log"; exit 1; }
boot client fnfsc
client=$!
until_true test -e "$dir/out/acknowledged" || { cat "$dir/client.log"; exit 1; }
[ "$(cat "$dir/out/acknowledged")" = 0 ] || { echo "FAILED: the client's writes failed"; exit 1; }

cut "$server"
wait "$server" 2>/dev/null || true
rm "$dir/out/serving"
boot server fnfss "ubd0=$dir/disk"
server=$!
until_true test -e "$dir/out/serving" || { cat "$dir/server.log"; exit 1; }
echo >"$dir/out/again"
until_true test -e "$dir/out/done" || { cat "$dir/client.log"; exit 1; }

count() { grep -ac '^record ' "$1" || true; }
cached=$(count "$dir/out/cached") fresh=$(count "$dir/out/fresh")
if [ "$cached" = 201 ] && [ "$fresh" -lt 201 ]; then
    echo "as described: of 201 acknowledged records the client reads $cached after the power cut of the server,"
    echo "and $fresh after it has mounted the export again"
else
    echo "CHANGED: the client reads $cached of 201 records after the power cut, and $fresh after a new mount"
    exit 1
fi
