package pki

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func leaf(t *testing.T, pair Pair) *x509.Certificate {
	t.Helper()
	loaded, err := tls.LoadX509KeyPair(pair.Cert, pair.Key)
	require.NoError(t, err)
	return loaded.Leaf
}

func pool(t *testing.T, a *Authority) *x509.CertPool {
	t.Helper()
	content, err := os.ReadFile(a.CertFile())
	require.NoError(t, err)
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(content))
	return roots
}

func TestServer_IsTrustedOnlyByItsOwnAuthority(t *testing.T) {
	dir := t.TempDir()
	ours, err := NewAuthority(dir, "ca")
	require.NoError(t, err)
	theirs, err := NewAuthority(dir, "other")
	require.NoError(t, err)
	pair, err := ours.Server("api", []string{"kubernetes"}, "10.0.0.1")
	require.NoError(t, err)
	cert := leaf(t, pair)

	_, err = cert.Verify(x509.VerifyOptions{Roots: pool(t, ours), DNSName: "kubernetes"})
	assert.NoError(t, err)
	_, err = cert.Verify(x509.VerifyOptions{Roots: pool(t, ours), DNSName: "10.0.0.1"})
	assert.NoError(t, err)
	_, err = cert.Verify(x509.VerifyOptions{Roots: pool(t, ours), DNSName: "10.0.0.2"})
	assert.Error(t, err)
	_, err = cert.Verify(x509.VerifyOptions{Roots: pool(t, theirs), DNSName: "kubernetes"})
	assert.Error(t, err)
}

func TestClient_IsNeitherAServerNorAnAuthority(t *testing.T) {
	a, err := NewAuthority(t.TempDir(), "ca")
	require.NoError(t, err)
	pair, err := a.Client("admin", "me", "system:masters")
	require.NoError(t, err)
	cert := leaf(t, pair)
	assert.Equal(t, "me", cert.Subject.CommonName)
	assert.Equal(t, []string{"system:masters"}, cert.Subject.Organization)
	assert.False(t, cert.IsCA)
	_, err = cert.Verify(x509.VerifyOptions{Roots: pool(t, a), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	assert.Error(t, err)
	_, err = cert.Verify(x509.VerifyOptions{Roots: pool(t, a), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	assert.NoError(t, err)
}

func TestClient_WritesAKeyThatOnlyItsOwnerCanRead(t *testing.T) {
	a, err := NewAuthority(t.TempDir(), "ca")
	require.NoError(t, err)
	pair, err := a.Client("admin", "me")
	require.NoError(t, err)
	info, err := os.Stat(pair.Key)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

func TestServer_RejectsAnInvalidAddress(t *testing.T) {
	a, err := NewAuthority(t.TempDir(), "ca")
	require.NoError(t, err)
	_, err = a.Server("api", nil, "kubernetes")
	assert.ErrorContains(t, err, `"kubernetes" is not an IP address`)
}

// The certificates of a node that is added later must be of the authority that the others trust.
func TestLoadAuthority_SignsAsTheOneThatWasMade(t *testing.T) {
	dir := t.TempDir()
	made, err := NewAuthority(dir, "ca")
	require.NoError(t, err)
	loaded, err := LoadAuthority(dir, "ca")
	require.NoError(t, err)
	pair, err := loaded.Client("later", "user")
	require.NoError(t, err)
	own, err := tls.LoadX509KeyPair(pair.Cert, pair.Key)
	require.NoError(t, err)
	require.NoError(t, own.Leaf.CheckSignatureFrom(made.cert))
	_, err = LoadAuthority(dir, "other")
	require.ErrorContains(t, err, "other")
}
