package main

import (
	"cmp"
	"context"
	"fmt"
)

// The targets of ratios.
const (
	// readTarget is that of the reader and the slower of its device and its SHA-256.
	readTarget = 0.9
	// commitTarget, groupTarget and manyTarget are those of writers and fio: for one record per commit, for 1 MiB per
	// commit, and for many writers at once. overwriteTarget is for overwriting one slot per commit.
	commitTarget    = 0.98
	groupTarget     = 0.95
	manyTarget      = 0.9
	overwriteTarget = 0.95
)

// groups is the number of group commits: enough to exceed the first burst of a device.
const groups = 256

// section is a part of the table whose rows have the same unit.
type section struct {
	title, unit string
	rows        []*row
}

func (s *section) add(name string, measure func(context.Context) (sample, error)) *row {
	added := &row{section: s.title, name: name, unit: s.unit, measure: measure}
	s.rows = append(s.rows, added)
	return added
}

// addRatio adds the ratio of the last samples of two rows, which are measured before it in each round. Other load of
// the machine affects it less than the rates. The ratio should be at least a target; 0 for none.
func (s *section) addRatio(of, to *row, target float64) {
	measure := func(context.Context) (sample, error) {
		if err := cmp.Or(of.failure, to.failure); err != nil {
			return sample{}, err
		}
		return sample{rate: of.samples[len(of.samples)-1].rate / to.samples[len(to.samples)-1].rate}, nil
	}
	name := "ratio in a round to " + to.name
	s.rows = append(s.rows, &row{section: s.title, name: name, measure: measure, of: of, to: to, target: target})
}

func (p plan) readingCached(journals []string) []*row {
	s := section{title: "reading, cached", unit: "GB/s"}
	s.add("cat >/dev/null", p.command("cat", journals[0]))
	s.add("read(2) alone, blocks of 256 KiB", readAlone(journals[0]))
	for i, size := range recordSizes {
		s.add(fmt.Sprintf("scanner, records of %d B", size), scanCached(journals[i], size))
		s.add(fmt.Sprintf("CRC-32C alone, in memory, pieces of %d B", size), checksumAlone(p.bytes, size))
	}
	s.add("wc -l", p.command("wc", "-l", journals[0]))
	s.add("md5sum", p.command("md5sum", journals[0]))
	s.add("sha256sum", p.command("sha256sum", journals[0]))
	s.add("fio --verify=crc32c --bs=4k", p.fioVerify())
	return s.rows
}

func (p plan) readingDirectly(journals []string) []*row {
	s := section{title: "reading, past the page cache", unit: "GB/s"}
	dd := p.command("dd", "if="+journals[0], "of=/dev/null", "bs=1M", "iflag=direct")
	device := s.add("dd iflag=direct bs=1M", dd)
	hash := s.add("SHA-256 alone, in memory", sha256Alone(p.bytes))
	slower := s.add("the slower of dd and SHA-256", slowerOf(device, hash))
	for i, size := range recordSizes {
		name := fmt.Sprintf("scanner and SHA-256, two cores, records of %d B", size)
		scanner := s.add(name, scanDirectly(journals[i], size))
		s.addRatio(scanner, slower, readTarget)
	}
	return s.rows
}

// slowerOf returns the rate of the slower of two rows, which are measured before it in each round.
func slowerOf(a, b *row) func(context.Context) (sample, error) {
	return func(context.Context) (sample, error) {
		if err := cmp.Or(a.failure, b.failure); err != nil {
			return sample{}, err
		}
		return sample{rate: min(a.samples[len(a.samples)-1].rate, b.samples[len(b.samples)-1].rate)}, nil
	}
}

func (p plan) committingRecords() []*row {
	s := section{title: "one record per commit", unit: "commits/s"}
	for _, size := range recordSizes {
		same := s.add(fmt.Sprintf("fio --fdatasync=1 --bs=%d --rw=write", size), p.fioCommits(p.commits, size))
		changing := s.add("fio with --refill_buffers=1", p.fioCommits(p.commits, size, "--refill_buffers=1"))
		writer := s.add(fmt.Sprintf("writer, one record of %d B per commit", size), p.commitsToDisk(p.commits, 1, size))
		s.addRatio(writer, same, commitTarget)
		s.addRatio(writer, changing, 0)
	}
	return s.rows
}

func (p plan) committingByManyWriters() []*row {
	const writers = 50
	n := max(1, p.commits/writers)
	s := section{title: fmt.Sprintf("one record per commit, %d writers at once", writers), unit: "commits/s"}
	for _, size := range recordSizes {
		jobs := s.add(fmt.Sprintf("fio --fdatasync=1 --bs=%d --rw=write --numjobs=%d --thread", size, writers),
			p.fioManyCommits(writers, n, size))
		many := s.add(fmt.Sprintf("%d writers, records of %d B", writers, size), p.manyCommitsToDisk(writers, n, size))
		s.addRatio(many, jobs, manyTarget)
	}
	return s.rows
}

func (p plan) committingGroups() []*row {
	// A commit has 1 MiB, so commits per second are MiB/s.
	s := section{title: "1 MiB per commit", unit: "MiB/s"}
	jobs := s.add("fio --fdatasync=1 --bs=1M --rw=write", p.fioCommits(groups, groupBytes))
	for _, size := range recordSizes {
		records := groupBytes / size
		name := fmt.Sprintf("writer, 1 MiB per commit, records of %d B", size)
		writer := s.add(name, p.commitsToDisk(groups, records, size))
		s.addRatio(writer, jobs, groupTarget)
		discarded := func(ctx context.Context) (sample, error) { return commit(ctx, discard{}, groups, records, size) }
		s.add(fmt.Sprintf("writer, records of %d B, output discarded", size), discarded)
	}
	return s.rows
}
