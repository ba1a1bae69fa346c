package local

import (
	"slices"
	"strconv"

	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/protocol"
)

// command returns a helper's command line.
func (s *execution) command(helper []string, file, name string, args ...string) []string {
	command := append(slices.Clone(helper), name, "--file", file)
	if name == "remove" {
		return command
	}
	acks := s.ledger.Acks()
	command = append(command, "--journal", s.cell.Journal.ID, "--record-size", strconv.Itoa(s.cell.Journal.RecordSize))
	command = slices.Concat(command, protocol.PointFlags(acks), s.cell.Layout.Flags())
	if s.Target.Device {
		least := ledger.CountRecords(acks) * uint64(s.cell.Journal.RecordSize)
		command = append(command, "--at-least", strconv.FormatUint(least, 10))
	} else if name == "write" {
		command = append(command, "--own-folder")
	}
	return append(command, args...)
}

func (s *execution) writerCommand(epoch int) []string {
	return s.command(s.Helper, s.Target.Journal, "write",
		"--epoch", strconv.Itoa(epoch), "--rate", strconv.FormatFloat(s.Options.WriteRate, 'f', -1, 64))
}
