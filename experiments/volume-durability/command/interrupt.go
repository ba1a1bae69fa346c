package command

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/progress"
	"github.com/volume-durability/volume-durability/pkg/kube"
)

// interruption sees to what a person wants who presses Ctrl-C: once, that the run ends
// and removes what it made; twice, that the program ends now.
type interruption struct {
	signals chan os.Signal
	done    chan struct{}
}

func watchInterruption(ctx context.Context, streams Streams, view *progress.View, t task) interruption {
	w := interruption{make(chan os.Signal, 2), make(chan struct{})}
	signal.Notify(w.signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		defer close(w.done)
		if _, first := <-w.signals; !first {
			return
		}
		view.Removing()
		view.Say("interrupted: removing what was made; again to leave it")
		if _, second := <-w.signals; !second {
			return
		}
		view.Close()
		fmt.Fprintf(streams.ErrOut, "\nLeft behind in namespace %s: %s\nRemove it with: volume-durability cleanup -n %s --run %s\n", t.settings.Namespace, left(ctx, t), t.settings.Namespace, t.id)
		os.Exit(Interrupted)
	}()
	return w
}

// stop ends the watch.
func (w interruption) stop() {
	signal.Stop(w.signals)
	close(w.signals)
	<-w.done
}

// allOf reads all of what may never end, such as a terminal, until somebody has
// pressed Ctrl-C.
func allOf(ctx context.Context, in io.Reader) ([]byte, error) {
	var content []byte
	read := make(chan error, 1)
	go func() {
		var err error
		content, err = io.ReadAll(in)
		read <- err
	}()
	select {
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case err := <-read:
		return content, err
	}
}

// interruptible is what takes long to read, and ends once somebody has pressed Ctrl-C.
type interruptible struct {
	ctx context.Context
	in  io.Reader
}

func (i interruptible) Read(b []byte) (int, error) {
	if i.ctx.Err() != nil {
		return 0, context.Cause(i.ctx)
	}
	return i.in.Read(b)
}

// patience is how long somebody waits who has pressed Ctrl-C twice.
const patience = 3 * time.Second

// left names what there is of a run.
func left(ctx context.Context, t task) string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	core, of := t.cluster.client.CoreV1(), metav1.ListOptions{LabelSelector: kube.RunLabel + "=" + t.id}
	pods, podErr := core.Pods(t.settings.Namespace).List(ctx, of)
	claims, claimErr := core.PersistentVolumeClaims(t.settings.Namespace).List(ctx, of)
	if podErr != nil || claimErr != nil {
		return "what the run had made, which cannot be listed now"
	}
	var names []string
	for _, p := range pods.Items {
		names = append(names, "pod "+p.Name)
	}
	for _, c := range claims.Items {
		names = append(names, "claim "+c.Name)
	}
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}
