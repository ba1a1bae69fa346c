package local

import (
	"slices"
	"strconv"

	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/protocol"
)

// command returns the command line of a helper that reads the journal. acks are the acknowledgements of all epochs.
func (s *execution) command(helper []string, file, name string, acks []ledger.Ack, args ...string) []string {
	command := append(slices.Clone(helper), name, "--file", file)
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

func (s *execution) writerCommand(epoch int, acks []ledger.Ack, args ...string) []string {
	args = append(args,
		"--epoch", strconv.Itoa(epoch), "--rate", strconv.FormatFloat(s.Options.WriteRate, 'f', -1, 64))
	return s.command(s.Helper, s.Target.Journal, "write", acks, args...)
}

// knownLists returns the lists of the latest read, if they are so long that the next read need not list them again.
func (s *execution) knownLists() protocol.KnownLists {
	reads := s.cell.Reads()
	if len(reads) == 0 {
		return protocol.KnownLists{}
	}
	return reads[len(reads)-1].KnownLists()
}
