// Package advice has the form of the advice that ends an error or a check: what to do about it. The package is pure.
package advice

import "strings"

// Prefix begins the advice in an error or a check.
const Prefix = "To fix this: "

// Sentence returns advice as the end of a message, which has no full stop yet. It returns an empty string for empty
// advice. The advice is in the imperative.
func Sentence(advice string) string {
	if advice == "" {
		return ""
	}
	return ". " + Prefix + advice
}

// After returns advice as the end of a message that others wrote, which may have its full stop already. It returns an
// empty string for empty advice.
func After(message, advice string) string {
	if strings.HasSuffix(message, ".") {
		return strings.TrimPrefix(Sentence(advice), ".")
	}
	return Sentence(advice)
}

// IsIn reports whether a message has advice already.
func IsIn(message string) bool { return strings.Contains(message, Prefix) }
