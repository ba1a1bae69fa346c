package main

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/volume-durability/volume-durability/tests/cluster/layout"
)

func TestWithKubeconfig_ReplacesTheOneOfTheUser(t *testing.T) {
	environ := []string{"PATH=/bin", "KUBECONFIG=/home/user/config", "HOME=/root"}
	assert.Equal(t, []string{"PATH=/bin", "HOME=/root", "KUBECONFIG=" + layout.Kubeconfig}, withKubeconfig(environ))
	assert.Len(t, environ, 3)
	assert.Equal(t, "KUBECONFIG=/home/user/config", environ[1])
}
