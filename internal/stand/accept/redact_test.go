package main

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/trigger"
)

func TestRedactText(t *testing.T) {
	for name, tt := range map[string]struct{ in, want string }{
		"account":                        {"of 999988887777", "of 111122223333"},
		"the same account twice":         {"999988887777 and 999988887777", "111122223333 and 111122223333"},
		"two accounts":                   {"999988887777, 555566667777", "111122223333, 222233334444"},
		"account in a bucket's name":     {"cdk-x-assets-999988887777-eu-west-1", "cdk-x-assets-111122223333-eu-west-1"},
		"13 digits are no account":       {"1764277777123", "1764277777123"},
		"role, with path":                {"arn:aws:iam::999988887777:role/team/Deployer is", "arn:aws:iam::111122223333:role/Example is"},
		"session":                        {"User: arn:aws:sts::999988887777:assumed-role/Admin/jane@acme.com is not", "User: arn:aws:sts::111122223333:assumed-role/Example/session is not"},
		"user of another partition":      {"arn:aws-cn:iam::999988887777:user/jane", "arn:aws-cn:iam::111122223333:user/Example"},
		"ARN of a secret keeps its form": {"arn:aws:secretsmanager:eu-west-1:999988887777:secret:ecr-pullthroughcache/hub-AbCdEf", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/hub-AbCdEf"},
		"IPv4":                           {"from 198.51.100.7:443", "from 203.0.113.1:443"},
		"IPv6":                           {"from 2600:1f18:abcd::17,", "from 2001:db8::1,"},
		"IPv4 in IPv6":                   {"::ffff:198.51.100.7", "2001:db8::1"},
		"host name of EC2":               {"ip-10-0-12-7.ec2.internal", "ip-203-0-113-1.ec2.internal"},
		"time of day is no address":      {"Nov 21, 2026 10:49:31 PM", "Nov 21, 2026 10:49:31 PM"},
		"ARN with empty parts":           {"arn:aws:s3:::abc", "arn:aws:s3:::abc"},
		"access key":                     {"AKIAIOSFODNN7EXAMPLE", "AKIAEXAMPLEEXAMPLE001"},
		"request":                        {"id 0eca4267-e1d3-5363-9692-9e03bee09c6b.", "id eeeeeeee-eeee-4eee-8eee-eeeeeeee0001."},
		"mail address":                   {"by jane.doe@acme.com", "by user@example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := newRedactor().text(tt.in); got != tt.want {
				t.Errorf("redacted %q to %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

func TestRedactEvent(t *testing.T) {
	const in = `{"account":"999988887777","id":"0978b7f5-7ab3-5b64-a54f-33fb3747ee02","detail":{
		"userIdentity":{"type":"AssumedRole","principalId":"AROAQWERTYUIOPASDFGHJ:jane","arn":"arn:aws:sts::999988887777:assumed-role/Deployer/jane",
			"accountId":"999988887777","accessKeyId":"ASIAQWERTYUIOPASDFGH","onBehalfOf":{"userId":"jane.of.acme"},
			"sessionContext":{"sessionIssuer":{"type":"Role","userName":"Deployer"},"attributes":{"mfaAuthenticated":"true"}}},
		"sourceIPAddress":"198.51.100.7","userAgent":"aws-cli/2.31 md/host#janes-laptop","requestID":"not-a-uuid","recordSize":999988887777,
		"errorMessage":"jane may not use Deployer; janette may","requestParameters":{"ecrRepositoryPrefix":"docker-hub"}}}`
	got, err := newRedactor().event([]byte(in))
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(got, &v); err != nil {
		t.Fatal(err)
	}
	const account = "111122223333"
	want := map[string]any{
		"account": account, "id": "eeeeeeee-eeee-4eee-8eee-eeeeeeee0002",
		"detail": map[string]any{
			"userIdentity": map[string]any{
				"type": "AssumedRole", "principalId": "AROAEXAMPLEEXAMPLE001:session", "arn": "arn:aws:sts::" + account + ":assumed-role/Example/session",
				"accountId": account, "accessKeyId": "ASIAEXAMPLEEXAMPLE001", "onBehalfOf": map[string]any{"userId": "example"},
				"sessionContext": map[string]any{
					"sessionIssuer": map[string]any{"type": "Role", "userName": "example"},
					"attributes":    map[string]any{"mfaAuthenticated": "true"},
				},
			},
			"sourceIPAddress": "203.0.113.1", "userAgent": "aws-cli", "requestID": "eeeeeeee-eeee-4eee-8eee-eeeeeeee0001", "recordSize": 111122223333.0,
			"errorMessage": "example may not use example; janette may", "requestParameters": map[string]any{"ecrRepositoryPrefix": "docker-hub"},
		},
	}
	if diff := cmp.Diff(want, v); diff != "" {
		t.Errorf("event (-want +got)\n%s", diff)
	}
	if _, err := newRedactor().event([]byte(`{"a":`)); err == nil {
		t.Error("no error for an event that is cut off")
	}
}

// The sample events stay readable: the auditor decodes the redacted event to the
// same call, kind and prefix.
func TestRedactedEventsDecode(t *testing.T) {
	for _, name := range []string{"create", "create-ecr", "update", "delete", "secret"} {
		raw, err := os.ReadFile(filepath.Join("..", "..", "..", "functions", "audit", "events", name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		redacted, err := newRedactor().event(raw)
		if err != nil {
			t.Fatal(err)
		}
		before, err := trigger.Decode(raw)
		if err != nil {
			t.Fatal(err)
		}
		after, err := trigger.Decode(redacted)
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, redacted)
			continue
		}
		if after.Trigger.Call == "" || after.Trigger.Call != before.Trigger.Call || after.Trigger.Kind != before.Trigger.Kind || after.Trigger.Prefix != before.Trigger.Prefix {
			t.Errorf("%s is %+v after redaction, want %+v", name, after.Trigger, before.Trigger)
		}
	}
}

// Whatever surrounds them, an account, a principal's name and an IP address do
// not survive.
func FuzzRedact(f *testing.F) {
	f.Add(uint64(999988887777), "jane", "Admin", []byte{198, 51, 100, 7}, "User: ")
	f.Add(uint64(0), "a", "b/c", []byte{0x26, 0, 0x1f, 0x18, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x17}, "12:34:")
	f.Add(uint64(111122223333), "x@y", "", []byte{10, 0, 0, 1}, "10.0.")
	f.Fuzz(func(t *testing.T, number uint64, person, role string, address []byte, around string) {
		account := pad(number)
		name := func(s string) string { // no real text contains it
			return "Zq9" + strings.Map(func(c rune) rune {
				if strings.ContainsRune("abcdefghijklmnopqrstuvwxyz+=,.@-", c) {
					return c
				}
				return -1
			}, s) + "9qZ"
		}
		person, role = name(person), name(role)
		ip, ok := netip.AddrFromSlice(address)
		if !ok {
			ip = netip.AddrFrom4([4]byte{198, 51, 100, 7})
		}
		// Loopback and other addresses of one group identify no one.
		if ip.Is6() && len(strings.FieldsFunc(ip.String(), func(c rune) bool { return c == ':' })) < 2 {
			return
		}
		session := "arn:aws:sts::" + account + ":assumed-role/" + role + "/" + person
		separated := around + " "
		raw, err := json.Marshal(map[string]any{
			separated + account: 1, "account": account, "list": []string{separated + session, separated + ip.String(), separated + account},
			"detail": map[string]any{
				"userIdentity": map[string]any{
					"arn": session, "userName": person, "accountId": account, "principalId": "AROAQWERTYUIOPASDFGHJ:" + person, "other": []string{role, around + person},
					"sessionContext": map[string]any{"sessionIssuer": map[string]any{"userName": role}},
				},
				"sourceIPAddress": ip.String(), "errorMessage": separated + person + " as " + role + " from " + ip.String(), "userAgent": "cli/" + person,
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		r := newRedactor()
		event, err := r.event(raw)
		if err != nil {
			t.Fatal(err)
		}
		for _, out := range []string{string(event), r.text(separated + person + " " + session + " " + ip.String() + " " + account)} {
			// Text around them can hold an example by chance.
			for _, secret := range []string{account, person, role, ip.String()} {
				if strings.Contains(out, secret) && !strings.Contains("111122223333 222233334444 333344445555 444455556666 "+around, secret) && !isExample(secret) {
					t.Errorf("%q survived in\n%s", secret, out)
				}
			}
		}
	})
}

// isExample is true for addresses of the ranges that are replacements.
func isExample(s string) bool {
	return strings.HasPrefix(s, "203.0.113.") || strings.HasPrefix(s, "2001:db8::")
}

// pad writes a number with exactly twelve digits.
func pad(n uint64) string { return fmt.Sprintf("%012d", n%1e12) }
