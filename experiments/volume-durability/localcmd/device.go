//go:build linux || darwin

package localcmd

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/volume-durability/volume-durability/pkg/local"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/pattern"
	"github.com/volume-durability/volume-durability/pkg/volume"
)

// checkDeviceSize returns an error if the objects of the write pattern do not fit on a block device.
func checkDeviceSize(device string, values options.Values) error {
	name := values.WritePatterns[0]
	if !name.HasObjects() {
		return nil
	}
	layout := values.Layout(options.CellSpec{WritePattern: name})
	model, err := pattern.NewModel(local.Format("", values.RecordSize), layout)
	if err != nil {
		return err
	}
	need := model.Size(values.RecordSize)
	has, err := volume.DeviceSize(device)
	if err != nil {
		return fmt.Errorf("looking up the size of %s: %w", device, err)
	}
	if has < need {
		return fmt.Errorf("%s has %d bytes, but %d objects of %d bytes need %d: want a larger device, or a lower "+
			"--write-objects or --record-size", device, has, model.Objects, values.RecordSize, need)
	}
	return nil
}

// notBlankError is the error for a device with data at its beginning.
type notBlankError struct{ device string }

func (e notBlankError) Error() string {
	return e.device + " is not blank: its first MiB contains data"
}

func (notBlankError) Is(target error) bool { return target == fs.ErrExist }

// checkBlank returns an error unless a block device is blank and not in use.
func checkBlank(device string) error {
	file, err := volume.Create(device)
	if errors.Is(err, fs.ErrExist) {
		return notBlankError{device}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", device, err)
	}
	return file.Close()
}
