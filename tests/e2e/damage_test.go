package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// requireDamageOn compares the findings of a cell with the journal that is left on a machine: of the acknowledged
// records, exactly those without a finding are left.
func requireDamageOn(t *testing.T, machine, journal string, cell result.Cell) {
	t.Helper()
	left := recordsOn(t, machine, journal)
	affected := map[string]bool{}
	for _, finding := range cell.Findings {
		requireNoBytesOn(t, machine, journal, finding, left)
		for seq := finding.First; seq <= finding.Last; seq++ {
			affected[recordName(finding.Epoch, seq)] = true
		}
	}
	var unexpected, unnoticed []string
	for _, ack := range cell.Acks {
		for seq := uint64(1); seq <= ack.Seq; seq++ {
			record := recordName(ack.Epoch, seq)
			switch {
			case affected[record] && left[record]:
				unexpected = append(unexpected, record)
			case !affected[record] && !left[record]:
				unnoticed = append(unnoticed, record)
			}
		}
	}
	assert.Empty(t, unexpected, "these records have a finding, and are left")
	assert.Empty(t, unnoticed, "these records have no finding, and are not left")
}

// requireNoBytesOn fails the test if something is left at the place of a finding, except zeros.
func requireNoBytesOn(t *testing.T, machine, journal string, finding judge.Finding, left map[string]bool) {
	t.Helper()
	switch finding.Class {
	case judge.Missing:
		assert.Empty(t, left, "there must be no record")
	case judge.Corrupt, judge.LostTail:
		const count = `tail -c +$(($2+1)) "$1" | head -c $(($3-$2)) | tr -d '\0' | wc -c`
		bytes := onMachine(t, machine, count, journal, fmt.Sprint(finding.Offset), fmt.Sprint(finding.End))
		assert.Equal(t, "0", bytes, "there must be only zeros from byte %d to %d", finding.Offset, finding.End)
	default:
		assert.Fail(t, "a machine whose memory is lost does not lose data in that way", "%+v", finding)
	}
}

// recordsOn returns the epochs and sequence numbers of the records in a journal on a machine.
func recordsOn(t *testing.T, machine, journal string) map[string]bool {
	t.Helper()
	const list = `test ! -e "$1" || grep -aoE 'e=[0-9]{5} s=[0-9]{12}' "$1" || true`
	records := map[string]bool{}
	for line := range strings.Lines(onMachine(t, machine, list, journal)) {
		records[strings.TrimSpace(line)] = true
	}
	return records
}

// recordName is what a journal has of a record's epoch and sequence number.
func recordName(epoch int, seq uint64) string { return fmt.Sprintf("e=%05d s=%012d", epoch, seq) }

// requireDamageInImage is requireDamageOn for a journal in an ext4 in a file on a machine.
func requireDamageInImage(t *testing.T, machine, image string, cell result.Cell) {
	t.Helper()
	// The reader's node may not have unmounted the filesystem yet. The writer's node has, or lost its power. With the
	// option loop, mount(8) refuses a file that is a replica, because it has a loop device. Without -t, it takes the
	// replica for a filesystem of the type drbd.
	const mount = `mkdir -p /run/image
disk=$(losetup --find --show --read-only "$1")
mount -t ext4 -o ro,noload "$disk" /run/image || { losetup --detach "$disk"; exit 1; }`
	onMachine(t, machine, mount, image)
	defer func() { onMachine(t, machine, "umount --detach-loop /run/image") }()
	requireDamageOn(t, machine, "/run/image/logs.log", cell)
}

// volumeOnMachine returns the folder of a volume on the disk of the writer's machine. The folder of a deleted volume
// stays.
func volumeOnMachine(c result.Cell) string {
	return machineFolder(writerMachine) + "/volume-images/" + c.Claim.Handle
}

// machineFolder returns the folder where a machine has mounted its disk.
func machineFolder(machine string) string { return "/var/lib/volume-durability-cluster/" + machine }
