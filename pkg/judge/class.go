package judge

import "slices"

// Class is the kind of a finding.
type Class string

// The classes of findings. Class.Description describes each of them.
const (
	Missing     Class = "missing"
	LostTail    Class = "lost-tail"
	LostGap     Class = "lost-gap"
	Corrupt     Class = "corrupt"
	Torn        Class = "torn"
	Reordered   Class = "reordered"
	Duplicated  Class = "duplicated"
	RolledBack  Class = "rolled-back"
	Stale       Class = "stale"
	Misdirected Class = "misdirected"
	Resurrected Class = "resurrected"
	Foreign     Class = "foreign"
	Unavailable Class = "unavailable"
	ReadOnly    Class = "read-only"
	// TooSlow is a finding about the speed of a volume, not about its data.
	TooSlow Class = "too-slow"
)

type classDescription struct {
	class       Class
	description string
}

// classDescriptions has the only description of each class. The documentation and the HTML report use it.
var classDescriptions = []classDescription{
	{Missing, "there is no journal, or it is empty; " +
		"or an object does not exist, is empty, or is a slot with only zeros"},
	{LostTail, "the last acknowledged records of an epoch are missing"},
	{LostGap, "acknowledged records are missing, but later records of the same epoch are present"},
	{Corrupt, "acknowledged records were replaced by other bytes or other records, " +
		"or there are unexpected bytes before or between them"},
	{Torn, "only the first part of an acknowledged record is present"},
	{Reordered, "acknowledged records are present, but not in the order in which they were written"},
	{Duplicated, "acknowledged records are present more than once"},
	{RolledBack, "an earlier writer read records that are missing now: the volume returned to an older state"},
	{Stale, "an object has an older record than the last acknowledged one"},
	{Misdirected, "an object has a record that was written to another object"},
	{Resurrected, "an object that was removed or renamed is present again"},
	{Foreign, "the journal contains records that this run did not write"},
	{Unavailable, "the volume, or a part of it, could not be mounted or read, " +
		"or it kept a writer or reader from terminating"},
	{ReadOnly, "the volume can no longer be written"},
	{TooSlow, "a figure, such as the slowest recovery, did not meet the threshold that an option sets"},
}

// Classes returns all classes in the order in which the documentation lists them.
func Classes() []Class {
	classes := make([]Class, 0, len(classDescriptions))
	for _, d := range classDescriptions {
		classes = append(classes, d.class)
	}
	return classes
}

// Description returns what a finding of the class means, as a sentence without capital and full stop. It is empty
// for an unknown class.
func (c Class) Description() string {
	i := slices.IndexFunc(classDescriptions, func(d classDescription) bool { return d.class == c })
	if i < 0 {
		return ""
	}
	return classDescriptions[i].description
}
