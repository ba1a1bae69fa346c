package judge

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/volume-durability/volume-durability/tests/generated"
)

func TestClassOfError(t *testing.T) {
	for err, want := range map[error]Class{
		fmt.Errorf("opening: %w", syscall.EROFS):        ReadOnly,
		fmt.Errorf("reading: %w", syscall.EIO):          Unavailable,
		fmt.Errorf("reading: %w", syscall.ESTALE):       Unavailable,
		fmt.Errorf("writing: %w", syscall.ECONNABORTED): Unavailable,
		fmt.Errorf("opening: %w", syscall.EACCES):       "",
		fmt.Errorf("opening: %w", syscall.ENOENT):       "",
		fmt.Errorf("writing: %w", syscall.ENOSPC):       "",
	} {
		assert.Equal(t, want, ClassOfError(err), err)
	}
	assert.Empty(t, ClassOfError(nil))
}

func TestClassOfError_EveryErrorOfTheTable(t *testing.T) {
	seen := map[syscall.Errno]bool{}
	for _, e := range errnoClasses() {
		assert.Equal(t, e.Class, ClassOfError(fmt.Errorf("reading: %w", e.Errno)), e.Name)
		assert.False(t, seen[e.Errno], "%s is in the table twice", e.Name)
		assert.NotEmpty(t, e.Source, e.Name)
		seen[e.Errno] = true
	}
}

func TestClassOfError_DocumentationListsTheErrors(t *testing.T) {
	var b strings.Builder
	b.WriteString("\n| error | class | which storage returns it |\n|---|---|---|\n")
	for _, e := range errnoClasses() {
		fmt.Fprintf(&b, "| `%s` | `%s` | %s |\n", e.Name, e.Class, e.Source)
	}
	b.WriteString("\n")
	generated.CheckSection(t, "../../docs/verdicts.md", "errors", b.String())
}
