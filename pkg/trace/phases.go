package trace

import (
	"time"

	"github.com/volume-durability/volume-durability/pkg/result"
)

// Phases records the phases of a run. A nil Phases records nothing.
type Phases struct{ all []result.Phase }

// Begin begins a phase, which ends the phase before it. It does nothing if the phase has begun already.
func (p *Phases) Begin(name result.PhaseName, at time.Time) {
	if p == nil || len(p.all) > 0 && p.all[len(p.all)-1].Name == name {
		return
	}
	p.end(at)
	p.all = append(p.all, result.Phase{Name: name, StartedAt: at})
}

// Until returns the phases up to the end of the run.
func (p *Phases) Until(end time.Time) []result.Phase {
	p.end(end)
	return p.all
}

func (p *Phases) end(at time.Time) {
	if len(p.all) > 0 {
		p.all[len(p.all)-1].EndedAt = at
	}
}
