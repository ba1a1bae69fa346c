package local

import (
	"fmt"

	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/provenance"
	"github.com/volume-durability/volume-durability/pkg/verdict"
)

// recordProvenance records what happened to the filesystem between the last writer and
// the reader.
func (s *execution) recordProvenance() {
	c := &s.cell
	if len(c.Epochs) == 0 {
		return
	}
	c.Provenance = verdict.NewProvenance(c)
	c.Provenance.Reattached = provenance.Observed(provenance.No, "a run without a cluster attaches no volume")
	if c.Reader != nil {
		c.Provenance.Unmounted = s.unmounted(c.Provenance.Writer.Mount, c.Provenance.Reader.Mount)
	}
	c.Provenance.SameVolume = s.sameFilesystem()
	c.Provenance.Evaluate()
}

// unmounted reports whether the filesystem was unmounted between the last writer and
// the reader, or the device came back as another one.
func (s *execution) unmounted(before, now protocol.Mount) provenance.Observation {
	if s.Target.Device && provenance.HasReappeared(before, now) {
		return provenance.Observed(provenance.Yes,
			"the device had sequence number %d when it was written and %d when it was read",
			before.DiskSequence, now.DiskSequence)
	}
	if s.watch == nil {
		return provenance.Observed(provenance.Unknown, "unmounting was not observed")
	}
	return s.watch.observe()
}

// sameFilesystem reports whether all writers and the reader had the same filesystem.
func (s *execution) sameFilesystem() provenance.Observation {
	first := s.cell.Epochs[0].Mount
	mounts := []protocol.Mount{}
	for _, e := range s.cell.Epochs {
		mounts = append(mounts, e.Mount)
	}
	if s.cell.Reader != nil {
		mounts = append(mounts, s.cell.Reader.ScanResult.Mount)
	}
	for _, m := range mounts {
		switch {
		case m.FSType == "":
			return provenance.Observed(provenance.Unknown, "a helper did not report its mount")
		case !provenance.IsSameFilesystem(first, m):
			return provenance.Observed(provenance.No, "the first writer had %s %s, a later helper %s %s",
				first.FSType, first.UUID, m.FSType, m.UUID)
		}
	}
	reason := fmt.Sprintf("every helper had %s (%s)", first.FSType, first.Source)
	if first.UUID != "" {
		reason += ", filesystem UUID " + first.UUID
	} else {
		reason += "; its filesystem UUID is unknown"
	}
	return provenance.Observed(provenance.Yes, "%s", reason)
}

// checkFilesystem returns an error if a helper had another filesystem than the first writer and the user's command ran
// before. Then the command has not mounted the filesystem again, which is not a failure of the volume. If the command
// has not run, the reads of the journal are judged.
func (s *execution) checkFilesystem(who string, now protocol.Mount) error {
	first := s.cell.Epochs[0].Mount
	if !s.betweenRan || first.FSType == "" || now.FSType == "" ||
		provenance.IsSameFilesystem(first, now) && first.Point == now.Point {
		return nil
	}
	return fmt.Errorf("%s found %s on %s at %s, but the first writer wrote to %s at %s: "+
		"--between must mount the same filesystem again",
		who, s.Target.Journal, now.FSType, now.Point, first.FSType, first.Point)
}

func (s *execution) watchUnmount() {
	folder := s.Target.Folder()
	if folder == "" {
		return
	}
	s.closeWatch()
	var err error
	if s.watch, err = watchUnmount(folder); err != nil {
		s.Log.WithError(err).Info("Could not watch for an unmount of the filesystem")
	}
}

func (s *execution) closeWatch() {
	if s.watch == nil {
		return
	}
	if err := s.watch.close(); err != nil {
		s.Log.WithError(err).Warn("Could not close the watch for unmounts")
	}
	s.watch = nil
}
