// Package protocol defines the messages that the helper in the writer's and the
// reader's pod prints on its standard output, one per line. The helper reports what
// it observed; it does not decide the verdict of the experiment.
//
// A line is the kind of the message, a space, the message as JSON, a space, and the
// CRC-32C of all that precedes that last space, as eight hexadecimal digits:
//
//	ack {"epoch":2,"seq":4812,"digest":3735928559,"time":"2026-11-24T12:00:00Z"} af3e1aee
//
// The checksum rejects a line that was truncated or spliced on its way through the
// pod's log. The helper prints the kinds ack, scan, scan-after, error, stall, reread and commits. Files of
// acknowledgements begin with another kind, journal.
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
	"time"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/pattern"
)

// MaxLine limits the length of a line that is read, in bytes. The longest lines are those of scans with
// journal.MaxEpoch writers, whose lists have more entries than there are writers.
const MaxLine = 64 << 20

// ScanResult is the outcome of a scan of the journal. Each writer after the first scans before
// its first commit. The reader scans at the end of the run.
type ScanResult struct {
	journal.ScanReport
	// SHA256 is the SHA-256 of the journal in hexadecimal, as sha256sum(1) prints it. Only
	// the reader computes it, and only if every byte could be read.
	SHA256 string `json:"sha256,omitempty"`
	// Mount is the mount or the device that holds the journal.
	Mount Mount `json:"mount"`
	// ReadMode is how the journal was read; absent if there was no journal.
	ReadMode ReadMode `json:"readMode,omitempty"`
	// Reread describes that the journal was read again; absent if it was read once.
	Reread *Reread `json:"reread,omitempty"`
	// BootID identifies the boot of the kernel that the pod runs on (random(4), boot_id, or
	// kern.bootsessionuuid on macOS); absent if it cannot be read.
	BootID string `json:"bootID,omitempty"`
	// Kernel is the release of that kernel, as uname -r prints it; absent if it cannot be read.
	Kernel string `json:"kernel,omitempty"`
	// Excerpt holds the bytes around the first damage; absent if there is none.
	Excerpt *Excerpt `json:"excerpt,omitempty"`
}

// Reread describes that a journal was read again, because the client of a network filesystem may have shown an older
// state of it.
type Reread struct {
	// CacheSeconds is for how long the mount may show an older state.
	CacheSeconds float64 `json:"cacheSeconds"`
	// Seconds is the time from the first read to the last one.
	Seconds float64 `json:"seconds"`
	// Reads is the number of reads after the first one.
	Reads int `json:"reads"`
	// Settled reports whether what the last read found agrees with the acknowledged records that the reader knows.
	Settled bool `json:"settled,omitempty"`
}

// String describes what was done, and what it shows.
func (r Reread) String() string {
	if r.Settled {
		return r.Attempt() + "; the last read showed a newer one"
	}
	return r.Attempt() + "; the last read still differed from what was acknowledged"
}

// Attempt describes what was done, and why.
func (r Reread) Attempt() string {
	return fmt.Sprintf("the journal was read again after %s, because the mount may show an older state for up to %s",
		wholeSeconds(r.Seconds), wholeSeconds(r.CacheSeconds))
}

// Duration returns the time from the first read to the last one.
func (r Reread) Duration() time.Duration { return time.Duration(r.Seconds * float64(time.Second)) }

// Rereading reports that a journal is read again from now on.
type Rereading struct {
	// CacheSeconds is for how long the mount may show an older state.
	CacheSeconds float64 `json:"cacheSeconds"`
	// Seconds is when the last read begins at the latest.
	Seconds float64 `json:"seconds"`
}

func (r Rereading) String() string {
	return fmt.Sprintf("the journal is read again for up to %s, because the mount may show an older state for up to %s",
		wholeSeconds(r.Seconds), wholeSeconds(r.CacheSeconds))
}

func wholeSeconds(seconds float64) string { return fmt.Sprintf("%.0f s", seconds) }

// Excerpt is a part of the journal for a person to inspect: up to 256 bytes around
// the first damage. The place depends only on the journal, not on the
// acknowledgements. The excerpt is read after the scan, in the same way as the scan.
// Bytes that cannot be read are zeros.
type Excerpt struct {
	// Offset is the offset of the excerpt in the journal.
	Offset int64 `json:"offset"`
	// Bytes is the excerpt; empty if the journal could not be read a second time.
	Bytes []byte `json:"bytes"`
	// Damage is the offset of the first byte that differs from what was written, or of
	// the place where records are missing. The time and the checksum of a record cannot
	// be predicted: if one of them is wrong, this is the offset of the record.
	Damage int64 `json:"damage"`
}

// CommitStats holds the durations of all commits of one writer so far.
type CommitStats struct {
	// Count is the number of commits, Records the number of records in them.
	Count   uint64 `json:"count"`
	Records uint64 `json:"records"`
	// Histogram holds the duration of each commit, a write and its sync, in
	// microseconds. It is HdrHistogram's V2 compressed encoding in base64.
	Histogram string `json:"histogram"`
}

// ReadMode is how a file was read: from the volume, or possibly from the page cache.
type ReadMode string

const (
	// ReadDirect bypasses the page cache of the reader's node (O_DIRECT).
	ReadDirect ReadMode = "direct"
	// ReadDropped reads through the page cache, after a request to the kernel to drop
	// the cached pages of the file. The kernel may have kept some of them.
	ReadDropped ReadMode = "dropped"
	// ReadNoCache reads without adding to the page cache (F_NOCACHE on macOS). It is
	// unknown whether the bytes come from pages that were cached already.
	ReadNoCache ReadMode = "no-cache"
	// ReadCached reads through the page cache, including what is cached already.
	ReadCached ReadMode = "cached"
)

// Mount is the mount that holds a path, as /proc/self/mountinfo describes it
// (proc_pid_mountinfo(5)), or statfs(2) on macOS. For a raw block device, the mount point
// and the source are the path of the device.
type Mount struct {
	Point  string `json:"point"`
	Root   string `json:"root"`
	FSType string `json:"fsType"`
	Source string `json:"source"`
	Device string `json:"device"` // major:minor
	// Options are the options of this mount; absent for a raw block device and on macOS.
	Options string `json:"options,omitempty"`
	// SuperOptions are the options of the filesystem, which all its mounts share.
	SuperOptions string `json:"superOptions,omitempty"`
	// UUID is the UUID of the filesystem (FS_IOC_GETFSUUID); absent if it is not known.
	UUID string `json:"uuid,omitempty"`
	// DiskSequence is the disk sequence number of a block device (BLKGETDISKSEQ): the kernel
	// gives a new one each time a device appears. It is absent for a filesystem.
	DiskSequence uint64 `json:"diskSequence,omitempty"`
}

// BlockDevice is the FSType of a Mount that describes a raw block device.
const BlockDevice = "block"

// OpError is the error of an operation that failed in a pod.
type OpError struct {
	// Op is the operation that failed, and its path.
	Op string `json:"op"`
	// Cause is the text of the error.
	Cause string `json:"cause"`
	// Errno is the system error number; absent if there is none.
	Errno syscall.Errno `json:"errno,omitempty"`
	// Writing reports whether the operation was a write or a sync.
	Writing bool `json:"writing,omitempty"`
	// Unsupported reports whether the volume does not support the operation.
	Unsupported bool `json:"unsupported,omitempty"`
}

func (e OpError) Error() string { return e.Op + ": " + e.Cause }

// Unwrap makes errors.Is(e, syscall.EROFS) and the like work.
func (e OpError) Unwrap() error {
	if e.Errno == 0 {
		return nil
	}
	return e.Errno
}

// NewOpError returns the OpError of an operation that failed with an error. If the error has the method
// IsUnsupported, Unsupported is its result.
func NewOpError(op string, err error) OpError {
	e := OpError{Op: op, Cause: err.Error()}
	errors.As(err, &e.Errno)
	var limit interface {
		error
		IsUnsupported() bool
	}
	e.Unsupported = errors.As(err, &limit) && limit.IsUnsupported()
	return e
}

// Stall reports a call to the volume that has not returned for a long time. The call
// may still return; a second Stall with Ended set follows then.
type Stall struct {
	// Op is the call that has not returned, and its path.
	Op string `json:"op"`
	// Seconds is how long the call has taken so far, by the pod's clock.
	Seconds float64 `json:"seconds"`
	// Ended reports whether the call has returned.
	Ended bool `json:"ended,omitempty"`
}

func (s Stall) String() string {
	return fmt.Sprintf("%s has not returned for %g s", s.Op, s.Seconds)
}

// Message is the content of one line. Exactly one of its fields is set.
type Message struct {
	Ack         *ledger.Ack
	ScanResult  *ScanResult
	ScanAfter   *ScanAfter
	Error       *OpError
	Stall       *Stall
	Rereading   *Rereading
	CommitStats *CommitStats
	Journal     *Journal
}

// Journal names the journal that the acknowledgements after it are about. A file of
// acknowledgements begins with it. The helper does not print it.
type Journal struct {
	journal.Format
	// Layout is the write pattern and its objects; absent for append.
	Layout pattern.Layout `json:"layout,omitzero"`
	Path   string         `json:"path"`
}

const (
	kindAck     = "ack"
	kindScan    = "scan"
	kindAfter   = "scan-after"
	kindError   = "error"
	kindStall   = "stall"
	kindReread  = "reread"
	kindCommits = "commits"
	kindJournal = "journal"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Write writes a message as one line, in a single call to w.
func Write(w io.Writer, m Message) error {
	kind, body := m.content()
	if body == nil {
		return errors.New("writing a message: it is empty")
	}
	encoded, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encoding message %s: %w", kind, err)
	}
	line := append([]byte(kind+" "), encoded...)
	line = fmt.Appendf(line, " %08x\n", crc32.Checksum(line, castagnoli))
	if _, err := w.Write(line); err != nil {
		return fmt.Errorf("writing message %s: %w", kind, err)
	}
	return nil
}

func (m Message) content() (kind string, body any) {
	switch {
	case m.Ack != nil:
		return kindAck, m.Ack
	case m.ScanResult != nil:
		return kindScan, m.ScanResult
	case m.ScanAfter != nil:
		return kindAfter, m.ScanAfter
	case m.Error != nil:
		return kindError, m.Error
	case m.Stall != nil:
		return kindStall, m.Stall
	case m.Rereading != nil:
		return kindReread, m.Rereading
	case m.CommitStats != nil:
		return kindCommits, m.CommitStats
	case m.Journal != nil:
		return kindJournal, m.Journal
	}
	return "", nil
}

// Parse parses one line, without its newline.
func Parse(line []byte) (Message, error) {
	content, digits, ok := cutLast(line)
	if !ok || len(digits) != 8 {
		return Message{}, errors.New("not a message: no checksum at the end")
	}
	sum, err := strconv.ParseUint(string(digits), 16, 32)
	if err != nil || uint32(sum) != crc32.Checksum(content, castagnoli) {
		return Message{}, errors.New("not a message: wrong checksum")
	}
	kind, body, _ := bytes.Cut(content, []byte(" "))
	return decode(string(kind), body)
}

// cutLast cuts a line at its last space.
func cutLast(line []byte) (before, after []byte, found bool) {
	i := bytes.LastIndexByte(line, ' ')
	if i < 0 {
		return nil, nil, false
	}
	return line[:i], line[i+1:], true
}

func decode(kind string, body []byte) (m Message, err error) {
	switch kind {
	case kindAck:
		m.Ack, err = decodeAck(body)
	case kindScan:
		m.ScanResult = new(ScanResult)
		err = json.Unmarshal(body, m.ScanResult)
	case kindAfter:
		m.ScanAfter = new(ScanAfter)
		err = json.Unmarshal(body, m.ScanAfter)
	case kindError:
		m.Error = new(OpError)
		err = json.Unmarshal(body, m.Error)
	case kindStall:
		m.Stall = new(Stall)
		err = json.Unmarshal(body, m.Stall)
	case kindReread:
		m.Rereading = new(Rereading)
		err = json.Unmarshal(body, m.Rereading)
	case kindCommits:
		m.CommitStats = new(CommitStats)
		err = json.Unmarshal(body, m.CommitStats)
	case kindJournal:
		m.Journal = new(Journal)
		err = json.Unmarshal(body, m.Journal)
	default:
		return Message{}, fmt.Errorf("not a message: unknown kind %q", kind)
	}
	if err != nil {
		return Message{}, fmt.Errorf("decoding message %s: %w", kind, err)
	}
	return m, nil
}
