package pki

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func issue(t *testing.T, request Request) (leaf *x509.Certificate, roots *x509.CertPool) {
	t.Helper()
	dir := t.TempDir()
	authority, err := NewAuthority("test", In(dir, "ca"))
	if err != nil {
		t.Fatal(err)
	}
	if err := authority.Issue(request, In(dir, "leaf")); err != nil {
		t.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(In(dir, "leaf").Cert, In(dir, "leaf").Key)
	if err != nil {
		t.Fatal(err)
	}
	if leaf, err = x509.ParseCertificate(pair.Certificate[0]); err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(In(dir, "ca").Cert)
	if err != nil {
		t.Fatal(err)
	}
	roots = x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	return leaf, roots
}

func TestServerCertificateVerifiesForItsNamesOnly(t *testing.T) {
	leaf, roots := issue(t, Request{CommonName: "kube-apiserver",
		DNSNames: []string{"kubernetes.default.svc"}, IPs: []net.IP{net.ParseIP("10.96.1.1")}})
	for host, valid := range map[string]bool{
		"kubernetes.default.svc": true, "10.96.1.1": true, "example.com": false, "10.96.1.2": false,
	} {
		_, err := leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: host})
		if (err == nil) != valid {
			t.Errorf("%s: %v, want valid %v", host, err, valid)
		}
	}
}

func TestClientCertificateIsNoServerCertificate(t *testing.T) {
	leaf, roots := issue(t, Request{CommonName: "admin", Organizations: []string{"system:masters"}})
	client := []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: client}); err != nil {
		t.Errorf("as a client: %v", err)
	}
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots}); err == nil {
		t.Error("accepted as a server")
	}
	if got := leaf.Subject.Organization; len(got) != 1 || got[0] != "system:masters" {
		t.Errorf("Organization = %v", got)
	}
}

func TestCertificatesOutliveAForgottenCluster(t *testing.T) {
	leaf, roots := issue(t, Request{CommonName: "etcd", DNSNames: []string{"localhost"}})
	for _, when := range []time.Time{time.Now().Add(-30 * time.Minute), time.Now().AddDate(9, 0, 0)} {
		if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: when}); err != nil {
			t.Errorf("at %s: %v", when, err)
		}
	}
}

func TestOneAuthorityDoesNotVouchForAnother(t *testing.T) {
	leaf, _ := issue(t, Request{CommonName: "a", DNSNames: []string{"localhost"}})
	_, others := issue(t, Request{CommonName: "b"})
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: others}); err == nil {
		t.Error("accepted by an authority that did not sign it")
	}
}

func TestPrivateKeysAreForTheOwnerOnly(t *testing.T) {
	dir := t.TempDir()
	private, public := filepath.Join(dir, "sa.key"), filepath.Join(dir, "sa.pub")
	if err := NewKeyPair(private, public); err != nil {
		t.Fatal(err)
	}
	if _, err := NewAuthority("test", In(dir, "ca")); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{private, In(dir, "ca").Key} {
		info, err := os.Stat(file)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v", file, info.Mode(), err)
		}
	}
}
