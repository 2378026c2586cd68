package e2e_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"ptcaudit/internal/handler"
	"ptcaudit/internal/report"
)

// enforced is a cloud that enforces IAM: every call must be signed, and functions
// have only the permissions of their roles. It requires TLS.
var enforced = options{enforceIAM: true}

// certify writes a certificate of the loopback's address, and its key.
func (w *world) certify() (certificate, key string) {
	w.t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	w.must(err)
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ptcaudit e2e"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	w.must(err)
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	w.must(err)
	certificate, key = filepath.Join(w.dir, "certificate.pem"), filepath.Join(w.dir, "key.pem")
	w.must(os.WriteFile(certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	w.must(os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600))
	return certificate, key
}

// rolePolicy is the IAM policy of the function's role.
type rolePolicy struct {
	role, name string
	Version    string
	Statement  []statement
}

type statement struct {
	Effect   string
	Action   any
	Resource any
}

func (s statement) actions() []string {
	switch a := s.Action.(type) {
	case string:
		return []string{a}
	case []any:
		out := make([]string, len(a))
		for i := range a {
			out[i] = fmt.Sprint(a[i])
		}
		return out
	default:
		return nil
	}
}

// role reads what the function may do.
func (w *world) role() rolePolicy {
	w.t.Helper()
	var p rolePolicy
	var function struct{ Role string }
	w.aws(&function, "lambda", "get-function-configuration", "--function-name", w.outputs["Function"])
	p.role = filepath.Base(function.Role)
	var names struct{ PolicyNames []string }
	w.aws(&names, "iam", "list-role-policies", "--role-name", p.role)
	if len(names.PolicyNames) != 1 {
		w.t.Fatalf("the role has the policies %v, want one", names.PolicyNames)
	}
	p.name = names.PolicyNames[0]
	var document struct{ PolicyDocument *rolePolicy }
	document.PolicyDocument = &p
	w.aws(&document, "iam", "get-role-policy", "--role-name", p.role, "--policy-name", p.name)
	return p
}

// grant gives the function's role the permissions of p, without some actions.
func (w *world) grant(p rolePolicy, without ...string) {
	w.t.Helper()
	statements := p.Statement
	p.Statement = nil
	for _, s := range statements {
		left := slices.DeleteFunc(s.actions(), func(a string) bool { return slices.Contains(without, a) })
		if len(left) > 0 {
			p.Statement = append(p.Statement, statement{s.Effect, left, s.Resource})
		}
	}
	document, err := json.Marshal(p)
	w.must(err)
	w.aws(nil, "iam", "put-role-policy", "--role-name", p.role, "--policy-name", p.name, "--policy-document", string(document))
}

// leastPrivilege: the function's permissions are enough, and it notices if one is
// missing. The local cloud does not check the permissions with which Lambda polls
// the queue; the tests of the template do.
func leastPrivilege(t *testing.T, w *world) {
	const rootRule = `{"ecrRepositoryPrefix": "ROOT", "upstreamRegistryUrl": "public.ecr.aws"}`
	w.untilSettled()
	w.create("quay", "quay.io")
	w.await(everything, settle, says(report.Failed, quayFails), by("CreatePullThroughCacheRule", "quay"))
	w.eventually(settle, "acknowledged", func() (bool, string) {
		n := w.count("RequestsQueue")
		return n.all() == 0, fmt.Sprintf("%+v", n)
	})
	for w.receive(everything, 0) != nil {
		continue
	}
	given := w.role()

	w.grant(given, "sns:Publish")
	w.emulate(fixture{rules: []string{quayRule, rootRule}})
	w.ask()
	w.eventually(settle, "not published", func() (bool, string) {
		n := w.lines(func(l line) bool { return l.Msg == handler.LogNotPublished })
		return len(n) > 0, fmt.Sprint(n)
	})
	for _, l := range w.lines(func(l line) bool { return l.Msg == handler.LogNotPublished }) {
		if l.Reason != "message not published: denied AuthorizationError" {
			t.Errorf("reason: %s", l.Reason)
		}
	}
	if n := w.count("RequestsQueue"); n.all() != 1 {
		t.Errorf("acknowledged: %+v", n)
	}
	w.grant(given)
	w.await(everything, settle, says(report.Failed, "root-prefix of ROOT"))

	// The stores cannot be read or written: everything is notified again, with the reason.
	for _, action := range []string{"s3:GetObject", "s3:PutObject"} {
		w.grant(given, action)
		w.ask()
		m := w.await(everything, settle, says(report.CouldNotAudit, quayFails, "root-prefix of ROOT"))
		w.expect(m, action)
	}
	w.grant(given)

	w.visibility(15 * time.Second)
	w.grant(given, "sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:ReceiveMessage", "sqs:GetQueueAttributes")
	w.emulate(fixture{rules: []string{quayRule, rootRule}, hub: "rejected", faults: []string{throttledFault(3)}})
	w.ask()
	w.eventually(settle, "it could not be put back", func() (bool, string) {
		n := w.lines(func(l line) bool { return l.Kind == "denied" })
		return len(n) > 0, fmt.Sprint(n)
	})
	if n := w.count("RequestsQueue"); n.all() != 1 {
		t.Errorf("acknowledged: %+v", n)
	}
	// After the queue's own time, then.
	w.await(everything, settle, says(report.Failed, hubFails))
}
