package faultfs

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// Control is a named pipe that takes commands, one a line.
type Control struct {
	pipe    *os.File
	reading sync.WaitGroup
}

// NewControl makes the pipe. What is written to it waits for Listen.
func NewControl(path string) (*Control, error) {
	if err := unix.Mkfifo(path, 0o600); err != nil {
		return nil, fmt.Errorf("making the control file %s: %w", path, err)
	}
	// Open for writing as well, it does not end when a writer closes it.
	pipe, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, errors.Join(err, os.Remove(path))
	}
	return &Control{pipe: pipe}, nil
}

// Listen gives every line to a function until the control is closed.
func (c *Control) Listen(command func(line string)) {
	c.reading.Go(func() {
		for lines := bufio.NewScanner(c.pipe); lines.Scan(); {
			command(lines.Text())
		}
	})
}

// Close ends listening and removes the pipe.
func (c *Control) Close() error {
	err := c.pipe.Close()
	c.reading.Wait()
	return errors.Join(err, os.Remove(c.pipe.Name()))
}
