// Package litmus connects a run with LitmusChaos. It reads the ChaosEngine that started the run, runs the engine's
// probes, creates events, and writes the outcome into the ChaosResult. It is the only package of the product that
// imports litmus-go.
//
// Several functions of litmus-go cannot be used as they are. A comment at each workaround gives the reason.
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

// Identity identifies the experiment. chaos-runner passes it in environment variables.
type Identity struct {
	Engine, Namespace, Experiment, Pod, Instance string
	UID                                          apitypes.UID
}

// IdentityFrom reads the environment variables that chaos-runner sets. The error names those that are missing.
func IdentityFrom(getenv func(string) string) (Identity, error) {
	id := Identity{Instance: getenv("INSTANCE_ID"), UID: apitypes.UID(getenv("CHAOS_UID"))}
	var missing []error
	for name, field := range map[string]*string{
		"CHAOSENGINE": &id.Engine, "CHAOS_NAMESPACE": &id.Namespace,
		"EXPERIMENT_NAME": &id.Experiment, "POD_NAME": &id.Pod,
	} {
		if *field = getenv(name); *field == "" {
			missing = append(missing,
				fmt.Errorf("%s is not set; chaos-runner sets it when it starts the experiment of a ChaosEngine", name))
		}
	}
	return id, errors.Join(missing...)
}

// The names of the built-in probes.
const (
	WriteProbe  = "write"
	VerifyProbe = "verify"
)

// probeType is the type with which a ChaosResult lists the built-in probes.
const probeType = "durability"

// statusDelay is how many seconds litmus-go sleeps after each request, even after a successful one. It accepts no less.
const statusDelay = 1

// Experiment reports a run to Litmus. It implements run.Hooks.
type Experiment struct {
	clients clients.ClientSets
	chaos   types.ChaosDetails
	result  *types.ResultDetails
	events  types.EventDetails
	pod     *corev1.Pod
	// probes are the probes that the engine declares. If they are invalid, there are none, and invalid is the error.
	probes  []v1alpha1.ProbeAttributes
	invalid error
	clock   clock.Clock
	// bundleLocation is where the evidence bundle is stored; empty if it is not.
	bundleLocation string
	// targets guards the targets in chaos: cells delete their pods at the same time.
	targets sync.Mutex
	log     logrus.FieldLogger
}

// Start reads the engine and creates the ChaosResult, which shows that the run has started. After an error there is no
// ChaosResult. ValidateEngine, not Start, returns the mistakes in the engine's probes, because the ChaosResult must
// exist to show them.
func Start(ctx context.Context, config *rest.Config, id Identity, log logrus.FieldLogger) (*Experiment, error) {
	e := &Experiment{
		log: log, clock: clock.RealClock{}, result: &types.ResultDetails{},
		chaos: types.ChaosDetails{
			ChaosUID: id.UID, ChaosNamespace: id.Namespace, ChaosPodName: id.Pod, EngineName: id.Engine,
			InstanceID: id.Instance, ExperimentName: id.Experiment, Timeout: 180, Delay: statusDelay,
			ProbeImagePullPolicy: string(corev1.PullIfNotPresent),
			Phase:                types.PreChaosPhase,
			ParentsResources:     []types.ParentResource{}, Targets: []v1alpha1.TargetDetails{},
		},
	}
	types.SetResultAttributes(e.result, e.chaos)
	if err := e.connect(config); err != nil {
		return nil, err
	}
	if err := e.readEngine(ctx); err != nil {
		return nil, err
	}
	if err := e.createResult(ctx); err != nil {
		return nil, err
	}
	message := "experiment: " + e.chaos.ExperimentName + ", Result: Awaited"
	e.createResultEvent(types.AwaitedVerdict, message, corev1.EventTypeNormal)
	return e, nil
}

// retry repeats a request while the API server is unavailable, for at most the timeout of a step.
func (e *Experiment) retry(ctx context.Context, operation string, request func(context.Context) error) error {
	return apiretry.DoWithTimeout(ctx, e.timeout(), e.clients.KubeClient, e.log, operation, request)
}

// timeout returns how long one step in the cluster may take.
func (e *Experiment) timeout() time.Duration { return time.Duration(e.chaos.Timeout) * time.Second }

func (e *Experiment) connect(config *rest.Config) (err error) {
	e.clients.KubeConfig = config
	if e.clients.KubeClient, err = kubernetes.NewForConfig(config); err != nil {
		return fmt.Errorf("creating a Kubernetes client: %w", err)
	}
	if e.clients.LitmusClient, err = chaosclient.NewForConfig(config); err != nil {
		return fmt.Errorf("creating a Litmus client: %w", err)
	}
	if e.clients.DynamicClient, err = dynamic.NewForConfig(config); err != nil {
		return fmt.Errorf("creating a dynamic client: %w", err)
	}
	return nil
}

// readEngine reads the engine and the pod that this program runs in. It adds the engine's probes, followed by the
// built-in probes, to the result.
func (e *Experiment) readEngine(ctx context.Context) error {
	var engine *v1alpha1.ChaosEngine
	err := e.retry(ctx, "reading the ChaosEngine", func(ctx context.Context) (err error) {
		engines := e.clients.LitmusClient.ChaosEngines(e.chaos.ChaosNamespace)
		engine, err = engines.Get(ctx, e.chaos.EngineName, metav1.GetOptions{})
		return err
	})
	if err != nil {
		return fmt.Errorf("reading ChaosEngine %s/%s: %w", e.chaos.ChaosNamespace, e.chaos.EngineName, err)
	}
	if err := e.readOwnPod(ctx); err != nil {
		return err
	}
	e.result.ProbeArtifacts = map[string]types.ProbeArtifact{}
	for _, experiment := range engine.Spec.Experiments {
		if experiment.Name != e.chaos.ExperimentName {
			continue
		}
		// An invalid probe must end the run, but only after the ChaosResult was created.
		if e.invalid = checkProbes(experiment.Spec.Probe); e.invalid == nil {
			e.probes = experiment.Spec.Probe
			e.invalid = types.InitializeProbesInChaosResultDetails(e.result, e.probes)
		}
	}
	e.addProbe(WriteProbe, "SOT")
	e.addProbe(VerifyProbe, "EOT")
	return nil
}

// createResult creates the ChaosResult, or starts a new run in an existing one. The errors of litmus-go do
// not show whether the API server is unavailable, so createResult makes one more request.
func (e *Experiment) createResult(ctx context.Context) error {
	return e.retry(ctx, "creating the ChaosResult", func(ctx context.Context) error {
		err := e.initializeResult()
		if err == nil {
			return nil
		}
		engines := e.clients.LitmusClient.ChaosEngines(e.chaos.ChaosNamespace)
		_, getErr := engines.Get(ctx, e.chaos.EngineName, metav1.GetOptions{})
		if apiretry.IsTransient(getErr) || apierrors.IsForbidden(getErr) {
			return getErr
		}
		return err
	})
}

func (e *Experiment) initializeResult() error {
	if err := chaosresult.InitializeChaosResult(&e.chaos, e.clients, e.result, e.labels()); err != nil {
		return fmt.Errorf("creating ChaosResult %s/%s: %w", e.chaos.ChaosNamespace, e.result.Name, err)
	}
	if err := chaosresult.SetResultUID(e.result, e.clients, &e.chaos); err != nil {
		return fmt.Errorf("reading ChaosResult %s/%s: %w", e.chaos.ChaosNamespace, e.result.Name, err)
	}
	return nil
}

// ValidateEngine returns all mistakes in the engine's probes.
func (e *Experiment) ValidateEngine() error {
	if e.invalid == nil {
		return nil
	}
	return fmt.Errorf("ChaosEngine %s/%s: %w", e.chaos.ChaosNamespace, e.chaos.EngineName, e.invalid)
}

// SetTimeouts sets the timeout of a step, and the duration of the chaos, which is how long probes of mode OnChaos run.
func (e *Experiment) SetTimeouts(step, chaos time.Duration) {
	e.chaos.Timeout = max(statusDelay, int(step/time.Second))
	e.chaos.ChaosDuration = int(chaos / time.Second)
}

// JobUID returns the UID of the Job that created the experiment's pod; an empty string if there is none.
func (e *Experiment) JobUID() string { return e.pod.Labels[batchv1.ControllerUidLabel] }

// IsRetry reports whether the Job has created another pod before this one. It returns false if the pods cannot be
// listed.
func (e *Experiment) IsRetry(ctx context.Context) bool {
	if e.JobUID() == "" {
		return false
	}
	var pods *corev1.PodList
	err := e.retry(ctx, "listing the pods of the Job", func(ctx context.Context) (err error) {
		ofJob := metav1.ListOptions{LabelSelector: batchv1.ControllerUidLabel + "=" + e.JobUID()}
		pods, err = e.clients.KubeClient.CoreV1().Pods(e.chaos.ChaosNamespace).List(ctx, ofJob)
		return err
	})
	return err == nil && len(pods.Items) > 1
}

// OwnerReference returns the owner reference for objects in a namespace, so that Kubernetes deletes them with the
// engine. It returns nil if the engine is in another namespace: an owner must be in the namespace of its objects.
func (e *Experiment) OwnerReference(namespace string) *metav1.OwnerReference {
	if namespace != e.chaos.ChaosNamespace {
		return nil
	}
	return &metav1.OwnerReference{
		APIVersion: v1alpha1.SchemeGroupVersion.String(), Kind: "ChaosEngine",
		Name: e.chaos.EngineName, UID: e.chaos.ChaosUID,
	}
}

// Engine returns the description of the engine for the result of a run.
func (e *Experiment) Engine() *result.Engine {
	return &result.Engine{
		Name: e.chaos.EngineName, Namespace: e.chaos.ChaosNamespace, UID: e.chaos.ChaosUID,
		ChaosResult: e.result.Name, ChaosResultUID: e.result.ResultUID,
		ServiceAccount: e.pod.Spec.ServiceAccountName,
	}
}

// labels returns the labels of the ChaosResult: those of the experiment's pod, and the UID of the engine.
func (e *Experiment) labels() map[string]string {
	labels := map[string]string{"chaosUID": string(e.chaos.ChaosUID)}
	for k, v := range e.pod.Labels {
		labels[k] = v
	}
	return labels
}

// CellsPlanned replaces the built-in probes by one probe per cell, if there are several cells. Litmus then reports the
// share of cells that passed. CellsPlanned omits the write probe and the control, which would change that
// share.
func (e *Experiment) CellsPlanned(cells []options.CellSpec) {
	tested := slices.DeleteFunc(slices.Clone(cells), func(c options.CellSpec) bool { return c.Control })
	if len(tested) < 2 {
		return
	}
	e.result.ProbeDetails = slices.DeleteFunc(e.result.ProbeDetails, isBuiltIn)
	for _, c := range tested {
		e.addProbe(verifyProbeName(c), "EOT")
	}
}

func isBuiltIn(p *types.ProbeDetails) bool { return p.Type == probeType }

// verifyProbeName returns the name of a cell's verify probe.
func verifyProbeName(c options.CellSpec) string {
	if c.Name == "" {
		return VerifyProbe
	}
	return VerifyProbe + "/" + c.Name
}

// addProbe adds a built-in probe with the verdict Awaited.
func (e *Experiment) addProbe(name, mode string) {
	awaited := v1alpha1.ProbeStatus{Verdict: v1alpha1.ProbeVerdictAwaited}
	e.result.ProbeDetails = append(e.result.ProbeDetails,
		&types.ProbeDetails{Name: name, Type: probeType, Mode: mode, Status: awaited})
}

// WritersReady sets the built-in write probe to Passed and runs the engine's probes before the chaos.
func (e *Experiment) WritersReady(_ context.Context, cells []result.Cell) error {
	for _, c := range cells {
		if c.Spec.Name == "" {
			e.setProbe(WriteProbe, v1alpha1.ProbeVerdictPassed, c.WriteSentence())
		}
	}
	return e.runProbes("PreChaos", types.PreChaosCheck)
}

// BeforeChaos starts the engine's probes that run during the chaos.
func (e *Experiment) BeforeChaos(context.Context) error {
	e.chaos.Phase = types.ChaosInjectPhase
	message := "Injecting " + e.chaos.ExperimentName + " chaos on application pod"
	e.createEngineEvent(types.ChaosInject, message, corev1.EventTypeNormal)
	return e.runProbes("DuringChaos", "")
}

// RecordsAcknowledged does nothing: Litmus has no place for acknowledgements.
func (e *Experiment) RecordsAcknowledged(options.CellSpec, ledger.Ack) {}

// PhaseChanged does nothing.
func (e *Experiment) PhaseChanged(string) {}

// WaitingFor does nothing: the log has the reasons.
func (e *Experiment) WaitingFor(options.CellSpec, string, string) {}

// BeforeDeletion adds the pod to the targets in the ChaosResult.
func (e *Experiment) BeforeDeletion(_ options.CellSpec, pod result.Pod) {
	e.targets.Lock()
	defer e.targets.Unlock()
	common.SetTargets(pod.Name, "targeted", "pod", &e.chaos)
}

// BeforeRead does nothing: Litmus has no place for it.
func (e *Experiment) BeforeRead(options.CellSpec) {}

// CellJudged sets the verify probe of a cell to the cell's verdict.
func (e *Experiment) CellJudged(cell result.Cell) {
	switch cell.Verdict {
	case judge.Pass:
		e.setProbe(verifyProbeName(cell.Spec), v1alpha1.ProbeVerdictPassed, cell.VerificationSentence())
	case judge.Fail:
		e.setProbe(verifyProbeName(cell.Spec), v1alpha1.ProbeVerdictFailed, cell.Reason)
	default:
		e.setProbe(verifyProbeName(cell.Spec), v1alpha1.ProbeVerdictNA, cell.Reason)
	}
}

// AllCellsJudged runs the engine's probes after the chaos, and evaluates the probes that ran during the chaos.
func (e *Experiment) AllCellsJudged(context.Context) error {
	e.chaos.Phase = types.PostChaosPhase
	return e.runProbes(lastPhase, types.PostChaosCheck)
}

// IsStopping reports whether the state of the engine is stop. It returns false if the engine cannot be read.
func (e *Experiment) IsStopping(ctx context.Context) bool {
	engines := e.clients.LitmusClient.ChaosEngines(e.chaos.ChaosNamespace)
	engine, err := engines.Get(ctx, e.chaos.EngineName, metav1.GetOptions{})
	return err == nil && engine.Spec.EngineState == v1alpha1.EngineStateStop
}

// isProbeAwaited reports whether a built-in probe has no verdict yet.
func (e *Experiment) isProbeAwaited(name string) bool {
	return slices.ContainsFunc(e.result.ProbeDetails, func(p *types.ProbeDetails) bool {
		return p.Name == name && isBuiltIn(p) && p.Status.Verdict == v1alpha1.ProbeVerdictAwaited
	})
}

// setProbe sets the verdict of a built-in probe.
func (e *Experiment) setProbe(name string, verdict v1alpha1.ProbeVerdict, description string) {
	for _, p := range e.result.ProbeDetails {
		if p.Name == name && isBuiltIn(p) {
			p.Status = v1alpha1.ProbeStatus{Verdict: verdict, Description: description}
			if verdict == v1alpha1.ProbeVerdictPassed {
				e.result.PassedProbeCount++
			}
		}
	}
}

// runProbes runs the engine's probes of a phase and creates an event about them. AUT is litmus-go's abbreviation of
// "application under test".
func (e *Experiment) runProbes(phase, event string) error {
	message, eventType := "AUT: not checked", corev1.EventTypeNormal
	var err error
	if len(e.probes) > 0 {
		err = e.withTimeout(phase, func(r *types.ResultDetails) error { return e.runPhase(phase, r) })
		message += ", Probes: Successful"
	}
	if err != nil {
		message, eventType = "AUT: not checked, Probes: Unsuccessful", corev1.EventTypeWarning
	}
	if event != "" {
		e.createEngineEvent(event, message, eventType)
	}
	return err
}

// BundleAnnotation is set on a ChaosResult. Its value is where the evidence bundle of the last run is stored.
const BundleAnnotation = "volume-durability/bundle"

// SetBundleLocation sets the location of the evidence bundle, which Finish writes into the ChaosResult.
func (e *Experiment) SetBundleLocation(location string) { e.bundleLocation = location }

// Finish writes the outcome into the ChaosResult. ProbeErr is the error with which the engine's probes ended the run;
// nil if they did not.
func (e *Experiment) Finish(outcome result.Result, probeErr error) error {
	e.setVerdict(outcome, probeErr)
	if err := e.updateResult(); err != nil {
		return fmt.Errorf("updating ChaosResult %s/%s: %w", e.chaos.ChaosNamespace, e.result.Name, err)
	}
	verdict := string(e.result.Verdict)
	reason, eventType := types.GetChaosResultVerdictEvent(e.result.Verdict)
	e.createResultEvent(reason,
		fmt.Sprintf("experiment: %s, Result: %s: %s", e.chaos.ExperimentName, verdict, outcome.Reason), eventType)
	e.createEngineEvent(types.Summary,
		fmt.Sprintf("%s experiment: %s: %s", e.chaos.ExperimentName, verdict, outcome.Reason), eventType)
	return nil
}

// updateResult writes the ChaosResult. litmus-go gives up if its first request is not answered, and a failure here
// would make Kubernetes repeat the whole run. updateResult retries after every error, because the errors of litmus-go
// do not show that the API server was unavailable.
func (e *Experiment) updateResult() error {
	var last error
	update := func(ctx context.Context) (bool, error) {
		patchErr := chaosresult.PatchChaosResult(e.clients, &e.chaos, e.result, e.labels())
		last = errors.Join(patchErr, e.annotateResult(ctx))
		return last == nil, nil
	}
	err := wait.PollUntilContextTimeout(context.Background(), time.Second, e.timeout(), true, update)
	return errors.Join(last, err)
}

// annotateResult sets BundleAnnotation on the ChaosResult. It replaces the value of a previous run.
func (e *Experiment) annotateResult(ctx context.Context) error {
	results := e.clients.LitmusClient.ChaosResults(e.chaos.ChaosNamespace)
	existing, err := results.Get(ctx, e.result.Name, metav1.GetOptions{})
	if err != nil || existing.Annotations[BundleAnnotation] == e.bundleLocation {
		return err
	}
	if existing.Annotations == nil {
		existing.Annotations = map[string]string{}
	}
	existing.Annotations[BundleAnnotation] = e.bundleLocation
	_, err = results.Update(ctx, existing, metav1.UpdateOptions{})
	return err
}

// setVerdict sets the verdict of the result, and the verdicts of the built-in probes that have none yet.
func (e *Experiment) setVerdict(outcome result.Result, probeErr error) {
	switch outcome.Verdict {
	case judge.Pass:
		types.SetResultAfterCompletion(e.result, v1alpha1.ResultVerdictPassed, v1alpha1.ResultPhaseCompleted, "", "")
	case judge.Fail:
		// If the run ended early, some cells have a verdict, but their probes do not.
		for _, c := range outcome.Cells {
			if e.isProbeAwaited(verifyProbeName(c.Spec)) {
				e.CellJudged(c)
			}
		}
		e.skipAwaitedChecks(outcome.Reason)
		types.SetResultAfterCompletion(e.result, v1alpha1.ResultVerdictFailed, v1alpha1.ResultPhaseCompleted, "", "")
	case judge.Stopped:
		e.skipAwaitedChecks(outcome.Reason)
		types.SetResultAfterCompletion(e.result, v1alpha1.ResultVerdictStopped, v1alpha1.ResultPhaseStopped,
			outcome.Reason, cerrors.ErrorTypeExperimentAborted)
	case judge.NotApplicable:
		e.skipAwaitedChecks(outcome.Reason)
		// Litmus defines the verdict N/A only for probes.
		notApplicable := v1alpha1.ResultVerdict(v1alpha1.ProbeVerdictNA)
		types.SetResultAfterCompletion(e.result, notApplicable, v1alpha1.ResultPhaseCompleted, "", "")
	default:
		e.skipAwaitedChecks(outcome.Reason)
		e.setFailure(outcome.Reason, probeErr)
	}
}

// setFailure sets the verdict as the experiments of litmus-go do: Fail if one of the engine's probes failed, otherwise
// Error.
func (e *Experiment) setFailure(reason string, probeErr error) {
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

// skipAwaitedChecks sets the built-in probes that have no verdict yet to N/A, with the reason.
func (e *Experiment) skipAwaitedChecks(reason string) {
	for _, p := range e.result.ProbeDetails {
		if isBuiltIn(p) && p.Status.Verdict == v1alpha1.ProbeVerdictAwaited {
			p.Status = v1alpha1.ProbeStatus{Verdict: v1alpha1.ProbeVerdictNA, Description: reason}
		}
	}
}

// maxMessage is the maximum length of an event's message (k8s.io/api/core/v1 Event).
const maxMessage = 1024

func (e *Experiment) createEngineEvent(reason, message, eventType string) {
	types.SetEngineEventAttributes(&e.events, reason, truncate(message), eventType, &e.chaos)
	e.createEvent("ChaosEngine")
}

func (e *Experiment) createResultEvent(reason, message, eventType string) {
	// litmus-go makes the event's name from the reason. The slash in N/A is not valid in a name.
	if reason == string(v1alpha1.ProbeVerdictNA) {
		reason = "NotApplicable"
	}
	types.SetResultEventAttributes(&e.events, reason, truncate(message), eventType, e.result)
	e.createEvent("ChaosResult")
}

func truncate(message string) string { return message[:min(len(message), maxMessage)] }

// createEvent creates the event in e.events about an object of this kind. A failure is only logged.
func (e *Experiment) createEvent(kind string) {
	if err := events.GenerateEvents(&e.events, e.clients, &e.chaos, kind); err != nil {
		fields := logrus.Fields{"event": e.events.Reason, "kind": kind, "error": err}
		e.log.WithFields(fields).Warn("Could not create an event")
	}
}
