package guest

import "fmt"

// UntilTrue is a shell function that repeats a command until it succeeds, for a limited time.
const UntilTrue = `until_true() {
    for _ in $(seq 600); do if "$@" >/dev/null 2>&1; then return 0; fi; sleep 0.1; done
    echo "not true in time: $*"; "$@"
}
`

// DRBDModules are the kernel modules of a machine with a replica.
var DRBDModules = []string{"drbd", "loop"}

// DRBD is a shell script for two machines. It makes a file on each of them a replica of the DRBD resource r0, whose
// device is /dev/drbd0, and returns once both replicas are up to date. It needs UntilTrue and these variables:
//
//	IMAGE, SIZE            the file, which does not exist, and its size
//	PROTOCOL               the replication protocol: A, B or C
//	SETTINGS               other sections of the resource; may be empty
//	FIRST, FIRST_ADDRESS   the name and the address of a machine; it marks both replicas as up to date
//	SECOND, SECOND_ADDRESS the same of the other machine
//
// A machine that is started again has no replica until the script runs again.
const DRBD = `truncate -s $SIZE $IMAGE
disk=$(losetup --find --show $IMAGE)
mkdir -p /run/lock /run/drbd /var/lib/drbd
cat >/etc/drbd.conf <<END
global { usage-count no; }
resource r0 {
    net { protocol $PROTOCOL; }
    $SETTINGS
    device /dev/drbd0;
    disk $disk;
    meta-disk internal;
    on $FIRST { address $FIRST_ADDRESS:7789; }
    on $SECOND { address $SECOND_ADDRESS:7789; }
}
END
drbdadm create-md --force r0
drbdadm up r0
connected() { [ "$(drbdadm cstate r0)" = Connected ]; }
until_true connected
[ "$(uname -n)" != $FIRST ] || drbdadm new-current-uuid --clear-bitmap r0/0
up_to_date() { [ "$(drbdadm dstate r0)" = UpToDate/UpToDate ]; }
until_true up_to_date`

// removeReplica is a shell script that removes the replica of a machine and its file IMAGE, if there is one. It needs
// UntilTrue.
const removeReplica = `! drbdadm sh-resources | grep -qx r0 || until_true drbdadm down r0
rm -f /etc/drbd.conf
[ ! -e $IMAGE ] || for disk in $(losetup --noheadings --output NAME --associated $IMAGE); do losetup --detach $disk; done
rm -f $IMAGE`

// Replica is the replica of a DRBD device on one machine.
type Replica struct{ Name, Address, Image string }

// RemoveCommand returns the command that removes a replica, if there is one.
func (r Replica) RemoveCommand() []string {
	return []string{"sh", "-euc", fmt.Sprintf("IMAGE=%s\n", r.Image) + UntilTrue + removeReplica}
}

// MakeCommand returns the command that makes a replica. The pair has both replicas, in the same order on both machines.
func (r Replica) MakeCommand(pair [2]Replica, protocol string) []string {
	variables := fmt.Sprintf("IMAGE=%s SIZE=256M PROTOCOL=%s SETTINGS=\n", r.Image, protocol) +
		fmt.Sprintf("FIRST=%s FIRST_ADDRESS=%s\n", pair[0].Name, pair[0].Address) +
		fmt.Sprintf("SECOND=%s SECOND_ADDRESS=%s\n", pair[1].Name, pair[1].Address)
	return []string{"sh", "-euc", variables + UntilTrue + DRBD}
}
