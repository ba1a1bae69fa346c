// Package litmus is where a run meets LitmusChaos: the ChaosEngine that started
// it, the probes that the engine declares, the events, and the ChaosResult that
// shows its outcome. It is the only package that imports litmus-go.
package litmus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"
	chaosclient "github.com/litmuschaos/chaos-operator/pkg/client/clientset/versioned/typed/litmuschaos/v1alpha1"
	"github.com/litmuschaos/litmus-go/pkg/cerrors"
	"github.com/litmuschaos/litmus-go/pkg/clients"
	"github.com/litmuschaos/litmus-go/pkg/events"
	"github.com/litmuschaos/litmus-go/pkg/probe"
	chaosresult "github.com/litmuschaos/litmus-go/pkg/result"
	"github.com/litmuschaos/litmus-go/pkg/types"
	"github.com/litmuschaos/litmus-go/pkg/utils/common"
	"github.com/sirupsen/logrus"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apitypes "k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	"github.com/volume-durability/volume-durability/pkg/apiretry"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// Identity is who the experiment is, as chaos-runner tells it.
type Identity struct {
	Engine, Namespace, Experiment, Pod, Instance string
	UID                                          apitypes.UID
}

// IdentityFrom reads the environment that chaos-runner gives an experiment.
func IdentityFrom(getenv func(string) string) (Identity, error) {
	id := Identity{Instance: getenv("INSTANCE_ID"), UID: apitypes.UID(getenv("CHAOS_UID"))}
	var missing []error
	for name, field := range map[string]*string{
		"CHAOSENGINE": &id.Engine, "CHAOS_NAMESPACE": &id.Namespace, "EXPERIMENT_NAME": &id.Experiment, "POD_NAME": &id.Pod,
	} {
		if *field = getenv(name); *field == "" {
			missing = append(missing, fmt.Errorf("%s is not set: chaos-runner sets it for the experiments of a ChaosEngine", name))
		}
	}
	return id, errors.Join(missing...)
}

// The built-in checks, as they appear among the probes of a ChaosResult.
const (
	WriteProbe  = "write"
	VerifyProbe = "verify"
	probeType   = "durability"
)

// statusDelay is how long litmus-go sleeps after each of its requests, also after
// those that succeed: the least that it takes.
const statusDelay = 1

// Experiment is one run, seen from Litmus.
type Experiment struct {
	clients clients.ClientSets
	chaos   types.ChaosDetails
	result  *types.ResultDetails
	events  types.EventDetails
	pod     *corev1.Pod
	// probes are those that the engine declares; mistake is what is wrong with them.
	probes  []v1alpha1.ProbeAttributes
	mistake error
	clock   clock.Clock
	// evidence says where the evidence is kept; empty where it is not.
	bundleLocation string
	// deleting guards what pods are deleted at once.
	deleting sync.Mutex
	log      logrus.FieldLogger
}

// Begin looks up the engine and shows that a run has begun. The error is one that
// leaves no ChaosResult; what is wrong with the engine itself is returned by Check.
func Begin(ctx context.Context, config *rest.Config, id Identity, log logrus.FieldLogger) (*Experiment, error) {
	e := &Experiment{
		log: log, clock: clock.RealClock{}, result: &types.ResultDetails{},
		chaos: types.ChaosDetails{
			ChaosUID: id.UID, ChaosNamespace: id.Namespace, ChaosPodName: id.Pod, EngineName: id.Engine, InstanceID: id.Instance,
			ExperimentName: id.Experiment, Timeout: 180, Delay: statusDelay, ProbeImagePullPolicy: string(corev1.PullIfNotPresent),
			Phase: types.PreChaosPhase, ParentsResources: []types.ParentResource{}, Targets: []v1alpha1.TargetDetails{},
		},
	}
	types.SetResultAttributes(e.result, e.chaos)
	if err := e.connect(config); err != nil {
		return nil, err
	}
	if err := e.meet(ctx); err != nil {
		return nil, err
	}
	// What litmus-go returns does not tell an outage from an answer; one more request does.
	err := e.insist(ctx, "creating the ChaosResult", func(ctx context.Context) error {
		err := e.announce()
		if err == nil {
			return nil
		}
		if _, away := e.clients.LitmusClient.ChaosEngines(id.Namespace).Get(ctx, id.Engine, metav1.GetOptions{}); apiretry.Is(away) || apierrors.IsForbidden(away) {
			return away
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	e.resultEvent(types.AwaitedVerdict, "experiment: "+e.chaos.ExperimentName+", Result: Awaited", corev1.EventTypeNormal)
	return e, nil
}

// insist makes a request until the API server has answered it, for as long as a step
// may take.
func (e *Experiment) insist(ctx context.Context, doing string, request func(context.Context) error) error {
	limit := time.Duration(e.chaos.Timeout) * time.Second
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("waited %s for the API server: %s: %w", limit, doing, context.DeadlineExceeded))
	defer cancel()
	return apiretry.Do(ctx, e.clients.KubeClient, e.log, doing, request)
}

func (e *Experiment) connect(config *rest.Config) (err error) {
	e.clients.KubeConfig = config
	if e.clients.KubeClient, err = kubernetes.NewForConfig(config); err != nil {
		return fmt.Errorf("making a client for Kubernetes: %w", err)
	}
	if e.clients.LitmusClient, err = chaosclient.NewForConfig(config); err != nil {
		return fmt.Errorf("making a client for Litmus: %w", err)
	}
	if e.clients.DynamicClient, err = dynamic.NewForConfig(config); err != nil {
		return fmt.Errorf("making a dynamic client: %w", err)
	}
	return nil
}

// meet reads the engine, whose probes come first in the result, and the pod that this program runs in.
func (e *Experiment) meet(ctx context.Context) error {
	var engine *v1alpha1.ChaosEngine
	err := e.insist(ctx, "reading the ChaosEngine", func(ctx context.Context) (err error) {
		engine, err = e.clients.LitmusClient.ChaosEngines(e.chaos.ChaosNamespace).Get(ctx, e.chaos.EngineName, metav1.GetOptions{})
		return err
	})
	if err != nil {
		return fmt.Errorf("reading ChaosEngine %s/%s: %w", e.chaos.ChaosNamespace, e.chaos.EngineName, err)
	}
	err = e.insist(ctx, "reading the experiment's own pod", func(ctx context.Context) (err error) {
		e.pod, err = e.clients.KubeClient.CoreV1().Pods(e.chaos.ChaosNamespace).Get(ctx, e.chaos.ChaosPodName, metav1.GetOptions{})
		return err
	})
	if err != nil {
		return fmt.Errorf("reading the experiment's own pod %s/%s: %w", e.chaos.ChaosNamespace, e.chaos.ChaosPodName, err)
	}
	e.result.ProbeArtifacts = map[string]types.ProbeArtifact{}
	for _, experiment := range engine.Spec.Experiments {
		if experiment.Name != e.chaos.ExperimentName {
			continue
		}
		// The run must not go on without them, and the result must say so.
		if e.mistake = checkProbes(experiment.Spec.Probe); e.mistake == nil {
			e.probes = experiment.Spec.Probe
			e.mistake = types.InitializeProbesInChaosResultDetails(e.result, e.probes)
		}
	}
	e.expect(WriteProbe, "SOT")
	e.expect(VerifyProbe, "EOT")
	return nil
}

// announce makes the ChaosResult, or begins a new run in the one that is there.
func (e *Experiment) announce() error {
	if err := chaosresult.InitializeChaosResult(&e.chaos, e.clients, e.result, e.labels()); err != nil {
		return fmt.Errorf("creating ChaosResult %s/%s: %w", e.chaos.ChaosNamespace, e.result.Name, err)
	}
	if err := chaosresult.SetResultUID(e.result, e.clients, &e.chaos); err != nil {
		return fmt.Errorf("reading ChaosResult %s/%s: %w", e.chaos.ChaosNamespace, e.result.Name, err)
	}
	return nil
}

// Check returns everything that is wrong with the engine.
func (e *Experiment) Check() error {
	if e.mistake == nil {
		return nil
	}
	return fmt.Errorf("ChaosEngine %s/%s: %w", e.chaos.ChaosNamespace, e.chaos.EngineName, e.mistake)
}

// Bound sets how long litmus-go may try for each of its requests, and how long the
// chaos is: so long a probe of mode OnChaos runs.
func (e *Experiment) Bound(timeout, chaos time.Duration) {
	e.chaos.Timeout = max(statusDelay, int(timeout/time.Second))
	e.chaos.ChaosDuration = int(chaos / time.Second)
}

// Image is that of the container that this program runs in.
func (e *Experiment) Image() string { return e.pod.Spec.Containers[0].Image }

// Job is the UID of the Job that the experiment's pod is an attempt of; empty where it has none.
func (e *Experiment) Job() string { return e.pod.Labels[batchv1.ControllerUidLabel] }

// Again says whether the Job had another pod before: this is not its first attempt.
// What cannot be found out is no.
func (e *Experiment) Again(ctx context.Context) bool {
	if e.Job() == "" {
		return false
	}
	var pods *corev1.PodList
	err := e.insist(ctx, "looking for earlier attempts", func(ctx context.Context) (err error) {
		pods, err = e.clients.KubeClient.CoreV1().Pods(e.chaos.ChaosNamespace).List(ctx, metav1.ListOptions{LabelSelector: batchv1.ControllerUidLabel + "=" + e.Job()})
		return err
	})
	return err == nil && len(pods.Items) > 1
}

// Owner makes objects go with the engine. It can own only what is in its own namespace.
func (e *Experiment) Owner(namespace string) *metav1.OwnerReference {
	if namespace != e.chaos.ChaosNamespace {
		return nil
	}
	return &metav1.OwnerReference{APIVersion: v1alpha1.SchemeGroupVersion.String(), Kind: "ChaosEngine", Name: e.chaos.EngineName, UID: e.chaos.ChaosUID}
}

// Engine is the engine as a result names it.
func (e *Experiment) Engine() *result.Engine {
	return &result.Engine{
		Name: e.chaos.EngineName, Namespace: e.chaos.ChaosNamespace, UID: e.chaos.ChaosUID, Result: e.result.Name, ResultUID: e.result.ResultUID,
		ServiceAccount: e.pod.Spec.ServiceAccountName,
	}
}

// labels are those of the ChaosResult: the experiment pod's, and the engine's UID.
func (e *Experiment) labels() map[string]string {
	labels := map[string]string{"chaosUID": string(e.chaos.ChaosUID)}
	for k, v := range e.pod.Labels {
		labels[k] = v
	}
	return labels
}

// Planned makes each of several cells a probe of its own. The share of the probes
// that passed is then that of the cells that kept their data: so there is no write
// check among them, and no control, which is to lose its data.
func (e *Experiment) Planned(cells []options.CellSpec) {
	tried := slices.DeleteFunc(slices.Clone(cells), func(c options.CellSpec) bool { return c.Control })
	if len(tried) < 2 {
		return
	}
	e.result.ProbeDetails = slices.DeleteFunc(e.result.ProbeDetails, func(p *types.ProbeDetails) bool { return p.Type == probeType })
	for _, c := range tried {
		e.expect(probeOf(c), "EOT")
	}
}

// probeOf is the name of a cell's verify check.
func probeOf(c options.CellSpec) string {
	if c.Name == "" {
		return VerifyProbe
	}
	return VerifyProbe + "/" + c.Name
}

// expect adds a built-in check that has no outcome yet.
func (e *Experiment) expect(name, mode string) {
	e.result.ProbeDetails = append(e.result.ProbeDetails, &types.ProbeDetails{
		Name: name, Type: probeType, Mode: mode, Status: v1alpha1.ProbeStatus{Verdict: v1alpha1.ProbeVerdictAwaited},
	})
}

// Written shows the built-in write check as passed and runs the engine's probes
// of the time before the chaos.
func (e *Experiment) Written(_ context.Context, cells []result.Cell) error {
	for _, c := range cells {
		if c.Plan.Name == "" {
			e.check(WriteProbe, v1alpha1.ProbeVerdictPassed, c.WriteSentence())
		}
	}
	return e.runProbes("PreChaos", types.PreChaosCheck)
}

// ChaosBegins runs the engine's probes of the time of the chaos.
func (e *Experiment) ChaosBegins(context.Context) error {
	e.chaos.Phase = types.ChaosInjectPhase
	e.engineEvent(types.ChaosInject, "Injecting "+e.chaos.ExperimentName+" chaos on application pod", corev1.EventTypeNormal)
	return e.runProbes("DuringChaos", "")
}

// Acknowledged is of no matter to Litmus.
func (e *Experiment) Acknowledged(options.CellSpec, ledger.Ack) {}

// Deleting records the pod among the result's targets.
func (e *Experiment) Deleting(_ options.CellSpec, pod result.Pod) {
	e.deleting.Lock()
	defer e.deleting.Unlock()
	common.SetTargets(pod.Name, "targeted", "pod", &e.chaos)
}

// Reading is of no matter to Litmus.
func (e *Experiment) Reading(options.CellSpec) {}

// Judged shows the verdict on a cell as that of its verify check.
func (e *Experiment) Judged(cell result.Cell) {
	switch cell.Verdict {
	case judge.Pass:
		e.check(probeOf(cell.Plan), v1alpha1.ProbeVerdictPassed, cell.VerificationSentence())
	case judge.Fail:
		e.check(probeOf(cell.Plan), v1alpha1.ProbeVerdictFailed, cell.Reason)
	default:
		e.check(probeOf(cell.Plan), v1alpha1.ProbeVerdictNA, cell.Reason)
	}
}

// ChaosEnded runs the engine's probes of the time after the chaos.
func (e *Experiment) ChaosEnded(context.Context) error {
	e.chaos.Phase = types.PostChaosPhase
	return e.runProbes(lastPhase, types.PostChaosCheck)
}

// Stopping says whether the engine is to stop. What cannot be found out is no.
func (e *Experiment) Stopping(ctx context.Context) bool {
	engine, err := e.clients.LitmusClient.ChaosEngines(e.chaos.ChaosNamespace).Get(ctx, e.chaos.EngineName, metav1.GetOptions{})
	return err == nil && engine.Spec.EngineState == v1alpha1.EngineStateStop
}

// awaited says whether a built-in check has no outcome yet.
func (e *Experiment) awaited(name string) bool {
	return slices.ContainsFunc(e.result.ProbeDetails, func(p *types.ProbeDetails) bool {
		return p.Name == name && p.Type == probeType && p.Status.Verdict == v1alpha1.ProbeVerdictAwaited
	})
}

// check sets the outcome of a built-in check.
func (e *Experiment) check(name string, verdict v1alpha1.ProbeVerdict, description string) {
	for _, p := range e.result.ProbeDetails {
		if p.Name == name && p.Type == probeType {
			p.Status = v1alpha1.ProbeStatus{Verdict: verdict, Description: description}
			if verdict == v1alpha1.ProbeVerdictPassed {
				e.result.PassedProbeCount++
			}
		}
	}
}

func (e *Experiment) runProbes(phase, event string) error {
	msg, kind := "AUT: not checked", corev1.EventTypeNormal
	var err error
	if len(e.probes) > 0 {
		err = e.inTime(phase, func(r *types.ResultDetails) error { return e.runPhase(phase, r) })
		msg += ", Probes: Successful"
	}
	if err != nil {
		msg, kind = "AUT: not checked, Probes: Unsuccessful", corev1.EventTypeWarning
	}
	if event != "" {
		e.engineEvent(event, msg, kind)
	}
	return err
}

// BundleAnnotation says on a ChaosResult where the evidence of its last run is.
const BundleAnnotation = "volume-durability/bundle"

// SetBundleLocation takes note of where the evidence is kept, for the ChaosResult to say.
func (e *Experiment) SetBundleLocation(where string) { e.bundleLocation = where }

// Finish writes the outcome into the ChaosResult. The error is the one with which
// the engine's probes ended the run, if they did.
func (e *Experiment) Finish(outcome result.Result, probeErr error) error {
	e.conclude(outcome, probeErr)
	if err := e.leave(); err != nil {
		return fmt.Errorf("updating ChaosResult %s/%s: %w", e.chaos.ChaosNamespace, e.result.Name, err)
	}
	verdict := string(e.result.Verdict)
	reason, kind := types.GetChaosResultVerdictEvent(e.result.Verdict)
	e.resultEvent(reason, fmt.Sprintf("experiment: %s, Result: %s: %s", e.chaos.ExperimentName, verdict, outcome.Reason), kind)
	e.engineEvent(types.Summary, fmt.Sprintf("%s experiment: %s: %s", e.chaos.ExperimentName, verdict, outcome.Reason), kind)
	return nil
}

// leave writes the ChaosResult. litmus-go gives up where its first request is not
// answered; to fail here would have the whole run made again.
func (e *Experiment) leave() error {
	var last error
	limit := time.Duration(e.chaos.Timeout) * time.Second
	err := wait.PollUntilContextTimeout(context.Background(), time.Second, limit, true, func(ctx context.Context) (bool, error) {
		last = errors.Join(chaosresult.PatchChaosResult(e.clients, &e.chaos, e.result, e.labels()), e.annotate(ctx))
		return last == nil, nil
	})
	return errors.Join(last, err)
}

// annotate says on the ChaosResult where the evidence is. What a former run said does
// not stay.
func (e *Experiment) annotate(ctx context.Context) error {
	results := e.clients.LitmusClient.ChaosResults(e.chaos.ChaosNamespace)
	now, err := results.Get(ctx, e.result.Name, metav1.GetOptions{})
	if err != nil || now.Annotations[BundleAnnotation] == e.bundleLocation {
		return err
	}
	if now.Annotations == nil {
		now.Annotations = map[string]string{}
	}
	now.Annotations[BundleAnnotation] = e.bundleLocation
	_, err = results.Update(ctx, now, metav1.UpdateOptions{})
	return err
}

func (e *Experiment) conclude(outcome result.Result, probeErr error) {
	switch outcome.Verdict {
	case judge.Pass:
		types.SetResultAfterCompletion(e.result, v1alpha1.ResultVerdictPassed, v1alpha1.ResultPhaseCompleted, "", "")
	case judge.Fail:
		for _, c := range outcome.Cells { // of a run that ended early, with what had been found by then
			if e.awaited(probeOf(c.Plan)) {
				e.Judged(c)
			}
		}
		e.notRun(outcome.Reason)
		types.SetResultAfterCompletion(e.result, v1alpha1.ResultVerdictFailed, v1alpha1.ResultPhaseCompleted, "", "")
	case judge.Stopped:
		e.notRun(outcome.Reason)
		types.SetResultAfterCompletion(e.result, v1alpha1.ResultVerdictStopped, v1alpha1.ResultPhaseStopped, outcome.Reason, cerrors.ErrorTypeExperimentAborted)
	case judge.NotApplicable:
		e.notRun(outcome.Reason)
		// Litmus has no such verdict; its probes have.
		types.SetResultAfterCompletion(e.result, v1alpha1.ResultVerdict(v1alpha1.ProbeVerdictNA), v1alpha1.ResultPhaseCompleted, "", "")
	default:
		e.notRun(outcome.Reason)
		e.fail(outcome.Reason, probeErr)
	}
}

// fail is what litmus-go's experiments do after a failure: a probe that failed is
// a Fail, anything else an Error.
func (e *Experiment) fail(reason string, probeErr error) {
	code := cerrors.ErrorTypeGeneric
	if probeErr != nil {
		reason, code = cerrors.GetRootCauseAndErrorCode(probeErr, string(e.chaos.Phase))
	}
	verdict, phase := v1alpha1.ResultVerdictError, v1alpha1.ResultPhaseError
	if probeErr != nil && probe.IsProbeFailed(reason) {
		verdict, phase = v1alpha1.ResultVerdictFailed, v1alpha1.ResultPhaseCompleted
	}
	types.SetResultAfterCompletion(e.result, verdict, phase, reason, code)
}

// notRun says of the built-in checks that were not made why they were not.
func (e *Experiment) notRun(reason string) {
	for _, p := range e.result.ProbeDetails {
		if p.Type == probeType && p.Status.Verdict == v1alpha1.ProbeVerdictAwaited {
			p.Status = v1alpha1.ProbeStatus{Verdict: v1alpha1.ProbeVerdictNA, Description: reason}
		}
	}
}

// maxMessage is how long an event's message may be (k8s.io/api/core/v1 Event).
const maxMessage = 1024

func (e *Experiment) engineEvent(reason, message, kind string) {
	types.SetEngineEventAttributes(&e.events, reason, message[:min(len(message), maxMessage)], kind, &e.chaos)
	e.emit("ChaosEngine")
}

func (e *Experiment) resultEvent(reason, message, kind string) {
	// An event's name, which litmus-go makes of the reason, has no room for a slash.
	if reason == string(v1alpha1.ProbeVerdictNA) {
		reason = "NotApplicable"
	}
	types.SetResultEventAttributes(&e.events, reason, message[:min(len(message), maxMessage)], kind, e.result)
	e.emit("ChaosResult")
}

// emit creates an event. One that cannot be created is no reason to end a run.
func (e *Experiment) emit(kind string) {
	if err := events.GenerateEvents(&e.events, e.clients, &e.chaos, kind); err != nil {
		e.log.WithFields(logrus.Fields{"event": e.events.Reason, "kind": kind, "error": err}).Warn("An event could not be created")
	}
}
