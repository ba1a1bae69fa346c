package ledger

import (
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"

	"github.com/volume-durability/volume-durability/pkg/journal"
)

// Token is the ledger of a journal with one epoch, for use where only one word can be
// passed. Its text has no character that is special to a shell, to YAML or to an HTML template.
type Token struct {
	journal.Format
	// Ack is the writer's last acknowledgement. Its time is not part of the token: no verdict depends on it.
	Ack Ack
}

const (
	// TokenPrefix is the start of every token. It has the version of the token's format.
	TokenPrefix = "ledger1."

	tokenFields = 5
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// String returns the token as one word: the journal's ID, the record size, the epoch,
// the last sequence number, its digest, and a checksum of all that.
func (t Token) String() string {
	covered := fmt.Sprintf("%s%s.%d.%d.%d.%08x", TokenPrefix, t.ID, t.RecordSize, t.Ack.Epoch, t.Ack.Seq, t.Ack.Digest)
	return fmt.Sprintf("%s.%08x", covered, crc32.Checksum([]byte(covered), castagnoli))
}

// ParseToken parses the text of a token. It accepts only what String returns.
func ParseToken(text string) (Token, error) {
	body, prefixed := strings.CutPrefix(text, TokenPrefix)
	fields := strings.Split(body, ".")
	if !prefixed || len(fields) != tokenFields+1 {
		return Token{}, fmt.Errorf("invalid ledger token %q: want %s and %d more fields",
			text, TokenPrefix, tokenFields+1)
	}
	size, errSize := strconv.Atoi(fields[1])
	epoch, errEpoch := strconv.Atoi(fields[2])
	seq, errSeq := strconv.ParseUint(fields[3], 10, 64)
	digest, errDigest := strconv.ParseUint(fields[4], 16, 32)
	if err := errors.Join(errSize, errEpoch, errSeq, errDigest); err != nil {
		return Token{}, fmt.Errorf("invalid ledger token %q: %w", text, err)
	}
	t := Token{
		Format: journal.Format{ID: fields[0], RecordSize: size},
		Ack:    Ack{Point: journal.Point{Epoch: epoch, Seq: seq}, Digest: uint32(digest)},
	}
	if t.String() != text {
		return Token{}, fmt.Errorf("invalid ledger token %q: wrong checksum", text)
	}
	return t, Validate(t.Format, []Ack{t.Ack})
}
