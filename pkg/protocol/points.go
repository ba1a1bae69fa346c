package protocol

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/ledger"
)

// pointsPerFlag is the maximum number of points in one flag. Linux limits an argument of a program to 128 KiB
// (MAX_ARG_STRLEN), and a point has at most 19 bytes.
const pointsPerFlag = 5000

// PointFlags returns the flags --points that list acknowledged records for the helper, as epoch:sequence,…
func PointFlags(acks []ledger.Ack) []string {
	var flags []string
	var list []byte
	for chunk := range slices.Chunk(acks, pointsPerFlag) {
		list = list[:0]
		for _, a := range chunk {
			list = strconv.AppendInt(list, int64(a.Epoch), 10)
			list = append(list, ':')
			list = strconv.AppendUint(list, a.Seq, 10)
			list = append(list, ',')
		}
		flags = append(flags, "--points", string(list[:len(list)-1]))
	}
	return flags
}

// ParsePoints parses the value of one flag --points.
func ParsePoints(list string) ([]journal.Point, error) {
	points := make([]journal.Point, 0, strings.Count(list, ",")+1)
	for item := range strings.SplitSeq(list, ",") {
		if item == "" {
			continue
		}
		epoch, seq, _ := strings.Cut(item, ":")
		e, errEpoch := strconv.Atoi(epoch)
		s, errSeq := strconv.ParseUint(seq, 10, 64)
		if err := errors.Join(errEpoch, errSeq); err != nil {
			return nil, fmt.Errorf("%q: want epoch:sequence: %w", item, err)
		}
		points = append(points, journal.Point{Epoch: e, Seq: s})
	}
	return points, nil
}
