// Package protocol is what the programs inside the writer's and the reader's pod
// say of what they saw, one line a statement, on their standard output. They
// report; they never decide a verdict.
//
// A line is the statement's kind, its JSON and the CRC-32C of both, so that a
// line that was cut or spliced on its way is never taken for a statement.
package protocol

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strconv"
	"syscall"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/ledger"
)

// ScanResult is what a pod found when it read the journal: the writer before its
// first commit, the reader at the end.
type ScanResult struct {
	journal.Report
	// SHA256 is that of the journal's bytes, in hexadecimal: what sha256sum(1) says of
	// them. Only the reader at the end takes it, and only where all could be read.
	SHA256 string `json:"sha256,omitempty"`
	// Mount is what the journal's path was on.
	Mount Mount `json:"mount"`
	// ReadMode is how the journal was read; empty where none was there.
	ReadMode ReadMode `json:"readMode,omitempty"`
	// BootID identifies the start of the kernel that the pod runs on (random(4), boot_id);
	// empty where it cannot be read.
	BootID string `json:"bootID,omitempty"`
	// Sample shows the bytes around the first damage, nil where there is none.
	Sample *Sample `json:"sample,omitempty"`
}

// Sample is a piece of the journal as it is: up to 256 bytes around its first
// damage, for a person to look at. Where that is follows from the journal alone,
// whatever was promised of it (see journal.Report.FirstDamage). It is read by itself
// after the scan, past the page cache as the scan was; what cannot be read is zeros.
type Sample struct {
	// Offset is where in the journal Bytes begin. There are none where the journal
	// could not be read a second time.
	Offset int64  `json:"offset"`
	Bytes  []byte `json:"bytes"`
	// Damage is the offset of the first byte that is not as it was written, or of the
	// place where records are gone. Where a record's time or sum is wrong, which could
	// have been any, it is where the record begins.
	Damage int64 `json:"damage"`
}

// Commits is how long the commits of one writer took so far.
type Commits struct {
	// Count is of commits, Records of the records in them.
	Count   uint64 `json:"count"`
	Records uint64 `json:"records"`
	// Histogram holds the microseconds of each commit, a write and its sync, as
	// HdrHistogram's V2 compressed encoding in base64.
	Histogram string `json:"histogram"`
}

// ReadMode is how a file was read, and so what may have answered in the volume's place.
type ReadMode string

// The ways to read a file.
const (
	// ReadDirect is past the page cache of the reader's node (O_DIRECT).
	ReadDirect ReadMode = "direct"
	// ReadDropped is through the page cache, after the kernel was asked to drop
	// what it held of the file. It need not have dropped everything.
	ReadDropped ReadMode = "dropped"
	// ReadCached is through the page cache, with whatever it held.
	ReadCached ReadMode = "cached"
)

// Mount is where a path really leads: the mount that it is on, as
// /proc/self/mountinfo names it (proc_pid_mountinfo(5)), or the raw block device
// that it is: Point and Source are the path then.
type Mount struct {
	Point  string `json:"point"`
	Root   string `json:"root"`
	FSType string `json:"fsType"`
	Source string `json:"source"`
	Device string `json:"device"` // major:minor
	// UUID is the filesystem's own (FS_IOC_GETFSUUID); empty where it has or tells none.
	UUID string `json:"uuid,omitempty"`
	// Sequence numbers the appearances of a block device on its kernel
	// (BLKGETDISKSEQ); 0 for a filesystem. FSType is "block" then.
	Sequence uint64 `json:"sequence,omitempty"`
}

// BlockDevice is the FSType of a Mount that is a raw block device.
const BlockDevice = "block"

// OpError says that a pod could not do its work.
type OpError struct {
	// Op says what failed, and on which path.
	Op string `json:"op"`
	// Cause is the error in words, Errno the system's number for it, if it has one.
	Cause string        `json:"cause"`
	Errno syscall.Errno `json:"errno,omitempty"`
	// Writing says that it was a write or a sync.
	Writing bool `json:"writing,omitempty"`
}

func (p OpError) Error() string { return p.Op + ": " + p.Cause }

// Unwrap makes errors.Is(p, syscall.EROFS) and the like work.
func (p OpError) Unwrap() error {
	if p.Errno == 0 {
		return nil
	}
	return p.Errno
}

// Stall says that the volume has kept a call waiting for long. The call may still
// come back: whoever said it then goes on.
type Stall struct {
	// Op says what has not come back, and on which path.
	Op string `json:"op"`
	// Seconds is how long it has been waited for when this is said, by the pod's clock.
	Seconds float64 `json:"seconds"`
	// Over says that it has come back by now.
	Over bool `json:"over,omitempty"`
}

func (s Stall) String() string {
	return fmt.Sprintf("%s has not come back for %g s", s.Op, s.Seconds)
}

// NewOpError is the problem that an error is.
func NewOpError(doing string, err error) OpError {
	p := OpError{Op: doing, Cause: err.Error()}
	errors.As(err, &p.Errno)
	return p
}

// Message is one line: exactly one of its fields is set.
type Message struct {
	Ack        *ledger.Ack
	ScanResult *ScanResult
	Error      *OpError
	Stall      *Stall
	Commits    *Commits
}

const (
	kindAck     = "ack"
	kindScan    = "scan"
	kindError   = "error"
	kindStall   = "stall"
	kindCommits = "commits"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Write says a statement in one piece, newline included.
func Write(w io.Writer, s Message) error {
	kind, body := s.content()
	if body == nil {
		return errors.New("an empty message cannot be said")
	}
	encoded, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encoding %s: %w", kind, err)
	}
	line := append([]byte(kind+" "), encoded...)
	line = fmt.Appendf(line, " %08x\n", crc32.Checksum(line, castagnoli))
	if _, err := w.Write(line); err != nil {
		return fmt.Errorf("saying %s: %w", kind, err)
	}
	return nil
}

func (s Message) content() (kind string, body any) {
	switch {
	case s.Ack != nil:
		return kindAck, s.Ack
	case s.ScanResult != nil:
		return kindScan, s.ScanResult
	case s.Error != nil:
		return kindError, s.Error
	case s.Stall != nil:
		return kindStall, s.Stall
	case s.Commits != nil:
		return kindCommits, s.Commits
	}
	return "", nil
}

// Parse reads one line, without its newline.
func Parse(line []byte) (Message, error) {
	covered, digits, ok := cutLast(line)
	if !ok || len(digits) != 8 {
		return Message{}, errors.New("not a message: no checksum at its end")
	}
	sum, err := strconv.ParseUint(string(digits), 16, 32)
	if err != nil || uint32(sum) != crc32.Checksum(covered, castagnoli) {
		return Message{}, errors.New("not a message: its checksum is wrong")
	}
	kind, body, _ := bytes.Cut(covered, []byte(" "))
	return decode(string(kind), body)
}

func cutLast(line []byte) (before, after []byte, found bool) {
	i := bytes.LastIndexByte(line, ' ')
	if i < 0 {
		return nil, nil, false
	}
	return line[:i], line[i+1:], true
}

func decode(kind string, body []byte) (Message, error) {
	var s Message
	var err error
	switch kind {
	case kindAck:
		s.Ack = &ledger.Ack{}
		err = json.Unmarshal(body, s.Ack)
	case kindScan:
		s.ScanResult = &ScanResult{}
		err = json.Unmarshal(body, s.ScanResult)
	case kindError:
		s.Error = &OpError{}
		err = json.Unmarshal(body, s.Error)
	case kindStall:
		s.Stall = &Stall{}
		err = json.Unmarshal(body, s.Stall)
	case kindCommits:
		s.Commits = &Commits{}
		err = json.Unmarshal(body, s.Commits)
	default:
		return Message{}, fmt.Errorf("not a message: unknown kind %q", kind)
	}
	if err != nil {
		return Message{}, fmt.Errorf("message %s: %w", kind, err)
	}
	return s, nil
}
