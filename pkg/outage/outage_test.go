package outage

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
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
	refused := apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "write-pod", errors.New("no"))
	for _, answer := range []error{nil, refused} {
		request, asked := answers(errAway, answer)
		log, said := logtest.NewNullLogger()
		err := Endure(t.Context(), log, "creating pod write-pod", request)
		assert.Equal(t, answer, err)
		assert.Equal(t, 2, *asked)
		require.Len(t, said.AllEntries(), 1)
		assert.Equal(t, "The API server does not answer, trying again: creating pod write-pod", said.LastEntry().Message)
		assert.Equal(t, errAway, said.LastEntry().Data[logrus.ErrorKey])
	}
}

func TestAnAPIServerThatWarmsUpIsWaitedFor(t *testing.T) {
	cold := apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "write-pod", errors.New(`User "x" cannot delete resource "pods": RBAC: [role.rbac.authorization.k8s.io "volume-durability-sa" not found]`))
	request, asked := answers(cold, nil)
	log, _ := logtest.NewNullLogger()
	require.NoError(t, Endure(t.Context(), log, "deleting pod write-pod", request))
	assert.Equal(t, 2, *asked)
}

func TestAnAPIServerThatStaysAwayIsGivenUp(t *testing.T) {
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Nanosecond, errors.New("waited for the API server"))
	defer cancel()
	request, _ := answers(errAway)
	log, _ := logtest.NewNullLogger()
	err := Endure(ctx, log, "creating pod write-pod", request)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	assert.ErrorContains(t, err, "waited for the API server")
}
