package reread

import (
	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/pattern"
)

// ExpectPoints returns what a scan is judged by if only the numbers of the last acknowledged records are known. Their
// checksums, and the number of epochs, are taken from the scan. Overlapping writers excuse nothing: that costs only the
// time of another read.
func ExpectPoints(layout pattern.Layout, points []journal.Point, scan journal.ScanReport) judge.Input {
	in := judge.Input{Layout: layout, Scan: scan}
	found := map[journal.Point]uint32{}
	for _, d := range scan.Digests {
		found[d.Point] = d.Checksum
	}
	for _, p := range points {
		in.Acks = append(in.Acks, ledger.Ack{Point: p, Digest: found[p]})
		in.Epochs = max(in.Epochs, p.Epoch)
	}
	for _, s := range scan.Segments {
		in.Epochs = max(in.Epochs, s.Epoch)
	}
	if scan.Objects != nil {
		for _, r := range scan.Objects.Current {
			in.Epochs = max(in.Epochs, r.Epoch)
		}
	}
	return in
}
