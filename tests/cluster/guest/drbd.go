package guest

import (
	"fmt"
	"path/filepath"
)

// UntilTrue is a shell function that repeats a command until it succeeds, for a limited time.
const UntilTrue = `until_true() {
    for _ in $(seq 600); do if "$@" >/dev/null 2>&1; then return 0; fi; sleep 0.1; done
    echo "not true in time: $*"; "$@"
}
`

// DRBDModules are the kernel modules of a machine with a replica.
var DRBDModules = []string{"drbd", "loop"}

// DRBD is a shell script for two machines. It makes a file on each of them a replica of a DRBD resource, and returns
// once both replicas are up to date. It needs UntilTrue and these variables:
//
//	NUMBER                 0 for the resource r0, whose device is /dev/drbd0; 1 for r1, and so on
//	IMAGE, SIZE            the file, which does not exist, and its size
//	PROTOCOL               the replication protocol: A, B or C
//	SETTINGS               other sections of the resource; may be empty
//	FIRST, FIRST_ADDRESS   the name and the address of a machine; it marks both replicas as up to date
//	SECOND, SECOND_ADDRESS the same of the other machine
//
// A machine that is started again has no replica until the script runs again.
const DRBD = `resource=r$NUMBER
truncate -s $SIZE $IMAGE
disk=$(losetup --find --show $IMAGE)
mkdir -p /run/lock /run/drbd /var/lib/drbd /etc/drbd.d
cat >/etc/drbd.conf <<END
global { usage-count no; }
include "drbd.d/*.res";
END
cat >/etc/drbd.d/$resource.res <<END
resource $resource {
    net { protocol $PROTOCOL; }
    $SETTINGS
    device /dev/drbd$NUMBER;
    disk $disk;
    meta-disk internal;
    on $FIRST { address $FIRST_ADDRESS:$((7789 + NUMBER)); }
    on $SECOND { address $SECOND_ADDRESS:$((7789 + NUMBER)); }
}
END
drbdadm create-md --force $resource
drbdadm up $resource
connected() { [ "$(drbdadm cstate $resource)" = Connected ]; }
until_true connected
[ "$(uname -n)" != $FIRST ] || drbdadm new-current-uuid --clear-bitmap $resource/0
up_to_date() { [ "$(drbdadm dstate $resource)" = UpToDate/UpToDate ]; }
until_true up_to_date`

// removeReplicas is a shell script that removes all replicas of a machine and their files in FOLDER. It needs
// UntilTrue.
const removeReplicas = `resources=$(drbdadm sh-resources)
for resource in $resources; do until_true drbdadm down $resource; done
rm -f /etc/drbd.d/*.res
for image in $FOLDER/replica*; do
    [ -e $image ] || continue
    for disk in $(losetup --noheadings --output NAME --associated $image); do losetup --detach $disk; done
    rm $image
done`

// Replicas are the replicas of DRBD devices on one machine. Folder has their files.
type Replicas struct{ Name, Address, Folder string }

// Image is the file of the replica with a number.
func (r Replicas) Image(number int) string {
	return filepath.Join(r.Folder, fmt.Sprintf("replica%d", number))
}

// RemoveCommand returns the command that removes all replicas.
func (r Replicas) RemoveCommand() []string {
	return []string{"sh", "-euc", fmt.Sprintf("FOLDER=%s\n", r.Folder) + UntilTrue + removeReplicas}
}

// MakeCommand returns the command that makes the replica with a number. The pair has both machines, in the same order
// on both of them.
func (r Replicas) MakeCommand(pair [2]Replicas, number int, protocol string) []string {
	variables := fmt.Sprintf("NUMBER=%d IMAGE=%s SIZE=256M PROTOCOL=%s SETTINGS=\n", number, r.Image(number), protocol) +
		fmt.Sprintf("FIRST=%s FIRST_ADDRESS=%s\n", pair[0].Name, pair[0].Address) +
		fmt.Sprintf("SECOND=%s SECOND_ADDRESS=%s\n", pair[1].Name, pair[1].Address)
	return []string{"sh", "-euc", variables + UntilTrue + DRBD}
}
