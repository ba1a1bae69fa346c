package samples

import (
	"time"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// Singles returns samples in which every count is 1: one record, one commit, one deletion, one finding.
func Singles() []Sample {
	failed := single(onNFS(2, "", "stig-pvc"))
	lost := judge.Finding{Class: judge.LostTail, Epoch: 1, First: 1, Last: 1, Records: 1, Offset: 0, End: 1}
	failed.Findings, failed.Reader.Judgement.Intact = []judge.Finding{lost}, 0
	failed.Verdict = judge.Fail
	failed.Reason = failed.VerificationSentence()
	passed := single(onCeph(1, "", "stig-pvc"))
	one, other := passed, failed
	one.Spec.Name, other.Spec.Name = "one", "other"
	several := newResult(Pass().Options, one, other)
	several.Verdict, several.Reason = judge.Fail, "1 of 2 cells passed. 1 Fail: other ("+failed.Reason+")"
	one.Acks = nil
	fewer := newResult(Pass().Options, one, other, skipped())
	fewer.Verdict, fewer.Reason = judge.Fail, several.Reason
	return []Sample{
		{"pass", newResult(Pass().Options, passed)}, {"fail", newResult(Pass().Options, failed)},
		{"two cells", several}, {"one volume", fewer},
	}
}

func single(s scenario) result.Cell {
	s.writers = s.writers[:1]
	c := cell(s)
	e := &c.Epochs[0]
	e.Acks, e.FirstAck.Seq, e.AckedAtDeletion = e.Acks[:1], 1, 1
	e.Acks[0].Seq = 1
	c.Acks[0].Seq = 1
	scan := &c.Reader.ScanResult
	scan.Bytes, scan.Records, scan.Segments = 1, 1, scan.Segments[:1]
	scan.Segments[0].Last, scan.Segments[0].End = 1, 1
	c.Reader.Judgement.Acknowledged, c.Reader.Judgement.Intact = 1, 1
	c.Latency.Count, c.Latency.Records = 1, 1
	c.Latency.Buckets = []result.Bucket{{From: 2 * time.Millisecond, To: 3 * time.Millisecond, Count: 1}}
	c.Reason = c.VerificationSentence()
	return c
}
