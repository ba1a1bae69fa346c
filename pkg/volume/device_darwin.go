package volume

// OpenExclusive returns an error if a path is a block device (see CheckDevice). It returns
// nil and no error if it is not.
func OpenExclusive(path string) (*File, error) { return nil, CheckDevice(path) }

// ZeroDevice returns an error if a path is a block device (see CheckDevice).
func ZeroDevice(path string) error { return CheckDevice(path) }
