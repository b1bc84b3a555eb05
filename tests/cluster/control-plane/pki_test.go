package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"
)

func parse(t *testing.T, encoded []byte) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode(encoded)
	parsed, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func TestTheAuthorityVouchesForServerAndClients(t *testing.T) {
	p, err := newPKI(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(p.authority.certificate)
	for name, usage := range map[string]x509.ExtKeyUsage{"127.0.0.1": x509.ExtKeyUsageServerAuth, "localhost": x509.ExtKeyUsageServerAuth} {
		options := x509.VerifyOptions{Roots: roots, DNSName: name, KeyUsages: []x509.ExtKeyUsage{usage}}
		if _, err := parse(t, p.serving.certificate).Verify(options); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	admin := parse(t, p.admin.certificate)
	options := x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	if _, err := admin.Verify(options); err != nil || admin.Subject.Organization[0] != "system:masters" {
		t.Errorf("%v: %v", admin.Subject, err)
	}
	if parse(t, p.serving.certificate).IsCA {
		t.Error("the server is its own authority")
	}
	// Who speaks for anybody is not vouched for by those who vouch for clients.
	proxy, err := os.ReadFile(p.certificate("front-proxy"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parse(t, proxy).Verify(options); err == nil {
		t.Error("the front proxy is a client like others")
	}
}

func TestKeysAreForTheirOwnerOnly(t *testing.T) {
	folder := t.TempDir()
	p, err := newPKI(folder)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := filepath.Glob(filepath.Join(folder, "*.key"))
	if err != nil || len(keys) == 0 {
		t.Fatal(keys, err)
	}
	for _, key := range keys {
		if info, err := os.Stat(key); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", key, info.Mode(), err)
		}
	}
	if _, err := tls.LoadX509KeyPair(p.certificate("serving"), p.key("serving")); err != nil {
		t.Error(err)
	}
}
