package run

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/volume-durability/volume-durability/pkg/evidence"
	"github.com/volume-durability/volume-durability/pkg/inputs"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/workload"
)

// audience notes what it is told while a run is planned. Nothing else may happen then.
type audience struct {
	Companion
	planned []string
	judged  []evidence.Cell
}

func (a *audience) Planned(cells []inputs.Cell) {
	for _, c := range cells {
		a.planned = append(a.planned, c.Name)
	}
}

func (a *audience) Judged(c evidence.Cell) { a.judged = append(a.judged, c) }

func TestAClassWithoutAProvisionerIsSkippedAndItsProbeHears(t *testing.T) {
	class := func(name, provisioner string) *storagev1.StorageClass {
		return &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: name}, Provisioner: provisioner}
	}
	client := fake.NewClientset(class("fast", "driver"), class("by-hand", "kubernetes.io/no-provisioner"))
	settings := inputs.Defaults()
	settings.StorageClasses = []string{inputs.AllClasses}
	hears := &audience{}
	r := Run{ID: "run", Settings: settings, Companion: hears, Log: logrus.New(), Namespace: workload.Namespace{Client: client, Name: "stig", Timeout: time.Minute}}
	cells, err := r.cells(t.Context())
	require.NoError(t, err)
	require.Len(t, cells, 2)
	assert.ElementsMatch(t, []string{"fast", "by-hand"}, hears.planned)
	require.Len(t, hears.judged, 1)
	assert.Equal(t, "by-hand", hears.judged[0].Plan.StorageClass)
	assert.Equal(t, judge.Skipped, hears.judged[0].Verdict)
	assert.Contains(t, hears.judged[0].Reason, "EXISTING_CLAIM")
	require.Len(t, undecided(cells), 1)
	assert.Equal(t, "fast", undecided(cells)[0].Plan.StorageClass)
}

func TestARunThatIsStoppedWhileItIsPlannedIsStopped(t *testing.T) {
	ctx, stop := context.WithCancelCause(t.Context())
	stop(errors.New("interrupted"))
	r := Run{ID: "run", Settings: inputs.Defaults(), Companion: &audience{}, Log: logrus.New(), Namespace: workload.Namespace{Client: fake.NewClientset(), Name: "stig", Timeout: time.Minute, Log: logrus.New()}}
	result, err := r.Execute(ctx)
	require.NoError(t, err)
	assert.Equal(t, judge.Stopped, result.Verdict)
	assert.Equal(t, "the run was stopped: interrupted", result.Reason)
}
