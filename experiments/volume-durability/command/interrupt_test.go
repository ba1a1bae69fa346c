package command

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/volume-durability/volume-durability/pkg/ledger"
)

func TestCtrlCEndsWhatTakesLong(t *testing.T) {
	content, promised := written(t)
	token := ledger.Token{Format: format, Ack: promised}.String()
	journal := save(t, "j", content)
	over := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-over }))
	defer silent.Close()
	defer close(over)
	for _, args := range [][]string{
		{"verify", "--journal", journal, "--ledger", token},
		{"verify", "--journal", journal, "--ledger", "-"},
		{"run", "--engine", "-"},
		{"doctor", "--server", silent.URL},
		{"run", "--server", silent.URL, "--bundle", filepath.Join(t.TempDir(), "evidence")},
	} {
		ctx, pressed := context.WithCancel(t.Context())
		pressed()
		var out, said bytes.Buffer
		endless, end := io.Pipe()
		root := newRoot("volume-durability", Streams{In: endless, Out: &out, ErrOut: &said})
		root.SetArgs(args)
		code := codeOf(root.ExecuteContext(ctx), ctx, Streams{ErrOut: &said})
		assert.Equal(t, Interrupted, code, args)
		assert.Empty(t, out.String(), args)
		assert.NoError(t, end.Close())
	}
}
