// Package provisioning reads why a provisioner did not create a volume for a claim. It is pure.
package provisioning

import (
	"regexp"
	"strings"
)

// Cause is why a claim has no volume.
type Cause string

const (
	// Temporary is a failure that may not occur again when the provisioner retries.
	Temporary Cause = "temporary"
	// Unsupported means that the storage does not have the access mode, volume mode or filesystem of the claim.
	Unsupported Cause = "unsupported"
	// Size means that the claim is too small or too large for any volume of the class.
	Size Cause = "size"
	// Full means that there is not enough free space for the claim at present.
	Full Cause = "full"
	// Refused means that the provisioner rejects the claim for another reason, for example a parameter of the class.
	Refused Cause = "refused"
	// NoClass means that the StorageClass does not exist.
	NoClass Cause = "no class"
)

// Final reports whether the provisioner would fail in the same way on every retry.
func (c Cause) Final() bool { return c != Temporary && c != Full }

var (
	grpcCode = regexp.MustCompile(`code = (\w+)`)
	noClass  = regexp.MustCompile(`storageclass(\.storage\.k8s\.io)? "[^"]*" not found`)
	// mode matches texts about how the claim is to be used. Drivers name the modes as in the CSI specification, as in
	// Kubernetes, or as a capability.
	mode = regexp.MustCompile(`access ?_?modes?|accessmode|capabilit|(multi|single)[-_ ]?node|multi.?writer|` +
		`readwrite(many|once)|readonlymany|block volume|block ?mode|volume ?mode`)
	// unsupported matches texts that exclude another outcome, also about filesystems and other features.
	unsupported = regexp.MustCompile(`not supported|unsupported|does(n't| not) support|only supports?\b|` +
		`only .*\b(is|are) supported`)
	// size matches texts that compare a size with a limit.
	size = regexp.MustCompile(`\b(size|sizes|capacity|bytes|gib|gb|volumesize|capacity_range)\b.*` + limit + `|` +
		limit + `.*\b(size|capacity|bytes|gib|gb)\b`)
	space = regexp.MustCompile(`(not |no )?enough .*(space|capacity)|insufficient (free )?(space|capacity)|` +
		`no space left|out of space`)
)

const limit = `(too small|too large|too big|smaller than|larger than|less than|greater than|more than|exceed(s|ing)|` +
	`at least|at most|minimum|maximum|min size|max size|out of range|between \d+|multiple of|violating the)`

// CauseOf returns the cause of an event ProvisioningFailed. If the message has a gRPC code, the code and the text
// decide, otherwise the text alone. Drivers use InvalidArgument for everything that they reject (CSI spec.md,
// "CreateVolume Errors"). Of nested errors, the code of the innermost one counts.
func CauseOf(message string) Cause {
	code, text := codeOf(message), strings.ToLower(message)
	if noClass.MatchString(text) {
		return NoClass
	}
	switch code {
	case "Unimplemented":
		return Unsupported
	case "InvalidArgument":
		return firstOf(text, Refused, rule{mode, Unsupported}, rule{size, Size}, rule{unsupported, Unsupported})
	case "OutOfRange":
		return firstOf(text, Size, rule{space, Full}, rule{size, Size}, rule{mode, Unsupported})
	case "FailedPrecondition":
		return firstOf(text, Temporary, rule{mode, Unsupported}, rule{size, Size}, rule{unsupported, Unsupported})
	case "ResourceExhausted":
		return firstOf(text, Full, rule{space, Full}, rule{mode, Unsupported})
	case "Internal":
		return firstOf(text, Temporary, rule{space, Full}, rule{size, Size})
	case "", "Unknown":
		// Provisioners without CSI have no codes, and grpc-go reports Unknown for errors without one.
		return firstOf(text, Temporary, rule{space, Full}, rule{size, Size}, rule{unsupported, Unsupported})
	}
	return Temporary
}

// codeOf returns the innermost gRPC code of a message that has a meaning, or an empty string.
func codeOf(message string) string {
	code := ""
	for _, found := range grpcCode.FindAllStringSubmatch(message, -1) {
		if found[1] != "Unknown" || code == "" {
			code = found[1]
		}
	}
	return code
}

// rule is a cause and the texts that show it.
type rule struct {
	pattern *regexp.Regexp
	cause   Cause
}

// firstOf returns the cause of the first rule that applies, or a default.
func firstOf(text string, otherwise Cause, rules ...rule) Cause {
	for _, r := range rules {
		if r.pattern.MatchString(text) {
			return r.cause
		}
	}
	return otherwise
}

// Hint returns what to do about a cause; empty if there is no advice.
func (c Cause) Hint() string {
	switch c {
	case NoClass:
		return "set STORAGE_CLASS to an existing StorageClass: kubectl get storageclass"
	case Size:
		return "set CLAIM_SIZE to a size that the StorageClass can provide"
	case Full:
		return "make room on the storage, or set CLAIM_SIZE to a smaller size"
	case Unsupported:
		return "set ACCESS_MODE and VOLUME_MODE to values that the StorageClass supports"
	case Refused:
		return "check the parameters of the StorageClass: kubectl describe storageclass"
	case Temporary:
	}
	return "check that the provisioner of the claim's StorageClass works: kubectl describe pvc"
}
