package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/progress"
	"github.com/volume-durability/volume-durability/experiments/volume-durability/style"
	"github.com/volume-durability/volume-durability/experiments/volume-durability/terminal"
	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/volume"
)

// handleInterrupts handles signals during a run, until the returned function is called. After the first one, the run
// ends and removes what it created. A user at a terminal can then exit with Ctrl-C without waiting for that.
func handleInterrupts(ctx context.Context, streams Streams, view *progress.View, spec runSpec) (stop func()) {
	return terminal.Interrupts{
		Interactive: terminal.IsTerminal(streams.ErrOut), Printf: view.Printf, Removing: view.Removing,
		Abandon: func() {
			view.Close()
			printNotRemoved(ctx, streams.ErrOut, spec)
			os.Exit(terminal.ExitInterrupted)
		},
	}.Handle()
}

// await returns what a call returns that may block for ever, such as one that reads from
// a terminal, or an error once the context ends. The call is then abandoned.
func await[T any](ctx context.Context, call func() (T, error)) (T, error) {
	type outcome struct {
		value T
		err   error
	}
	if ctx.Err() != nil {
		var none T
		return none, context.Cause(ctx)
	}
	done := make(chan outcome, 1)
	go func() {
		value, err := call()
		done <- outcome{value, err}
	}()
	select {
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	case o := <-done:
		return o.value, o.err
	}
}

// readFileOrStdin reads a whole regular file, or standard input if its name is -.
func readFileOrStdin(ctx context.Context, stdin io.Reader, name string) ([]byte, error) {
	if name != "-" {
		content, err := readFile(name)
		if kind := (volume.KindError{}); errors.As(err, &kind) {
			err = fmt.Errorf("%s: want a file, or '-' for standard input: %w", name, err)
		}
		return content, err
	}
	return await(ctx, func() ([]byte, error) { return io.ReadAll(stdin) })
}

// contextReader reads from a file, where no read blocks for ever, until its context ends.
// It ends a scan that await has abandoned.
type contextReader struct {
	ctx context.Context
	in  io.Reader
}

func (r contextReader) Read(b []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.in.Read(b)
}

// listTimeout bounds how long the program still runs after the second Ctrl-C.
const listTimeout = 3 * time.Second

// printNotRemoved lists the objects of a run that still exist, and prints the command that removes them.
func printNotRemoved(ctx context.Context, out io.Writer, spec runSpec) {
	namespace, remaining := spec.options.Namespace, remainingObjects(ctx, spec)
	style.Fprintf(out, "\nNot removed from namespace %s: %s\n", namespace, remaining)
	if remaining != nothingRemains {
		command := fmt.Sprintf("volume-durability cleanup%s -n %s --run %s", spec.clusterFlags, namespace, spec.id)
		style.Fprintf(out, "To remove it: %s\n", style.Whole(command))
	}
}

// nothingRemains is the list of the objects of a run that has none.
const nothingRemains = "nothing"

// remainingObjects lists the objects of a run that still exist.
func remainingObjects(ctx context.Context, spec runSpec) string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), listTimeout)
	defer cancel()
	core, namespace := spec.cluster.client.CoreV1(), spec.options.Namespace
	ofRun := metav1.ListOptions{LabelSelector: kube.RunLabel + "=" + spec.id}
	pods, podErr := core.Pods(namespace).List(ctx, ofRun)
	claims, claimErr := core.PersistentVolumeClaims(namespace).List(ctx, ofRun)
	if podErr != nil || claimErr != nil {
		return "unknown (listing the objects failed)"
	}
	var names []string
	for _, p := range pods.Items {
		names = append(names, "pod "+p.Name)
	}
	for _, c := range claims.Items {
		names = append(names, "claim "+c.Name)
	}
	if len(names) == 0 {
		return nothingRemains
	}
	return strings.Join(names, ", ")
}
