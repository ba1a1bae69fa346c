package reread

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/pattern"
	"github.com/volume-durability/volume-durability/pkg/protocol"
)

const recordSize = 100

// holding returns the scan of a journal with a number of records.
func holding(records uint64) journal.ScanReport {
	scan := journal.ScanReport{Format: journal.Format{ID: journal.NewID("run"), RecordSize: recordSize}, Present: true}
	if records > 0 {
		scan.Records, scan.Bytes = records, int64(records)*recordSize
		scan.Segments = []journal.Segment{{Epoch: 1, First: 1, Last: records, End: scan.Bytes}}
	}
	return scan
}

func absent() journal.ScanReport {
	return journal.ScanReport{Format: journal.Format{ID: journal.NewID("run"), RecordSize: recordSize}}
}

// client is a volume through a cache: it shows the earlier outcome until some time has passed.
type client struct {
	options        string
	earlier, later journal.ScanReport
	err            error
	until          time.Duration
	began          time.Time
	reads          int
	takes          time.Duration // by each read
	fsType         string        // nfs4 if it is empty
	judged         int
	announced      []protocol.Rereading
}

func (c *client) read() (journal.ScanReport, error) {
	c.reads++
	started := time.Since(c.began)
	time.Sleep(c.takes)
	if started < c.until {
		return c.earlier, c.err
	}
	return c.later, nil
}

// reading reads a journal of which ten records were acknowledged.
func (c *client) reading() Reading[journal.ScanReport] {
	c.began = time.Now()
	return Reading[journal.ScanReport]{
		Path: "/data/folder/logs.log", Read: c.read,
		Expected: func(found journal.ScanReport) judge.Input {
			c.judged++
			return ExpectPoints(pattern.Layout{Pattern: pattern.Append}, []journal.Point{{Epoch: 1, Seq: 10}}, found)
		},
		Present:  func(found journal.ScanReport) bool { return found.Present },
		Announce: func(r protocol.Rereading) { c.announced = append(c.announced, r) },
		MountOf: func(path string) (protocol.Mount, error) {
			if path != "/data" {
				return protocol.Mount{}, fs.ErrNotExist // the folder may be hidden too
			}
			return protocol.Mount{FSType: cmp.Or(c.fsType, "nfs4"), SuperOptions: c.options}, nil
		},
	}
}

func TestDo_ReadsAgainAsLongAsTheMountMayShowAnOlderState(t *testing.T) {
	const never = time.Hour
	for name, c := range map[string]struct {
		client  client
		settled bool
		seconds float64 // 0 if the journal is read once
	}{
		"nothing is missing":              {client: client{options: "nocto", earlier: holding(10), until: never}},
		"an old length":                   {client{options: "nocto", earlier: holding(5), until: 5 * time.Second}, true, 7},
		"an old length, compared on open": {client: client{earlier: holding(5), until: never}},
		"a lost end":                      {client{options: "nocto", earlier: holding(5), until: never}, false, 61},
		"a short time": {
			client{options: "nocto,acregmin=2,acregmax=2,acdirmin=2,acdirmax=2", earlier: holding(5), until: never}, false, 3},
		"a name that leads to nothing": {client{earlier: absent(), until: 2 * time.Second}, true, 3},
		"a lost journal": {
			client{options: "acdirmin=9,acdirmax=9", earlier: absent(), until: never}, false, 10},
		"a lost journal, no cache": {client: client{options: "noac", earlier: absent(), until: never}},
		"a name that leads to an old file": {
			client{earlier: holding(5), err: syscall.ESTALE, until: 2 * time.Second}, true, 3},
		"another error": {client: client{options: "nocto", err: syscall.EIO, until: never}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c.client.later = holding(10)
				found, again, err := c.client.reading().Do(t.Context())
				if c.seconds == 0 {
					assert.Nil(t, again)
					assert.Equal(t, 1, c.client.reads)
					assert.Equal(t, c.client.err, err)
					assert.Equal(t, c.client.earlier, found)
					return
				}
				require.NotNil(t, again)
				require.NoError(t, err)
				assert.Equal(t, c.settled, again.Settled)
				assert.Equal(t, c.seconds, again.Seconds)
				assert.Equal(t, c.client.reads-1, again.Reads)
				want := c.client.earlier
				if c.settled {
					want = c.client.later
				}
				assert.Equal(t, want, found)
			})
		})
	}
}

// An error that remains is the volume's.
func TestDo_ReturnsAnErrorThatRemains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := client{err: syscall.ESTALE, until: time.Hour}
		_, again, err := c.reading().Do(t.Context())
		require.ErrorIs(t, err, syscall.ESTALE)
		require.NotNil(t, again)
		assert.False(t, again.Settled)
		assert.Contains(t, again.Attempt(), "read again after 61 s, because the mount may show an older state for up to 60 s")
	})
}

// A judgement takes memory, of which a pod has little.
func TestDo_JudgesOnlyWhatTheMountMayHide(t *testing.T) {
	for name, c := range map[string]client{
		"another filesystem":          {fsType: "ext4", options: "nocto"},
		"a file compared on open":     {},
		"a mount that caches nothing": {options: "noac,nocto"},
	} {
		c.earlier, c.until = holding(5), time.Hour
		_, again, err := c.reading().Do(t.Context())
		require.NoError(t, err, name)
		assert.Nil(t, again, name)
		assert.Zero(t, c.judged, name)
		assert.Empty(t, c.announced, name)
	}
}

// A read that begins while the client caches shows an older state, also if it ends later.
func TestDo_ReadsAgainAfterASlowReadThatBeganEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := client{options: "nocto", earlier: holding(5), later: holding(10), takes: 80 * time.Second}
		c.until = c.takes + time.Minute
		_, again, err := c.reading().Do(t.Context())
		require.NoError(t, err)
		require.NotNil(t, again)
		assert.True(t, again.Settled)
		assert.Equal(t, 2, again.Reads)
		assert.InDelta(t, 81, again.Seconds, 0)
	})
}

func TestDo_AnnouncesOnceThatItReadsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := client{options: "nocto", earlier: holding(5), until: time.Hour}
		_, _, err := c.reading().Do(t.Context())
		require.NoError(t, err)
		assert.Equal(t, []protocol.Rereading{{CacheSeconds: 60, Seconds: 61}}, c.announced)
	})
}

// damaged returns the scan of a journal with damaged bytes in the place of its last records.
func damaged() journal.ScanReport {
	scan := holding(5)
	scan.Bytes += 3 * recordSize
	scan.Damage = []journal.Damage{{Offset: 5 * recordSize, Length: 3 * recordSize}}
	return scan
}

// Another read may not show damage again, but it was there.
func TestDo_DoesNotReadAgainWhatAnOlderStateDoesNotExplain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := client{options: "nocto", earlier: damaged(), later: holding(10), until: time.Second}
		found, again, err := c.reading().Do(t.Context())
		require.NoError(t, err)
		assert.Nil(t, again)
		assert.Equal(t, damaged(), found)
	})
}

// Damage that a later read finds is final, too.
func TestDo_EndsWithAReadThatFindsDamage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := client{options: "nocto", earlier: holding(5), later: damaged(), until: time.Second}
		found, again, err := c.reading().Do(t.Context())
		require.NoError(t, err)
		require.NotNil(t, again)
		assert.Equal(t, 1, again.Reads)
		assert.False(t, again.Settled)
		assert.Equal(t, damaged(), found)
	})
}

// The error of a later read has nothing to do with an older state.
func TestDo_ReturnsAnotherErrorOfALaterRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := client{options: "nocto", earlier: holding(5), until: time.Hour}
		r := c.reading()
		r.Read = func() (journal.ScanReport, error) {
			found, err := c.read()
			if c.reads > 1 {
				err = syscall.EIO
			}
			return found, err
		}
		_, again, err := r.Do(t.Context())
		assert.Equal(t, syscall.EIO, err)
		assert.Nil(t, again)
	})
}

// The only classes that are read again are those of an older name, list or length.
func TestIsOlderState_NeedsAnExplanationForEachFinding(t *testing.T) {
	explained := []judge.Class{
		judge.Missing, judge.LostTail, judge.RolledBack, judge.Stale, judge.Misdirected, judge.Resurrected,
	}
	assert.False(t, isOlderState(nil))
	for _, class := range judge.Classes() {
		want := slices.Contains(explained, class)
		assert.Equal(t, want, isOlderState([]judge.Finding{{Class: class}}), class)
		assert.Equal(t, want, isOlderState([]judge.Finding{{Class: judge.Missing}, {Class: class}}), class)
	}
}

// Only the writers of a run that were deleted by force may overlap. A reader does not know whether they were.
func TestExpectPoints_ExcusesNothingByOverlappingWriters(t *testing.T) {
	assert.False(t, ExpectPoints(pattern.Layout{}, nil, holding(1)).MayOverlap)
}

// A later epoch of which only an object is known has been started, too.
func TestExpectPoints_CountsTheEpochsOfObjects(t *testing.T) {
	scan := holding(0)
	scan.Objects = &journal.ObjectReport{Current: []journal.RecordRange{{Epoch: 3, First: 1, Last: 1}}}
	assert.Equal(t, 3, ExpectPoints(pattern.Layout{}, []journal.Point{{Epoch: 1, Seq: 10}}, scan).Epochs)
}

// A scan of an older state would be judged as a loss.
func TestDo_ReturnsAnErrorIfItIsStoppedBeforeTheFindingIsCertain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stopped := errors.New("stopped")
		ctx, cancel := context.WithTimeoutCause(t.Context(), 3*time.Second, stopped)
		defer cancel()
		c := client{options: "nocto", earlier: holding(5), until: time.Hour}
		_, again, err := c.reading().Do(ctx)
		require.ErrorIs(t, err, stopped)
		assert.Nil(t, again)
	})
}

func TestDo_ReadsOnceIfNothingWasAcknowledged(t *testing.T) {
	c := client{options: "nocto", earlier: absent(), until: time.Hour}
	r := c.reading()
	r.Expected = func(found journal.ScanReport) judge.Input {
		return ExpectPoints(pattern.Layout{Pattern: pattern.Append}, nil, found)
	}
	_, again, err := r.Do(t.Context())
	require.NoError(t, err)
	assert.Nil(t, again)
}

// A reader knows the acknowledged records by their numbers only, and not how many writers were started.
func TestExpectPoints_TakesChecksumsAndEpochsFromTheScan(t *testing.T) {
	scan := holding(10)
	scan.Digests = []journal.Digest{{Point: journal.Point{Epoch: 1, Seq: 10}, Checksum: 7}}
	scan.Segments = append(scan.Segments, journal.Segment{Epoch: 2, First: 1, Last: 1, Offset: 1000, End: 1100})
	scan.Records, scan.Bytes = 11, 1100
	layout := pattern.Layout{Pattern: pattern.Append}
	in := ExpectPoints(layout, []journal.Point{{Epoch: 1, Seq: 10}}, scan)
	assert.Empty(t, judge.Judge(in).Findings)
	assert.Equal(t, 2, in.Epochs)
	scan.Segments, scan.Records, scan.Bytes = scan.Segments[:1], 10, 1000
	assert.NotEmpty(t, judge.Judge(ExpectPoints(layout, []journal.Point{{Epoch: 1, Seq: 11}}, scan)).Findings)
}
