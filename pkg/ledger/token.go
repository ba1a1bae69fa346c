package ledger

import (
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"

	"github.com/volume-durability/volume-durability/pkg/journal"
)

// Token is the whole ledger of a journal that one writer wrote, for a channel that
// carries a single word. Its text holds nothing that a shell, YAML or an HTML
// template would read as anything but itself.
type Token struct {
	journal.Format
	// Ack is the writer's last acknowledgement, which stands for all before it.
	// Its time is not kept: no judgement depends on it.
	Ack Ack
}

const (
	// TokenPrefix is what the text of every token begins with, the form's version included.
	TokenPrefix = "ledger1."

	tokenFields = 5
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// String is the token as one word: the journal's identity, the bytes of a record,
// epoch, last sequence number, its digest, and the sum of all that.
func (t Token) String() string {
	covered := fmt.Sprintf("%s%s.%d.%d.%d.%08x", TokenPrefix, t.ID, t.Size, t.Ack.Epoch, t.Ack.Seq, t.Ack.Digest)
	return fmt.Sprintf("%s.%08x", covered, crc32.Checksum([]byte(covered), castagnoli))
}

// ParseToken reads a token's text. Anything but the very text of a token is an
// error: what was promised must not be guessed.
func ParseToken(text string) (Token, error) {
	body, marked := strings.CutPrefix(text, TokenPrefix)
	fields := strings.Split(body, ".")
	if !marked || len(fields) != tokenFields+1 {
		return Token{}, fmt.Errorf("%q is no ledger: want %s and %d more fields", text, TokenPrefix, tokenFields+1)
	}
	size, errSize := strconv.Atoi(fields[1])
	epoch, errEpoch := strconv.Atoi(fields[2])
	seq, errSeq := strconv.ParseUint(fields[3], 10, 64)
	digest, errDigest := strconv.ParseUint(fields[4], 16, 32)
	if err := errors.Join(errSize, errEpoch, errSeq, errDigest); err != nil {
		return Token{}, fmt.Errorf("%q is no ledger: %w", text, err)
	}
	t := Token{
		Format: journal.Format{ID: fields[0], Size: size},
		Ack:    Ack{Point: journal.Point{Epoch: epoch, Seq: seq}, Digest: uint32(digest)},
	}
	if t.String() != text {
		return Token{}, fmt.Errorf("%q is no ledger: its sum is wrong", text)
	}
	return t, Validate(t.Format, []Ack{t.Ack})
}
