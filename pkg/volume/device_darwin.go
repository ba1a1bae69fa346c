package volume

// OpenExclusive returns an error if a path is a block device (see CheckDevice). It returns
// nil and no error if it is not.
func OpenExclusive(path string) (*File, error) { return nil, CheckDevice(path) }

// Blank returns an error if a path is a block device (see CheckDevice).
func Blank(path string) error { return CheckDevice(path) }
