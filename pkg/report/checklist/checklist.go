// Package checklist writes assessments as the checklists that assessors' tools
// read: CKL (STIG Viewer 2 and 3, STIG Manager, eMASS, OpenRMF, Heimdall) and CKLB
// (STIG Viewer 3, STIG Manager, eMASS).
//
// It knows how the two forms say a thing, not what a result means.
package checklist

import (
	"github.com/google/uuid"

	"github.com/volume-durability/volume-durability/pkg/report/assessment"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// names are the statuses in both forms.
var names = map[assessment.Status]struct{ ckl, cklb string }{
	assessment.NotAFinding:   {"NotAFinding", "not_a_finding"},
	assessment.Open:          {"Open", "open"},
	assessment.NotApplicable: {"Not_Applicable", "not_applicable"},
	assessment.NotReviewed:   {"Not_Reviewed", "not_reviewed"},
}

// id is a UUID that is another one for each thing in a run, and the same wherever
// the run is written out again.
func id(r result.Result, thing string) string {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("volume-durability:"+r.RunID+":"+thing)).String()
}
