// Package volume accesses the place on a volume that holds a journal: a file, or a raw
// block device. It opens, reads and syncs the journal, and returns the mount that holds
// it. The package does not depend on records or Kubernetes.
package volume

// FolderPrefix is the prefix of the name of a run's own folder on an existing volume. Remove
// removes no folder around a journal that has another name.
const FolderPrefix = "volume-durability-"
