package command

import (
	"context"
	"slices"
	"sync"

	"k8s.io/klog/v2"
)

// warnings keeps the warnings of an API server, each one once. For example, an API is
// deprecated, or a stricter Pod Security Standard would reject a pod.
type warnings struct {
	mu   sync.Mutex
	kept []string
}

// warningCode is the code of the API server's warnings (RFC 7234, 5.5.7). Warnings with
// other codes come from other servers.
const warningCode = 299

// HandleWarningHeaderWithContext logs and keeps a warning that is new.
func (w *warnings) HandleWarningHeaderWithContext(ctx context.Context, code int, _, text string) {
	if code != warningCode || text == "" || !w.keep(text) {
		return
	}
	klog.FromContext(ctx).Info("The API server warns", "warning", text)
}

func (w *warnings) keep(text string) (isNew bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if slices.Contains(w.kept, text) {
		return false
	}
	w.kept = append(w.kept, text)
	return true
}

// all returns the warnings in the order in which they came.
func (w *warnings) all() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.kept)
}
