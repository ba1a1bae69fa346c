package protocol

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"slices"
	"strconv"
	"strings"

	"github.com/volume-durability/volume-durability/pkg/journal"
)

// KnownLists are the lists of an earlier scan of a journal. The lists of a later scan of the intact journal start with
// the same entries, so the helper does not print these again. Otherwise, each deletion of a long run would take more
// memory and time than the one before.
type KnownLists struct {
	Segments []journal.Segment
	Digests  []journal.Digest
}

// KnownStart identifies the entries at the start of two lists without listing them.
type KnownStart struct {
	Segments int `json:"segments"`
	Digests  int `json:"digests"`
	// SHA256 is the SHA-256 of the entries in hexadecimal.
	SHA256 string `json:"sha256"`
}

// ScanAfter is a scan result without the known entries at the start of its lists.
type ScanAfter struct {
	ScanResult
	Known KnownStart `json:"known"`
}

// Flags returns the flag --known, with which the helper omits the lists; none if they are empty.
func (k KnownLists) Flags() []string {
	if len(k.Segments)+len(k.Digests) == 0 {
		return nil
	}
	start := k.start()
	return []string{"--known", fmt.Sprintf("%d:%d:%s", start.Segments, start.Digests, start.SHA256)}
}

func (k KnownLists) start() KnownStart {
	return KnownStart{len(k.Segments), len(k.Digests), hex.EncodeToString(k.sum())}
}

// sum returns the SHA-256 of all entries.
func (k KnownLists) sum() []byte {
	h := numberHash{Hash: sha256.New()}
	for _, s := range k.Segments {
		unlinked := uint64(0)
		if s.Unlinked {
			unlinked = 1
		}
		h.add(uint64(s.Epoch), s.First, s.Last, uint64(s.Offset), uint64(s.End), unlinked, s.Displaced)
	}
	for _, d := range k.Digests {
		h.add(uint64(d.Epoch), d.Seq, uint64(d.Checksum))
	}
	return h.Sum(nil)
}

// numberHash is a hash of numbers.
type numberHash struct {
	hash.Hash
	buffer []byte
}

func (h *numberHash) add(numbers ...uint64) {
	h.buffer = h.buffer[:0]
	for _, n := range numbers {
		h.buffer = binary.LittleEndian.AppendUint64(h.buffer, n)
	}
	_, _ = h.Write(h.buffer) // a hash never returns an error
}

// ParseKnownStart parses the value of the flag --known.
func ParseKnownStart(text string) (KnownStart, error) {
	wrong := fmt.Errorf("%q: want segments:digests:SHA-256", text)
	parts := strings.Split(text, ":")
	if len(parts) != 3 {
		return KnownStart{}, wrong
	}
	segments, err := strconv.ParseUint(parts[0], 10, 31)
	if err != nil {
		return KnownStart{}, wrong
	}
	digests, err := strconv.ParseUint(parts[1], 10, 31)
	if err != nil || len(parts[2]) != hex.EncodedLen(sha256.Size) {
		return KnownStart{}, wrong
	}
	return KnownStart{int(segments), int(digests), parts[2]}, nil
}

// Message returns the message with a scan result. If the lists of the result start with the known entries, the message
// omits these. The zero KnownStart knows none.
func (k KnownStart) Message(scan ScanResult) Message {
	if k.Segments+k.Digests == 0 || k.Segments > len(scan.Segments) || k.Digests > len(scan.Digests) {
		return Message{ScanResult: &scan}
	}
	start := KnownLists{scan.Segments[:k.Segments], scan.Digests[:k.Digests]}
	if start.start() != k {
		return Message{ScanResult: &scan}
	}
	scan.Segments, scan.Digests = scan.Segments[k.Segments:], scan.Digests[k.Digests:]
	return Message{ScanAfter: &ScanAfter{scan, k}}
}

// Complete returns the scan result with the known entries. Its lists share no memory with the known ones. It returns an
// error if the result omits other entries.
func (s ScanAfter) Complete(known KnownLists) (ScanResult, error) {
	if s.Known != known.start() {
		return ScanResult{}, fmt.Errorf("the scan result omits %d segments and %d digests that are not those of the "+
			"previous scan", s.Known.Segments, s.Known.Digests)
	}
	scan := s.ScanResult
	scan.Segments = slices.Concat(known.Segments, scan.Segments)
	scan.Digests = slices.Concat(known.Digests, scan.Digests)
	return scan, nil
}
