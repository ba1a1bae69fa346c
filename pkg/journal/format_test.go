package journal

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestParseDigits_ReturnsTheNumber(t *testing.T) {
	for digits := 1; digits <= 8; digits++ {
		text := "98765432"[8-digits:]
		for _, before := range []string{"xxxxxxxx", "\xff\xff\xff\xff\xff\xff\xff\xff", "\x00\x00\x00\x00\x00\x00\x00\x00"} {
			v, bad := parseDigits([]byte(before+text), digits)
			assert.Equal(t, text, fmt.Sprint(v))
			assert.Zero(t, bad)
		}
	}
	for _, text := range []string{"000000000042", "999999999999", "00000000010752", "123456789"} {
		v, bad := parseDecimal([]byte("xxxxxxxx"+text), len(text))
		assert.Equal(t, text, fmt.Sprintf("%0*d", len(text), v))
		assert.Zero(t, bad)
	}
}

func TestParseDigits_RejectsOtherBytes(t *testing.T) {
	for i := range 12 {
		for c := range 256 {
			text := []byte("xxxxxxxx987654321098")
			text[8+i] = byte(c)
			_, bad := parseDecimal(text, 12)
			assert.Equal(t, isDigit(byte(c)), bad == 0, "byte %d is %d", i, c)
		}
	}
}

func TestParseChecksum_RejectsOtherBytes(t *testing.T) {
	for i := range checksumDigits {
		for c := range 256 {
			text := []byte("09afe4b7")
			text[i] = byte(c)
			_, ok := parseChecksum(text)
			assert.Equal(t, isDigit(byte(c)) || c >= 'a' && c <= 'f', ok, "byte %d is %d", i, c)
		}
	}
}
