package pattern

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/journal"
)

// BenchmarkScanner checks a slot of a file in the order of the slots.
func BenchmarkScanner(b *testing.B) {
	for _, size := range []int{256, 4096, 16384} {
		b.Run(fmt.Sprintf("%d bytes", size), func(b *testing.B) {
			const objects = 4096
			sized := journal.Format{ID: format.ID, RecordSize: size}
			model, err := NewModel(sized, NewLayout(Overwrite, objects))
			require.NoError(b, err)
			operations, err := NewEncoder(sized, model, 1)
			require.NoError(b, err)
			contents := make([][]byte, objects)
			batch, _ := operations.Next(objects, time.Now)
			for _, op := range batch {
				contents[op.Object.Number] = op.Content
			}
			b.SetBytes(int64(size) * objects)
			for b.Loop() {
				s := NewScanner(sized, model, nil)
				for number, content := range contents {
					s.Add(journal.Object{Number: uint64(number)}, content)
				}
				s.Report()
			}
		})
	}
}
