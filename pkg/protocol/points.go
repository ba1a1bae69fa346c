package protocol

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/ledger"
)

// FormatPoints lists acknowledged records as the helper's flag --points takes them: epoch:sequence,…
func FormatPoints(acks []ledger.Ack) string {
	list := make([]string, len(acks))
	for i, a := range acks {
		list[i] = fmt.Sprintf("%d:%d", a.Epoch, a.Seq)
	}
	return strings.Join(list, ",")
}

// ParsePoints parses the value of the flag --points.
func ParsePoints(list string) ([]journal.Point, error) {
	var points []journal.Point
	for _, item := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' }) {
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
