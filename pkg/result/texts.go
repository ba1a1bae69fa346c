package result

import "slices"

// EditTexts changes all sentences of the result that may tell a user what to do.
func (r Result) EditTexts(edit func(string) string) Result {
	r.Reason, r.NotRemoved = edit(r.Reason), edit(r.NotRemoved)
	r.Cells = slices.Clone(r.Cells)
	for i := range r.Cells {
		r.Cells[i] = r.Cells[i].EditTexts(edit)
	}
	return r
}

// EditTexts changes all sentences of the cell that may tell a user what to do.
func (c Cell) EditTexts(edit func(string) string) Cell {
	c.Reason = edit(c.Reason)
	c.Provenance.NotReachedReason = edit(c.Provenance.NotReachedReason)
	c.Findings = slices.Clone(c.Findings)
	for i := range c.Findings {
		c.Findings[i].Detail = edit(c.Findings[i].Detail)
	}
	c.Notes, c.NotShown = slices.Clone(c.Notes), slices.Clone(c.NotShown)
	for _, texts := range [][]string{c.Notes, c.NotShown} {
		for i := range texts {
			texts[i] = edit(texts[i])
		}
	}
	return c
}
