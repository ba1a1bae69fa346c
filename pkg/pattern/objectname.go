package pattern

import (
	"fmt"
	"regexp"
	"strconv"

	"github.com/volume-durability/volume-durability/pkg/journal"
)

// objectName matches the names of files that are objects: file-NUMBER, or file-EPOCH-SEQUENCE for a file that one
// operation creates.
var objectName = regexp.MustCompile(`^file-(?:(\d{5})-)?(\d{7}|\d{12})$`)

// ObjectName returns the name of an object for people. For an object that is a file, it is the name of the file.
func (m Model) ObjectName(o journal.Object) string {
	switch {
	case o.Epoch > 0:
		return fmt.Sprintf("file-%05d-%012d", o.Epoch, o.Number)
	case m.IsSlot(o):
		return fmt.Sprintf("slot %d", o.Number)
	default:
		return fmt.Sprintf("file-%07d", o.Number)
	}
}

// IsObjectName reports whether a file name may be that of an object.
func IsObjectName(name string) bool { return objectName.MatchString(name) }

// ParseObjectName returns the object with a file name.
func (m Model) ParseObjectName(name string) (journal.Object, bool) {
	parts := objectName.FindStringSubmatch(name)
	if parts == nil {
		return journal.Object{}, false
	}
	epoch, _ := strconv.Atoi(parts[1]) // 0 if the name has no epoch
	number, err := strconv.ParseUint(parts[2], 10, 64)
	o := journal.Object{Epoch: epoch, Number: number}
	return o, err == nil && m.ObjectName(o) == name && (epoch > 0) != m.PatternOf(o).SharesObjects() &&
		(epoch > 0 || number < m.Objects)
}
