package ledger

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/journal"
)

func testToken() Token {
	return Token{
		Format: journal.Format{ID: "0123456789abcdef", RecordSize: 256},
		Ack:    Ack{Point: journal.Point{Epoch: 1, Seq: 1000}, Digest: 0x0000beef},
	}
}

func TestParseToken_ReturnsWhatStringWrote(t *testing.T) {
	text := testToken().String()
	assert.Regexp(t, `^ledger1\.[0-9a-z.]+$`, text, "one word without special characters")
	parsed, err := ParseToken(text)
	require.NoError(t, err)
	assert.Equal(t, testToken(), parsed)
}

func TestParseToken_RejectsAnyChange(t *testing.T) {
	text := testToken().String()
	for i := range text {
		for _, c := range "0a. " {
			changed := text[:i] + string(c) + text[i+1:]
			if changed == text {
				continue
			}
			_, err := ParseToken(changed)
			assert.ErrorContains(t, err, "invalid ledger token", changed)
		}
		_, err := ParseToken(text[:i])
		assert.Error(t, err, "truncated: %s", text[:i])
	}
	for _, other := range []string{
		" " + text, text + "\n", text + "." + text, strings.ToUpper(text),
		strings.Replace(text, ".1000.", ".01000.", 1),
	} {
		_, err := ParseToken(other)
		assert.Error(t, err, other)
	}
}

func TestParseToken_RejectsInvalidAcknowledgements(t *testing.T) {
	for want, change := range map[string]func(*Token){
		"want an epoch from 1 to 99999": func(t *Token) { t.Ack.Seq = 0 },
		"record size 1":                 func(t *Token) { t.RecordSize = 1 },
		"journal id":                    func(t *Token) { t.ID = "etc" },
	} {
		token := testToken()
		change(&token)
		_, err := ParseToken(token.String())
		assert.ErrorContains(t, err, want)
	}
}
