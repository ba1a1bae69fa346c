package undo

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/tests/faultfs/extent"
)

// file is a file whose every state is remembered.
type file struct {
	t       *testing.T
	on      *os.File
	history *History
	states  []remembered
	now     time.Time
	// synced is what the file held at the last sync, unsynced when it changed first
	// since; zero where it has not.
	synced   []byte
	unsynced time.Time
}

type remembered struct {
	at      time.Time
	content []byte
}

func newFile(t *testing.T, keep time.Duration) *file {
	on, err := os.Create(filepath.Join(t.TempDir(), "file"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = on.Close() })
	return &file{t: t, on: on, history: &History{Keep: keep}, now: time.Now(), synced: []byte{}}
}

func (f *file) content() []byte {
	content, err := os.ReadFile(f.on.Name())
	require.NoError(f.t, err)
	return content
}

func (f *file) changes(r extent.Range) {
	f.now = f.now.Add(time.Second)
	content := f.content()
	f.states = append(f.states, remembered{f.now, content})
	if f.unsynced.IsZero() {
		f.unsynced = f.now
	}
	require.NoError(f.t, f.history.Before(f.now, int64(len(content)), r, f.on))
}

func (f *file) writes(offset int64, data []byte) {
	f.changes(extent.Range{Offset: offset, Length: int64(len(data))})
	_, err := f.on.WriteAt(data, offset)
	require.NoError(f.t, err)
}

func (f *file) truncates(size int64) {
	f.changes(extent.Between(size, int64(len(f.content()))))
	require.NoError(f.t, f.on.Truncate(size))
}

func (f *file) syncs() {
	f.history.Synced(f.now)
	f.synced, f.unsynced = f.content(), time.Time{}
}

// expected is what is left of the writes before a state: what was never synced goes
// with those after it.
func (f *file) expected(s remembered) []byte {
	if !f.unsynced.IsZero() && f.unsynced.Before(s.at) {
		return f.synced
	}
	return s.content
}

// back is what the file's content would be with an image.
func (f *file) back(image *Image) []byte {
	if image == nil {
		return f.content()
	}
	copied := filepath.Join(f.t.TempDir(), "copy")
	require.NoError(f.t, os.WriteFile(copied, f.content(), 0o600))
	on, err := os.OpenFile(copied, os.O_RDWR, 0)
	require.NoError(f.t, err)
	defer on.Close()
	_, err = image.Change().Apply(on, int64(len(f.content())))
	require.NoError(f.t, err)
	content, err := os.ReadFile(copied)
	require.NoError(f.t, err)
	return content
}

func TestUndo_RestoresEveryStateThatIsKept(t *testing.T) {
	for _, keep := range []time.Duration{0, 5 * time.Second} {
		random := rand.New(rand.NewPCG(3, uint64(keep)))
		for range 20 {
			f := newFile(t, keep)
			for range 25 {
				switch random.IntN(5) {
				case 0:
					f.truncates(random.Int64N(60))
				case 1:
					f.syncs()
				default:
					f.writes(random.Int64N(50), bytes.Repeat([]byte{byte(random.Int())}, 1+random.IntN(20)))
				}
				require.Equal(t, f.synced, f.back(f.history.Unsynced()))
				for _, state := range f.states {
					if keep > 0 && f.now.Sub(state.at) <= keep {
						require.Equal(t, f.expected(state), f.back(f.history.Since(state.at)))
					}
				}
			}
		}
	}
}

func TestUndo_KeepsLittleInALongRun(t *testing.T) {
	f := newFile(t, 0)
	for range 100 {
		f.writes(int64(len(f.content())), []byte("record"))
	}
	assert.Len(t, f.history.states, 1)
	assert.Empty(t, f.history.states[0].image.pieces, "appended data needs no history")
	f.history.Synced(f.now)
	assert.Empty(t, f.history.states)

	f = newFile(t, 10*time.Second)
	for range 100 {
		f.writes(0, []byte("record"))
		f.history.Synced(f.now)
	}
	assert.Len(t, f.history.states, 11)
}
