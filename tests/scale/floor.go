package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/rand"
	"k8s.io/utils/ptr"

	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/tests/bench/ratio"
	"github.com/volume-durability/volume-durability/tests/chaosengine"
)

// chaosDuration is the chaos of a run whose overhead is measured.
const chaosDuration = 5 * time.Second

// compareWithBarePods compares the overhead of a run with the time of its claim and pods alone, in turn.
func (b benchmark) compareWithBarePods(ctx context.Context, rounds int) error {
	var runs, floors []time.Duration
	for range rounds {
		ran, err := b.inNamespace(ctx, b.shortRun)
		if err != nil {
			return fmt.Errorf("a short run: %w", err)
		}
		floor, err := b.inNamespace(ctx, b.barePods)
		if err != nil {
			return fmt.Errorf("bare pods: %w", err)
		}
		runs, floors = append(runs, ran-chaosDuration), append(floors, floor)
	}
	own, bare := ratio.Median(runs), ratio.Median(floors)
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(out, "one cell, medians of %d\tseconds\n", rounds)
	fmt.Fprintf(out, "a run, without its chaos\t%.1f\n", own.Seconds())
	fmt.Fprintf(out, "its claim and pods, created and deleted one after another\t%.1f\n", bare.Seconds())
	fmt.Fprintf(out, "ratio\t%.2f\n\n", own.Seconds()/bare.Seconds())
	return errors.Join(out.Flush(), ratio.Append(b.ratios, ratio.Row{
		Area: "Overhead", Measured: "run of one cell, without its chaos", Peer: "its claim and pods alone", Unit: "s",
		Value: own.Seconds(), PeerValue: bare.Seconds(), AtMost: 1.5,
	}.OfValues()))
}

// inNamespace measures how long a function takes in a namespace of its own.
func (b benchmark) inNamespace(
	ctx context.Context, do func(context.Context, *chaosengine.Namespace) error,
) (took time.Duration, err error) {
	ns, err := b.cluster.NewNamespace(ctx, "scale-"+rand.String(6), chaosengine.Restricted)
	if err != nil {
		return 0, err
	}
	defer func() {
		cleanup, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Minute)
		defer cancel()
		err = errors.Join(err, ns.Remove(cleanup))
	}()
	began := time.Now()
	err = do(ctx, ns)
	return time.Since(began), err
}

func (b benchmark) shortRun(ctx context.Context, ns *chaosengine.Namespace) error {
	seconds := fmt.Sprint(chaosDuration.Seconds())
	env := map[string]string{
		"WORKLOAD_NAMESPACE": ns.Name, "STORAGE_CLASS": b.class, "CLAIM_SIZE": "16Mi",
		"TOTAL_CHAOS_DURATION": seconds, "CHAOS_INTERVAL": seconds,
	}
	opts, err := options.Parse(func(name string) string { return env[name] })
	if err != nil {
		return err
	}
	_, err = b.run(ctx, opts, 1)
	return err
}

// barePods creates and deletes what a run does outside its chaos: a claim, the first writer, and the reader.
func (b benchmark) barePods(ctx context.Context, ns *chaosengine.Namespace) error {
	const name = "bare"
	core := ns.Kube.CoreV1()
	claim := chaosengine.NewClaim(name, resource.MustParse("16Mi"))
	claim.Spec.StorageClassName = &b.class
	if _, err := core.PersistentVolumeClaims(ns.Name).Create(ctx, claim, metav1.CreateOptions{}); err != nil {
		return err
	}
	for range 2 {
		if _, err := core.Pods(ns.Name).Create(ctx, barePod(name), metav1.CreateOptions{}); err != nil {
			return err
		}
		if _, err := ns.AwaitRunning(ctx, name); err != nil {
			return err
		}
		if err := core.Pods(ns.Name).Delete(ctx, name, metav1.DeleteOptions{}); err != nil {
			return err
		}
		if err := chaosengine.AwaitDeleted(ctx, &corev1.Pod{}, chaosengine.ByName(name, core.Pods(ns.Name))); err != nil {
			return err
		}
	}
	claims := core.PersistentVolumeClaims(ns.Name)
	if err := claims.Delete(ctx, name, metav1.DeleteOptions{}); err != nil {
		return err
	}
	return chaosengine.AwaitDeleted(ctx, &corev1.PersistentVolumeClaim{}, chaosengine.ByName(name, claims))
}

// barePod returns a pod that mounts a claim and waits.
func barePod(claim string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: claim},
		Spec: corev1.PodSpec{
			RestartPolicy: corev1.RestartPolicyNever, AutomountServiceAccountToken: ptr.To(false),
			SecurityContext: &corev1.PodSecurityContext{
				RunAsNonRoot: ptr.To(true), RunAsUser: ptr.To[int64](65532), FSGroup: ptr.To[int64](65532),
				SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
			Containers: []corev1.Container{{
				Name: "pause", Image: pauseImage, ImagePullPolicy: corev1.PullNever,
				VolumeMounts: []corev1.VolumeMount{{Name: "data", MountPath: "/data"}},
				SecurityContext: &corev1.SecurityContext{
					AllowPrivilegeEscalation: ptr.To(false),
					Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
				},
			}},
			Volumes: []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{
				PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim},
			}}},
		},
	}
}

// pauseImage is an image of the test cluster whose program waits for SIGTERM.
const pauseImage = "volume-durability.test/pause:test"
