// Package pki makes the cluster's certificate authorities and the certificates that they sign.
package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// lifetime is far longer than a throw-away cluster's.
const lifetime = 30 * 24 * time.Hour

// Authority signs certificates. Its own is NAME.crt in its folder.
type Authority struct {
	dir  string
	name string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// NewAuthority makes an authority and writes its certificate and its key.
func NewAuthority(dir, name string) (*Authority, error) {
	key, err := writeKey(filepath.Join(dir, name+".key"))
	if err != nil {
		return nil, fmt.Errorf("making the key of authority %s: %w", name, err)
	}
	template := certificate(pkix.Name{CommonName: "volume-durability test cluster " + name})
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("signing authority %s: %w", name, err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	a := &Authority{dir: dir, name: name, cert: cert, key: key}
	return a, writePEM(a.CertFile(), "CERTIFICATE", der)
}

// LoadAuthority returns an authority that was made before.
func LoadAuthority(dir, name string) (*Authority, error) {
	a := &Authority{dir: dir, name: name}
	pair, err := tls.LoadX509KeyPair(a.CertFile(), filepath.Join(dir, name+".key"))
	if err != nil {
		return nil, fmt.Errorf("loading authority %s: %w", name, err)
	}
	key, isECDSA := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !isECDSA {
		return nil, fmt.Errorf("loading authority %s: its key is a %T", name, pair.PrivateKey)
	}
	a.cert, a.key = pair.Leaf, key
	return a, nil
}

// CertFile is the path of the authority's certificate.
func (a *Authority) CertFile() string { return filepath.Join(a.dir, a.name+".crt") }

// Pair is the paths of a certificate and its key.
type Pair struct{ Cert, Key string }

// Client signs a certificate with which to authenticate as a user in groups.
func (a *Authority) Client(file, user string, groups ...string) (Pair, error) {
	template := certificate(pkix.Name{CommonName: user, Organization: groups})
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	return a.sign(file, template)
}

// Server signs a certificate for names and addresses.
func (a *Authority) Server(file string, names []string, addresses ...string) (Pair, error) {
	template := certificate(pkix.Name{CommonName: file})
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	template.DNSNames = names
	for _, address := range addresses {
		ip := net.ParseIP(address)
		if ip == nil {
			return Pair{}, fmt.Errorf("certificate %s: %q is not an IP address", file, address)
		}
		template.IPAddresses = append(template.IPAddresses, ip)
	}
	return a.sign(file, template)
}

func (a *Authority) sign(file string, template *x509.Certificate) (Pair, error) {
	pair := Pair{filepath.Join(a.dir, file+".crt"), filepath.Join(a.dir, file+".key")}
	key, err := writeKey(pair.Key)
	if err != nil {
		return pair, err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		return pair, fmt.Errorf("signing %s: %w", file, err)
	}
	return pair, writePEM(pair.Cert, "CERTIFICATE", der)
}

// KeyPair writes a key pair without a certificate: the one that signs service
// accounts' tokens. Cert is then the public key.
func KeyPair(dir, file string) (Pair, error) {
	pair := Pair{filepath.Join(dir, file+".pub"), filepath.Join(dir, file+".key")}
	key, err := writeKey(pair.Key)
	if err != nil {
		return pair, err
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return pair, err
	}
	return pair, writePEM(pair.Cert, "PUBLIC KEY", der)
}

func certificate(subject pkix.Name) *x509.Certificate {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		panic(err) // crypto/rand does not fail on Linux
	}
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: serial, Subject: subject,
		NotBefore: now.Add(-time.Minute), NotAfter: now.Add(lifetime),
		KeyUsage: x509.KeyUsageDigitalSignature,
	}
}

func writeKey(file string) (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making %s: %w", file, err)
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	return key, writePEM(file, "EC PRIVATE KEY", der)
}

func writePEM(file, kind string, der []byte) error {
	return os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
