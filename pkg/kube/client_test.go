package kube

import (
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"k8s.io/client-go/kubernetes/fake"
)

func newTestClient(t testing.TB) Client {
	t.Helper()
	log := logrus.New()
	log.SetOutput(t.Output())
	return Client{
		API:       fake.NewClientset(),
		Namespace: "stig",
		Labels:    map[string]string{RunLabel: "r"},
		Timeout:   time.Minute,
		Log:       log,
	}
}
