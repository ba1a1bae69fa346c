package progress

import "time"

// window is how far back a rate looks.
const window = 3 * time.Second

// meter tells how fast a count grows of late.
type meter struct {
	samples []sample
}

type sample struct {
	at    time.Time
	count uint64
}

// add takes note of the count at a time, which is not before the last one.
func (m *meter) add(at time.Time, count uint64) {
	m.samples = append(m.samples, sample{at, count})
	m.forget(at)
}

// forget drops what is older than the window, but the last of it, from which growth is counted.
func (m *meter) forget(now time.Time) {
	for len(m.samples) > 1 && now.Sub(m.samples[1].at) >= window {
		m.samples = m.samples[1:]
	}
}

// rate is the growth a second in the window that ends now.
func (m *meter) rate(now time.Time) float64 {
	m.forget(now)
	if len(m.samples) < 2 {
		return 0
	}
	first, last := m.samples[0], m.samples[len(m.samples)-1]
	elapsed := now.Sub(first.at).Seconds()
	if elapsed <= 0 {
		return 0
	}
	return float64(last.count-first.count) / elapsed
}
