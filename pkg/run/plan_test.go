package run

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// planHooks records the calls while a run is planned. A call of any other hook panics.
type planHooks struct {
	Hooks
	planned []string
	judged  []result.Cell
}

func (h *planHooks) CellsPlanned(cells []options.CellSpec) {
	for _, c := range cells {
		h.planned = append(h.planned, c.Name)
	}
}

func (h *planHooks) CellJudged(c result.Cell) { h.judged = append(h.judged, c) }

func TestPlanCells_SkipsAClassWithoutAProvisioner(t *testing.T) {
	class := func(name, provisioner string) *storagev1.StorageClass {
		return &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: name}, Provisioner: provisioner}
	}
	client := fake.NewClientset(class("fast", "driver"), class("by-hand", "kubernetes.io/no-provisioner"))
	opts := options.Defaults()
	opts.StorageClasses = []string{options.AllStorageClasses}
	hooks := &planHooks{}
	r := Run{
		ID: "run", Options: opts, Hooks: hooks, Log: logrus.New(),
		Kube: kube.Client{API: client, Namespace: "stig", Timeout: time.Minute},
	}
	cells, err := r.planCells(t.Context())
	require.NoError(t, err)
	require.Len(t, cells, 2)
	assert.ElementsMatch(t, []string{"fast", "by-hand"}, hooks.planned)
	require.Len(t, hooks.judged, 1)
	assert.Equal(t, "by-hand", hooks.judged[0].Spec.StorageClass)
	assert.Equal(t, judge.Skipped, hooks.judged[0].Verdict)
	assert.Contains(t, hooks.judged[0].Reason, "EXISTING_CLAIM")
	require.Len(t, undecided(cells), 1)
	assert.Equal(t, "fast", undecided(cells)[0].result.Spec.StorageClass)
}

func TestPlanCells_LimitsTheCellsOfAllClasses(t *testing.T) {
	var classes []runtime.Object
	for i := range 3 {
		name := fmt.Sprintf("class-%d", i)
		classes = append(classes, &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: name}, Provisioner: "driver"})
	}
	opts, err := options.Parse(func(name string) string {
		return map[string]string{"STORAGE_CLASSES": "*", "FORCE": "false,true", "MAX_CELLS": "5"}[name]
	})
	require.NoError(t, err)
	r := Run{
		ID: "run", Options: opts, Hooks: &planHooks{}, Log: logrus.New(),
		Kube: kube.Client{API: fake.NewClientset(classes...), Namespace: "stig", Timeout: time.Minute},
	}
	_, err = r.planCells(t.Context())
	assert.ErrorContains(t, err, `MAX_CELLS="5": want at least 6, which is the number of cells of this run`)

	r.Options.MaxCells = 6
	cells, err := r.planCells(t.Context())
	require.NoError(t, err)
	assert.Len(t, cells, 6)
}

func TestExecute_IsStoppedWhilePlanning(t *testing.T) {
	ctx, stop := context.WithCancelCause(t.Context())
	stop(errors.New("interrupted"))
	log := logrus.New()
	r := Run{
		ID: "run", Options: options.Defaults(), Hooks: &planHooks{}, Log: log,
		Kube: kube.Client{API: fake.NewClientset(), Namespace: "stig", Timeout: time.Minute, Log: log},
	}
	res, err := r.Execute(ctx)
	require.NoError(t, err)
	assert.Equal(t, judge.Stopped, res.Verdict)
	assert.Equal(t, "the run was stopped: interrupted", res.Reason)
}

func TestPlanCells_RejectsInvalidNames(t *testing.T) {
	long := strings.Repeat("a", 250)
	for name, f := range map[string]struct {
		env  map[string]string
		want string
	}{
		"a class with the name of the control": {
			map[string]string{"STORAGE_CLASSES": "control,fast", "NEGATIVE_CONTROL": "true"},
			`WRITER_POD="write-pod": want a name that differs between the cells: ` +
				`pod write-pod-control would belong to cell "control" and to cell "control"`,
		},
		"a class and a node with the same joined name": {
			map[string]string{"STORAGE_CLASSES": "x,x-y", "READER_NODE": "y-z,z"},
			`CLAIM_NAME="stig-pvc": want a name that differs between the cells: ` +
				`claim stig-pvc-x-y-z would belong to cell "x/y-z" and to cell "x-y/z"`,
		},
		"the reader of one and the writer of another": {
			map[string]string{"STORAGE_CLASSES": "b,a-b", "WRITER_POD": "p", "READER_POD": "p-a"},
			`pod p-a-b would belong to cell "b" and to cell "a-b"`,
		},
		"too long": {
			map[string]string{"STORAGE_CLASSES": "fast," + long},
			`WRITER_POD="write-pod": want a shorter name: pod write-pod-` + long,
		},
	} {
		t.Run(name, func(t *testing.T) {
			opts, err := options.Parse(func(option string) string { return f.env[option] })
			require.NoError(t, err)
			_, err = Run{ID: "run", Options: opts, Hooks: &planHooks{}, Log: logrus.New()}.planCells(t.Context())
			assert.ErrorContains(t, err, f.want)
		})
	}
}
