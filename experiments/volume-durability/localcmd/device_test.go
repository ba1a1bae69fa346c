//go:build linux

package localcmd

import (
	"bytes"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/volume-durability/volume-durability/tests/loopdevice"
)

const mib = 1 << 20

// usedDevice returns a device with data at its beginning, and the data.
func usedDevice(t *testing.T, size int64) (device string, data []byte) {
	t.Helper()
	device, data = loopdevice.New(t, size), bytes.Repeat([]byte("data"), 1024)
	require.NoError(t, os.WriteFile(device, data, 0o600))
	return device, data
}

func TestLocal_ChecksTheSizeOfADeviceBeforeItIsOverwritten(t *testing.T) {
	device, data := usedDevice(t, mib)
	text := mistakes(t, device, "--overwrite", device, "--write-pattern", "overwrite", "--write-objects", "5000")
	assert.Contains(t, text, device+" has 1048576 bytes, but 5000 objects of 256 bytes need 1280000: "+
		"want a larger device, or a lower --write-objects or --record-size")
	content, err := os.ReadFile(device)
	require.NoError(t, err)
	assert.True(t, bytes.HasPrefix(content, data), "nothing was written")
}

func TestLocal_RejectsADeviceThatIsNotBlank(t *testing.T) {
	device, data := usedDevice(t, mib)
	blank := device + " is not blank: its first MiB contains data"
	assert.Equal(t, fmt.Sprintf("%s. To overwrite the whole device with zeros first, add --overwrite %s", blank, device),
		mistakes(t, device))
	assert.Equal(t, blank, mistakes(t, "write", device, "--acks", "-"))
	content, err := os.ReadFile(device)
	require.NoError(t, err)
	assert.True(t, bytes.HasPrefix(content, data), "nothing was written")
}

func TestLocal_RejectsADeviceInUseWithoutNamingOverwrite(t *testing.T) {
	device, _ := usedDevice(t, mib)
	holder, err := os.OpenFile(device, os.O_RDONLY|unix.O_EXCL, 0)
	require.NoError(t, err)
	defer holder.Close()
	text := mistakes(t, device)
	assert.Contains(t, text, "the device is in use")
	assert.NotContains(t, text, "--overwrite")
}
