package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// validity of certificates: longer than a cluster for tests lives.
const validity = 30 * 24 * time.Hour

// pair is a certificate with its key, both in PEM.
type pair struct {
	certificate []byte
	key         []byte
}

// authority signs. The API server's own self-signed certificate (--cert-dir) is no substitute: strict clients refuse a leaf that
// is its own authority.
type authority struct {
	pair
	parsed *x509.Certificate
	signer *ecdsa.PrivateKey
}

func newAuthority(name string) (*authority, error) {
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: name},
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	made, err := sign(template, template, signer, signer)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(made.certificate)
	parsed, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, err
	}
	return &authority{pair: made, parsed: parsed, signer: signer}, nil
}

// client makes a certificate for a user in groups, as Kubernetes reads them: common name and organisations.
func (a *authority) client(user string, groups ...string) (pair, error) {
	return a.leaf(&x509.Certificate{
		Subject:     pkix.Name{CommonName: user, Organization: groups},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
}

// server makes a certificate for the loopback and for the names by which pods know the API server.
func (a *authority) server() (pair, error) {
	return a.leaf(&x509.Certificate{
		Subject:     pkix.Name{CommonName: "kube-apiserver"},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:    []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv4(10, 96, 0, 1)},
	})
}

func (a *authority) leaf(template *x509.Certificate) (pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pair{}, err
	}
	return sign(template, a.parsed, key, a.signer)
}

func sign(template, parent *x509.Certificate, key, signer *ecdsa.PrivateKey) (pair, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return pair{}, err
	}
	template.SerialNumber = serial
	// Clocks are set while machines start.
	template.NotBefore = time.Now().Add(-time.Hour)
	template.NotAfter = time.Now().Add(validity)
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		return pair{}, err
	}
	encoded, err := encodeKey(key)
	if err != nil {
		return pair{}, err
	}
	return pair{certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), key: encoded}, nil
}

// encodeKey writes SEC 1, not PKCS #8: of private keys, --service-account-key-file reads no other kind.
func encodeKey(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), nil
}

// pki is what the servers and their clients are known by.
type pki struct {
	folder string
	// authority of servers and clients.
	authority *authority
	serving   pair
	admin     pair
	manager   pair
}

// newPKI makes everything and writes what the servers read, into folder.
func newPKI(folder string) (*pki, error) {
	made := &pki{folder: folder}
	steps := []func() error{
		func() (err error) { made.authority, err = newAuthority("windlass-cluster"); return },
		func() (err error) { made.serving, err = made.authority.server(); return },
		func() (err error) { made.admin, err = made.authority.client("admin", "system:masters"); return },
		func() (err error) {
			made.manager, err = made.authority.client("system:kube-controller-manager")
			return
		},
		func() error { return made.write("ca", made.authority.pair) },
		func() error { return made.write("serving", made.serving) },
		made.frontProxy,
		made.serviceAccounts,
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return made, nil
}

// frontProxy is how the API server proves itself to aggregated APIs: an authority of its own, or every client certificate could
// speak for anybody.
func (p *pki) frontProxy() error {
	authority, err := newAuthority("windlass-front-proxy")
	if err != nil {
		return err
	}
	client, err := authority.client(frontProxyName)
	if err != nil {
		return err
	}
	if err := p.write("front-proxy-ca", authority.pair); err != nil {
		return err
	}
	return p.write("front-proxy", client)
}

// serviceAccounts makes the key that signs their tokens, without a certificate.
func (p *pki) serviceAccounts() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	encoded, err := encodeKey(key)
	if err != nil {
		return err
	}
	return os.WriteFile(p.key("service-accounts"), encoded, 0o600)
}

func (p *pki) write(name string, made pair) error {
	if err := os.WriteFile(p.certificate(name), made.certificate, 0o600); err != nil {
		return err
	}
	return os.WriteFile(p.key(name), made.key, 0o600)
}

func (p *pki) certificate(name string) string { return filepath.Join(p.folder, name+".crt") }

func (p *pki) key(name string) string { return filepath.Join(p.folder, name+".key") }
