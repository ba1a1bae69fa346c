package faultfs

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// Control is a named pipe that takes commands, one per line.
type Control struct {
	pipe    *os.File
	reading sync.WaitGroup
}

// NewControl creates the pipe. Commands in the pipe wait for Listen.
func NewControl(path string) (*Control, error) {
	if err := unix.Mkfifo(path, 0o600); err != nil {
		return nil, fmt.Errorf("creating the control file %s: %w", path, err)
	}
	// With the pipe open for writing too, reading does not end when a writer closes it.
	pipe, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, errors.Join(err, os.Remove(path))
	}
	return &Control{pipe: pipe}, nil
}

// Listen calls a function with every line until the control is closed.
func (c *Control) Listen(command func(line string)) {
	c.reading.Go(func() {
		for lines := bufio.NewScanner(c.pipe); lines.Scan(); {
			command(lines.Text())
		}
	})
}

// Close stops listening and removes the pipe.
func (c *Control) Close() error {
	err := c.pipe.Close()
	c.reading.Wait()
	return errors.Join(err, os.Remove(c.pipe.Name()))
}
