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

var errAway = fmt.Errorf("dial tcp: %w", syscall.ECONNREFUSED)

// answers are an API server's, one after another; the last stays.
func answers(all ...error) (request func(context.Context) error, asked *int) {
	n := 0
	return func(context.Context) error {
		answer := all[min(n, len(all)-1)]
		n++
		return answer
	}, &n
}

func TestARequestIsMadeAgainUntilItIsAnswered(t *testing.T) {
	refused := apierrors.NewNotFound(schema.GroupResource{Resource: "pods"}, "write-pod")
	for _, answer := range []error{nil, refused} {
		request, asked := answers(errAway, answer)
		log, said := logtest.NewNullLogger()
		err := Do(t.Context(), fake.NewClientset(), log, "creating pod write-pod", request)
		assert.Equal(t, answer, err)
		assert.Equal(t, 2, *asked)
		require.Len(t, said.AllEntries(), 1)
		assert.Equal(t, "The API server does not answer, trying again: creating pod write-pod", said.LastEntry().Message)
		assert.Equal(t, errAway, said.LastEntry().Data[logrus.ErrorKey])
	}
}

// serving is an API server that says of itself what it is told to, one after another;
// the last stays.
func serving(t *testing.T, codes ...int) kubernetes.Interface {
	t.Helper()
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "/readyz", r.URL.Path)
		w.WriteHeader(codes[min(asked, len(codes)-1)])
		asked++
	}))
	t.Cleanup(server.Close)
	client, err := kubernetes.NewForConfig(&rest.Config{Host: server.URL})
	require.NoError(t, err)
	return client
}

func TestWhatIsForbiddenIsTheAnswerOfAServerThatIsReady(t *testing.T) {
	pods := schema.GroupResource{Resource: "pods"}
	forbidden := apierrors.NewForbidden(pods, "write-pod", errors.New(`User "x" cannot delete resource "pods" in API group "" in the namespace "stig"`))
	quota := apierrors.NewForbidden(pods, "write-pod", errors.New("exceeded quota: quota, requested: pods=1, used: pods=0, limited: pods=0"))
	for name, c := range map[string]struct {
		answers []error
		says    []int
		want    error
		asked   int
	}{
		"it is ready":                      {[]error{forbidden}, []int{200}, forbidden, 2},
		"it was not, a moment before":      {[]error{forbidden, nil}, []int{200}, nil, 2},
		"it may be asked, not that":        {[]error{quota}, []int{500}, quota, 1},
		"it has read nothing yet":          {[]error{forbidden, forbidden, nil}, []int{500, 500}, nil, 3},
		"it forbids the very question":     {[]error{forbidden, nil}, []int{403}, nil, 2},
		"it is ready then, and forbids it": {[]error{forbidden}, []int{403, 500, 200}, forbidden, 4},
	} {
		t.Run(name, func(t *testing.T) {
			request, asked := answers(c.answers...)
			log, _ := logtest.NewNullLogger()
			assert.Equal(t, c.want, Do(t.Context(), serving(t, c.says...), log, "deleting pod write-pod", request))
			assert.Equal(t, c.asked, *asked)
		})
	}
}

func TestAnAPIServerThatStaysAwayIsGivenUp(t *testing.T) {
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Nanosecond, errors.New("waited for the API server"))
	defer cancel()
	request, _ := answers(errAway)
	log, _ := logtest.NewNullLogger()
	err := Do(ctx, fake.NewClientset(), log, "creating pod write-pod", request)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	assert.ErrorContains(t, err, "waited for the API server")
}
