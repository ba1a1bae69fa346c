// Package kube creates, watches and deletes the claims and pods of a run, and follows the pods' logs. It explains
// failures in terms of these objects. It does not depend on journals,
// verdicts or Litmus.
package kube

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sirupsen/logrus"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"github.com/volume-durability/volume-durability/pkg/advice"
)

// Labels of every object that a run creates.
const (
	// RunLabel is the ID of the run.
	RunLabel = "volume-durability/run"
	// ChaosUIDLabel is the UID of the ChaosEngine. Litmus deletes the pods with this label when the engine is stopped.
	ChaosUIDLabel = "chaosUID"
	// JobLabel is the UID of the Job that started the run. With it, a new attempt of the Job finds the objects that
	// the previous attempt did not delete.
	JobLabel = "volume-durability/job"
	// HostLabel is the machine on which a user started the run.
	HostLabel = "volume-durability/host"
	// KeepLabel is set if the run was started with KEEP=true.
	KeepLabel = "volume-durability/keep"
)

// JournalAnnotation is the path of a pod's journal if the run created the folder that holds it.
const JournalAnnotation = "volume-durability/journal"

// Client works on the objects of a run in one namespace.
type Client struct {
	API kubernetes.Interface
	// Logs reads the logs of pods. It is made with LogConfig. If it is nil, API reads them.
	Logs kubernetes.Interface
	// Dynamic lists objects that API does not have, such as VolumeSnapshotClasses. It may be nil.
	Dynamic   dynamic.Interface
	Namespace string
	// Labels are set on every object that is created.
	Labels map[string]string
	// Owner is set as the owner of every object that is created, so that the garbage collector deletes them with it.
	// It may be nil.
	Owner *metav1.OwnerReference
	// Timeout limits each wait.
	Timeout time.Duration
	Log     logrus.FieldLogger
	// OnStep is called if the step or the reason has changed. Step is what a pod waits for, and its first word is a
	// result.StepName. Reason is why the step takes long; empty if nothing is unusual. OnStep must return quickly, and
	// must not call the client. It may be nil.
	OnStep func(step, reason string)

	// observer is nil until WithObserver has started it. Functions that wait need it.
	observer *observer
}

// ErrNameConflict is returned if another object already has the name of an object to create.
var ErrNameConflict = errors.New("name conflict")

// createError explains why the API server did not create an object.
func (c Client) createError(kind, name string, err error) error {
	if apierrors.IsAlreadyExists(err) {
		by, fix := "not created by this run", "delete it, or choose another name"
		if id := c.runOf(kind, name); id != "" {
			by = "created by run " + id
			fix = fmt.Sprintf("volume-durability cleanup -n %s --run %s, if that run has ended, or choose another name",
				c.Namespace, id)
		}
		return fmt.Errorf("%w: %s %s/%s already exists and was %s%s",
			ErrNameConflict, kind, c.Namespace, name, by, advice.Sentence(fix))
	}
	return fmt.Errorf("creating %s %s/%s: %w%s", kind, c.Namespace, name, err, Hint(err.Error()))
}

// runOf returns the ID of the other run that created a claim or a pod; empty if none did, or if that is unknown.
func (c Client) runOf(kind, name string) string {
	ctx, cancel := context.WithTimeout(context.Background(), diagnosisTimeout)
	defer cancel()
	var object metav1.Object
	var err error
	if kind == "claim" {
		object, err = c.API.CoreV1().PersistentVolumeClaims(c.Namespace).Get(ctx, name, metav1.GetOptions{})
	} else {
		object, err = c.API.CoreV1().Pods(c.Namespace).Get(ctx, name, metav1.GetOptions{})
	}
	if err != nil || c.isOfThisRun(object) {
		return ""
	}
	return object.GetLabels()[RunLabel]
}

// RequireNamespace returns an error if the namespace does not exist. If the namespace may not be
// read, RequireNamespace assumes that it exists.
func (c Client) RequireNamespace(ctx context.Context) error {
	err := c.retry(ctx, "getting namespace "+c.Namespace, func(ctx context.Context) error {
		_, err := c.API.CoreV1().Namespaces().Get(ctx, c.Namespace, metav1.GetOptions{})
		return err
	})
	if apierrors.IsNotFound(err) {
		return fmt.Errorf("namespace %s does not exist%s", c.Namespace,
			advice.Sentence("kubectl create namespace "+c.Namespace))
	}
	if err != nil {
		c.Log.WithError(err).Info("Could not read the namespace; assuming that it exists")
	}
	return nil
}
