package store

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func created(t *testing.T, s *Store) Volume {
	t.Helper()
	v, err := s.Create(Volume{Name: "a", Backend: "ext4", Bytes: 1})
	require.NoError(t, err)
	return v
}

// nothing is what a volume has elsewhere.
func nothing(Volume) error { return nil }

func TestAttach_AllowsOneNodeAtATime(t *testing.T) {
	s, err := New(t.TempDir())
	require.NoError(t, err)
	v := created(t, s)
	require.NoError(t, s.Attach(v.ID, "n1", Attachment{}, false))
	require.NoError(t, s.Attach(v.ID, "n1", Attachment{}, false), "asked again")
	require.ErrorIs(t, s.Attach(v.ID, "n1", Attachment{ReadOnly: true}, false), ErrDifferent)
	err = s.Attach(v.ID, "n2", Attachment{}, false)
	require.ErrorIs(t, err, ErrAttached)
	assert.ErrorContains(t, err, "n1")
	require.ErrorIs(t, s.Delete(v.ID, nothing), ErrAttached)

	again, err := New(s.dir)
	require.NoError(t, err)
	err = again.Attach(v.ID, "n2", Attachment{}, false)
	require.ErrorIs(t, err, ErrAttached, "a new process knows the attachment")
	require.NoError(t, again.Detach(v.ID, "n1"))
	require.NoError(t, again.Attach(v.ID, "n2", Attachment{}, false))
	require.NoError(t, again.Detach(v.ID, ""))
	elsewhere := errors.New("it is in use there")
	require.ErrorIs(t, again.Delete(v.ID, func(Volume) error { return elsewhere }), elsewhere)
	_, err = again.Get(v.ID)
	require.NoError(t, err, "what cannot be removed whole can be removed again")
	require.NoError(t, again.Delete(v.ID, nothing))
	_, err = again.Get(v.ID)
	require.ErrorIs(t, err, ErrNotFound)
}

func TestAttach_AllowsManyNodesForASharedVolume(t *testing.T) {
	s, err := New(t.TempDir())
	require.NoError(t, err)
	v := created(t, s)
	require.NoError(t, s.Attach(v.ID, "n1", Attachment{}, true))
	require.NoError(t, s.Attach(v.ID, "n2", Attachment{}, true))
	for _, node := range []string{"n1", "n2"} {
		attached, err := s.IsAttached(v, node)
		require.NoError(t, err)
		assert.True(t, attached)
	}
}

func TestCreate_RepeatsOnlyForTheSameVolume(t *testing.T) {
	s, err := New(t.TempDir())
	require.NoError(t, err)
	v := created(t, s)
	assert.Equal(t, v, created(t, s))
	_, err = s.Create(Volume{Name: "a", Backend: "ext4", Bytes: 2})
	assert.ErrorIs(t, err, ErrDifferent)
}

func TestGet_RejectsAPathAsID(t *testing.T) {
	s, err := New(t.TempDir())
	require.NoError(t, err)
	for _, id := range []string{"", ".", "..", "../csi-0123456789abcdef", "csi-0123456789abcdef"} {
		_, err := s.Get(id)
		assert.ErrorIs(t, err, ErrNotFound, id)
		assert.NoError(t, s.Delete(id, nothing), id)
	}
}

func TestPublishedElsewhere_ReportsAnotherPath(t *testing.T) {
	s, err := New(t.TempDir())
	require.NoError(t, err)
	v := created(t, s)
	require.NoError(t, s.Publish(v, "n1", "/one"))
	for path, want := range map[string]bool{"/one": false, "/two": true} {
		elsewhere, err := s.PublishedElsewhere(v, "n1", path)
		require.NoError(t, err)
		assert.Equal(t, want, elsewhere, path)
	}
	require.NoError(t, s.Unpublish(v, "n1", "/one"))
	elsewhere, err := s.PublishedElsewhere(v, "n1", "/two")
	require.NoError(t, err)
	assert.False(t, elsewhere)
}
