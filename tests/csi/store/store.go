// Package store keeps the volumes in one folder that all nodes reach. A folder for each
// volume holds what the volume is, where it is attached and where it is published.
package store

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
)

// Volume describes a volume. It never changes.
type Volume struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Backend is the kind of storage, Bytes the size of the volume.
	Backend string `json:"backend"`
	Bytes   int64  `json:"bytes"`
	// Parameters are the storage class's.
	Parameters map[string]string `json:"parameters"`
	// Folder is the volume's own.
	Folder string `json:"-"`
}

// Errors of a store.
var (
	ErrNotFound = errors.New("there is no such volume")
	// ErrDifferent reports that an earlier request had other parameters.
	ErrDifferent = errors.New("it is there already and is another")
	// ErrAttached reports that a volume is attached to a node.
	ErrAttached = errors.New("it is attached")
)

// Store keeps the volumes below a folder. One process creates, attaches and deletes
// volumes; a process on each node publishes them.
type Store struct {
	dir string
	mu  sync.Mutex
}

// New makes the folder.
func New(dir string) (*Store, error) {
	return &Store{dir: dir}, os.MkdirAll(dir, 0o755)
}

// Create creates a volume. Its ID is derived from its name. If the volume exists, Create
// returns it unchanged.
func (s *Store) Create(v Volume) (Volume, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sum := sha256.Sum256([]byte(v.Name))
	v.ID = "csi-" + hex.EncodeToString(sum[:8])
	v.Folder = s.folder(v.ID)
	there, err := s.Get(v.ID)
	if err == nil {
		same := there.Name == v.Name && there.Backend == v.Backend && there.Bytes == v.Bytes
		if !same || !maps.Equal(there.Parameters, v.Parameters) {
			return there, fmt.Errorf("volume %s: %w", v.Name, ErrDifferent)
		}
		return there, nil
	}
	if !errors.Is(err, ErrNotFound) {
		return v, err
	}
	content, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return v, err
	}
	return v, writeWhole(filepath.Join(v.Folder, "volume.json"), content)
}

// writeWhole writes a file whole or not at all, and its folder.
func writeWhole(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	unfinished := path + ".new"
	if err := os.WriteFile(unfinished, content, 0o600); err != nil {
		return err
	}
	return os.Rename(unfinished, path)
}

func (s *Store) folder(id string) string { return filepath.Join(s.dir, id) }

// anID matches a valid ID. Anything else, such as a path, is not found.
var anID = regexp.MustCompile(`^csi-[0-9a-f]{16}$`)

// Get returns a volume, or ErrNotFound.
func (s *Store) Get(id string) (Volume, error) {
	v := Volume{Folder: s.folder(id)}
	if !anID.MatchString(id) {
		return v, fmt.Errorf("volume %q: %w", id, ErrNotFound)
	}
	content, err := os.ReadFile(filepath.Join(v.Folder, "volume.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return v, fmt.Errorf("volume %s: %w", id, ErrNotFound)
	}
	if err != nil {
		return v, err
	}
	return v, json.Unmarshal(content, &v)
}

// Delete removes a volume with its data, after discard has removed its data outside of
// its folder. It succeeds if there is no such volume.
func (s *Store) Delete(id string, discard func(Volume) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, err := s.Get(id)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	nodes, err := s.attachedTo(v)
	if err != nil {
		return err
	}
	if len(nodes) > 0 {
		return fmt.Errorf("volume %s: %w to %v", id, ErrAttached, nodes)
	}
	if err := discard(v); err != nil {
		return fmt.Errorf("removing what volume %s has elsewhere: %w", id, err)
	}
	return os.RemoveAll(v.Folder)
}

// Attachment is how a volume is attached to a node.
type Attachment struct {
	ReadOnly bool `json:"readOnly"`
}

// Attach attaches a volume to a node. A volume that is not shared is attached to one node only.
func (s *Store) Attach(id, node string, a Attachment, shared bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, err := s.Get(id)
	if err != nil {
		return err
	}
	nodes, err := s.attachedTo(v)
	if err != nil {
		return err
	}
	if slices.Contains(nodes, node) {
		return s.requireSame(v, node, a)
	}
	if len(nodes) > 0 && !shared {
		return fmt.Errorf("volume %s: %w to %s", id, ErrAttached, nodes[0])
	}
	content, err := json.Marshal(a)
	if err != nil {
		return err
	}
	return writeWhole(attachment(v, node), content)
}

func (s *Store) requireSame(v Volume, node string, a Attachment) error {
	var there Attachment
	content, err := os.ReadFile(attachment(v, node))
	if err == nil {
		err = json.Unmarshal(content, &there)
	}
	if err != nil {
		return fmt.Errorf("reading how volume %s is attached to %s: %w", v.ID, node, err)
	}
	if there != a {
		return fmt.Errorf("the attachment of volume %s to %s: %w", v.ID, node, ErrDifferent)
	}
	return nil
}

// Detach undoes Attach. Without a node, it detaches the volume from every node.
func (s *Store) Detach(id, node string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, err := s.Get(id)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if node == "" {
		return os.RemoveAll(attachment(v, ""))
	}
	return removeIfThere(attachment(v, node))
}

// IsAttached reports whether a volume is attached to a node.
func (s *Store) IsAttached(v Volume, node string) (bool, error) {
	nodes, err := s.attachedTo(v)
	return slices.Contains(nodes, node), err
}

func (s *Store) attachedTo(v Volume) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(attachment(v, ""), "*"))
	if err != nil {
		return nil, err
	}
	var nodes []string
	for _, file := range files {
		if filepath.Ext(file) != ".new" {
			nodes = append(nodes, filepath.Base(file))
		}
	}
	return nodes, nil
}

func attachment(v Volume, node string) string { return filepath.Join(v.Folder, "attached", node) }

// Publish records that a volume is published at a path on a node.
func (s *Store) Publish(v Volume, node, path string) error {
	return writeWhole(publication(v, node, path), []byte(path))
}

// Unpublish removes that record.
func (s *Store) Unpublish(v Volume, node, path string) error {
	return removeIfThere(publication(v, node, path))
}

// PublishedElsewhere reports whether a volume is published on a node at another path.
func (s *Store) PublishedElsewhere(v Volume, node, path string) (bool, error) {
	files, err := filepath.Glob(filepath.Join(v.Folder, "published", node, "*"))
	own := publication(v, node, path)
	return slices.ContainsFunc(files, func(file string) bool { return file != own && filepath.Ext(file) != ".new" }), err
}

func publication(v Volume, node, path string) string {
	sum := sha256.Sum256([]byte(path))
	return filepath.Join(v.Folder, "published", node, hex.EncodeToString(sum[:8]))
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
