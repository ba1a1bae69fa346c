package journal

import (
	"crypto/sha256"
	"encoding/hex"
)

// NewID returns the ID of a journal for a unique name, such as that of a run. The same name always gives the same ID.
func NewID(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:idLen/2])
}
