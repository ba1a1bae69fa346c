package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/tests/faultfs/event"
	"github.com/volume-durability/volume-durability/tests/faultfs/fault"
)

func TestRun_ReportsAllMistakes(t *testing.T) {
	there := t.TempDir()
	_, err := parse([]string{"-fault", "bit-flip:bit=9", "-at", "soon", "-file", "..", "-control", there, "/none", there})
	for _, want := range []string{
		`"bit=9"`, "offset of bit-flip", `"soon"`, `file ".."`, `-control "` + there, `"/none"`,
	} {

		assert.ErrorContains(t, err, want)
	}
	_, err = parse([]string{there})
	assert.ErrorContains(t, err, "want DIR MOUNTPOINT")
	_, err = parse([]string{"-help"})
	assert.ErrorIs(t, err, flag.ErrHelp)
}

func TestHelp_ListsEveryFault(t *testing.T) {
	var out bytes.Buffer
	usage(&out)
	for _, f := range fault.Table() {
		assert.Contains(t, out.String(), "\n  "+f.Name+" ")
	}
}

func TestRun_ReportsEventsAndLeavesNothingBehind(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting a filesystem takes root")
	}
	dir, mountpoint, control := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "control")
	a, err := parse([]string{"-fault", "lose-file", "-at", "command", "-control", control, dir, mountpoint})
	require.NoError(t, err)
	ctx, end := context.WithCancel(t.Context())
	read, written := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, a, written)
		_ = written.Close()
	}()
	events := json.NewDecoder(read)
	next := func(want event.Kind) {
		t.Helper()
		var e event.Event
		require.NoError(t, events.Decode(&e))
		require.Equal(t, want, e.Kind)
	}
	next(event.Mounted)
	next(event.Armed)
	require.NoError(t, os.WriteFile(filepath.Join(mountpoint, "logs.log"), []byte("x"), 0o600))
	require.NoError(t, os.WriteFile(control, []byte("now\n"), 0o600))
	next(event.Fault)
	require.NoFileExists(t, filepath.Join(mountpoint, "logs.log"))
	end()
	next(event.Unmounted)
	require.NoError(t, <-ended)
	require.NoFileExists(t, control)
}
