package apiretry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/rest"
)

var errUnavailable = fmt.Errorf("dial tcp: %w", syscall.ECONNREFUSED)

// answers returns a request that is answered with these errors in turn; the last one repeats.
func answers(all ...error) (request func(context.Context) error, requests *int) {
	n := 0
	return func(context.Context) error {
		answer := all[min(n, len(all)-1)]
		n++
		return answer
	}, &n
}

func TestDo_RetriesUntilAnswered(t *testing.T) {
	notFound := apierrors.NewNotFound(schema.GroupResource{Resource: "pods"}, "write-pod")
	for _, answer := range []error{nil, notFound} {
		request, requests := answers(errUnavailable, answer)
		log, entries := logtest.NewNullLogger()
		err := Do(t.Context(), fake.NewClientset(), log, "creating pod write-pod", request)
		assert.Equal(t, answer, err)
		assert.Equal(t, 2, *requests)
		require.Len(t, entries.AllEntries(), 1)
		assert.Equal(t, "The API server did not answer; retrying: creating pod write-pod", entries.LastEntry().Message)
		assert.Equal(t, errUnavailable, entries.LastEntry().Data[logrus.ErrorKey])
	}
}

// serving returns a client of an API server that answers /readyz with these codes in turn; the last one
// repeats.
func serving(t *testing.T, codes ...int) kubernetes.Interface {
	t.Helper()
	requests := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "/readyz", r.URL.Path)
		w.WriteHeader(codes[min(requests, len(codes)-1)])
		requests++
	}))
	t.Cleanup(server.Close)
	client, err := kubernetes.NewForConfig(&rest.Config{Host: server.URL})
	require.NoError(t, err)
	return client
}

func TestDo_ReturnsForbiddenOnlyFromReadyServer(t *testing.T) {
	pods := schema.GroupResource{Resource: "pods"}
	forbidden := apierrors.NewForbidden(pods, "write-pod",
		errors.New(`User "x" cannot delete resource "pods" in API group "" in the namespace "stig"`))
	quota := apierrors.NewForbidden(pods, "write-pod",
		errors.New("exceeded quota: quota, requested: pods=1, used: pods=0, limited: pods=0"))
	for name, tc := range map[string]struct {
		answers   []error
		readiness []int
		want      error
		requests  int
	}{
		"ready":                              {[]error{forbidden}, []int{200}, forbidden, 2},
		"became ready after the request":     {[]error{forbidden, nil}, []int{200}, nil, 2},
		"it may be requests, not that":       {[]error{quota}, []int{500}, quota, 1},
		"not ready":                          {[]error{forbidden, forbidden, nil}, []int{500, 500}, nil, 3},
		"readiness forbidden, then answered": {[]error{forbidden, nil}, []int{403}, nil, 2},
		"ready in the end, still forbidden":  {[]error{forbidden}, []int{403, 500, 200}, forbidden, 4},
	} {
		t.Run(name, func(t *testing.T) {
			request, requests := answers(tc.answers...)
			log, _ := logtest.NewNullLogger()
			assert.Equal(t, tc.want,
				Do(t.Context(), serving(t, tc.readiness...), log, "deleting pod write-pod", request))
			assert.Equal(t, tc.requests, *requests)
		})
	}
}

func TestDo_EndsWithContext(t *testing.T) {
	cause := errors.New("timed out waiting for the API server")
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Nanosecond, cause)
	defer cancel()
	request, _ := answers(errUnavailable)
	log, _ := logtest.NewNullLogger()
	err := Do(ctx, fake.NewClientset(), log, "creating pod write-pod", request)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	assert.ErrorContains(t, err, "timed out waiting for the API server")
}

func TestDoWithTimeout_NamesOperation(t *testing.T) {
	request, _ := answers(errUnavailable)
	log, _ := logtest.NewNullLogger()
	err := DoWithTimeout(t.Context(), time.Nanosecond, fake.NewClientset(), log, "creating pod write-pod", request)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	assert.ErrorContains(t, err, "timed out after 1ns waiting for the API server: creating pod write-pod")
}

func TestDo_NamesWhyTheContextEnded(t *testing.T) {
	cause := errors.New("the cleanup timed out")
	ctx, cancel := context.WithCancelCause(t.Context())
	log, _ := logtest.NewNullLogger()
	err := Do(ctx, fake.NewClientset(), log, "deleting pod write-pod", func(ctx context.Context) error {
		cancel(cause)
		return fmt.Errorf("delete: %w", ctx.Err())
	})
	assert.Equal(t, cause, err)
}
