package backend

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/volume-durability/volume-durability/tests/csi/mounts"
	"github.com/volume-durability/volume-durability/tests/csi/store"
	"github.com/volume-durability/volume-durability/tests/faultfs"
	"github.com/volume-durability/volume-durability/tests/faultfs/event"
)

// served is a faulty filesystem that this process serves. It ends with the process.
type served struct {
	volume  *faultfs.Volume
	control *faultfs.Control
	events  *os.File
	damage  damage
}

// servePatience is how long the last users of a faulty filesystem have to close it.
const servePatience = 2 * time.Second

func (h *Host) stageFaulty(v store.Volume, path string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.faulty[path] != nil {
		return nil
	}
	// A mount that exists now was served by a process that has ended.
	if err := mounts.Unmount(path); err != nil {
		return err
	}
	s, err := h.serve(v, path)
	if err != nil {
		return fmt.Errorf("serving the faulty volume %s: %w", v.ID, err)
	}
	h.faulty[path] = s
	return nil
}

// serve mounts the filesystem. In the volume's folder, control takes commands and
// events.jsonl contains its events.
func (h *Host) serve(v store.Volume, path string) (*served, error) {
	d, err := damageOf(v.Parameters)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(data(v), 0o755); err != nil {
		return nil, err
	}
	pipe := filepath.Join(v.Folder, "control")
	if err := os.Remove(pipe); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	s := &served{damage: d}
	s.events, err = os.OpenFile(filepath.Join(v.Folder, "events.jsonl"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	s.control, err = faultfs.NewControl(pipe)
	if err != nil {
		return nil, errors.Join(err, s.events.Close())
	}
	lines := json.NewEncoder(s.events)
	s.volume, err = faultfs.Mount(faultfs.Options{
		Dir: data(v), Mountpoint: path, File: d.file, Fault: d.spec,
		Report: func(e event.Event) {
			if err := lines.Encode(e); err != nil {
				h.log.WithError(err).Warn("An event of a faulty volume is lost")
			}
		},
	})
	if err != nil {
		return nil, errors.Join(err, s.control.Close(), s.events.Close())
	}
	s.control.Listen(s.volume.Command)
	return s, nil
}

func (h *Host) unstageFaulty(path string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.faulty[path]
	if s == nil {
		return nil
	}
	if s.damage.atUnstage {
		s.volume.Command("now")
	}
	delete(h.faulty, path)
	return s.end()
}

// end unmounts the filesystem. Processes that still use it get an error when this process
// ends.
func (s *served) end() error {
	ctx, cancel := context.WithTimeout(context.Background(), servePatience)
	defer cancel()
	err := s.volume.Close(ctx)
	if errors.Is(err, faultfs.ErrInUse) {
		err = nil
	}
	return errors.Join(err, s.control.Close(), s.events.Close())
}

// Close ends all filesystems that this process serves.
func (h *Host) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var failures []error
	for path, s := range h.faulty {
		delete(h.faulty, path)
		failures = append(failures, s.end())
	}
	return errors.Join(failures...)
}
