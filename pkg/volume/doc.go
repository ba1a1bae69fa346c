// Package volume accesses the place on a volume that holds a journal: a file, or a raw
// block device. It opens, reads and syncs the journal, and returns the mount that holds
// it. The package does not depend on records or Kubernetes.
package volume

// FolderPrefix is the prefix of the name of a run's own folder on an existing volume. Remove
// keeps the folder of a journal if the name of the folder does not begin with this prefix.
const FolderPrefix = "volume-durability-"
