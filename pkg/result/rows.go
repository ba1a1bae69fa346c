package result

// Rows returns the table of the run's cells as data: the titles of the columns, and the values of each cell. Values
// that are unknown are "-".
func (r Result) Rows() (titles []string, cells [][]string) {
	for _, c := range r.Cells {
		cells = append(cells, c.row())
	}
	return r.titles(), cells
}
