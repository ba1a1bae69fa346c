package terminal

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/term"
)

// abandonAfter is the time after the first signal in which no other one makes the program exit without removing
// anything. `timeout`, CI services and shells often deliver one request as several signals, one right after the other.
const abandonAfter = time.Second

// IsTerminal reports whether out is a terminal, so that its user reads what is written to it.
func IsTerminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// NotifyContext returns a context that ends at the first signal that asks the program to end.
func NotifyContext(parent context.Context) (ctx context.Context, stop context.CancelFunc) {
	return signal.NotifyContext(parent, endSignals()...)
}

// endSignals returns the signals that ask the program to end. A signal that was ignored when the program started stays
// ignored: nohup does that with SIGHUP, and shells without job control do it with SIGINT for background commands.
func endSignals() []os.Signal {
	signals := []os.Signal{syscall.SIGTERM}
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGHUP} {
		if !signal.Ignored(s) {
			signals = append(signals, s)
		}
	}
	return signals
}

// Interrupts handles the signals that a run receives. The context of the run ends with the first one, so the run ends
// and removes what it created. A user at a terminal can press Ctrl-C again, to exit without that.
type Interrupts struct {
	// Interactive reports whether a user at a terminal sees what Printf prints.
	Interactive bool
	// Printf prints a line.
	Printf func(format string, args ...any)
	// Removing is called with the first signal.
	Removing func()
	// Abandon should exit the program. It is called if the user presses Ctrl-C again after a moment.
	Abandon func()
}

// Handle handles signals until the returned function is called.
func (i Interrupts) Handle() (stop func()) {
	signals, done := make(chan os.Signal, 16), make(chan struct{})
	signal.Notify(signals, endSignals()...)
	go func() {
		defer close(done)
		i.handle(signals)
	}()
	return func() {
		signal.Stop(signals)
		close(signals)
		<-done
	}
}

func (i Interrupts) handle(signals <-chan os.Signal) {
	sequence := signalSequence{interactive: i.Interactive}
	for s := range signals {
		switch sequence.next(s, time.Now()) {
		case firstSignal:
			i.Removing()
			i.Printf("interrupted: removing what the run created%s", i.hint("again"))
		case furtherSignal:
			i.Printf("%s received: still removing what the run created%s", s, i.hint("once more"))
		case abandonSignal:
			i.Abandon()
			return
		}
	}
}

// hint returns how the user can exit without waiting, as the end of a sentence.
func (i Interrupts) hint(again string) string {
	if !i.Interactive {
		return ""
	}
	return "; press Ctrl-C " + again + " to exit without removing it"
}

// signalMeaning is what a signal asks for.
type signalMeaning int

const (
	firstSignal signalMeaning = iota
	// furtherSignal means that the program was asked to end before, and does so.
	furtherSignal
	// abandonSignal means that the program should exit without removing anything.
	abandonSignal
)

// signalSequence decides what each of several signals means.
type signalSequence struct {
	interactive bool
	first       time.Time
}

func (q *signalSequence) next(s os.Signal, now time.Time) signalMeaning {
	switch {
	case q.first.IsZero():
		q.first = now
		return firstSignal
	case q.interactive && s == os.Interrupt && now.Sub(q.first) >= abandonAfter:
		return abandonSignal
	default:
		return furtherSignal
	}
}
