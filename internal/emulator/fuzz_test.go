package emulator_test

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"ptcaudit/internal/emulator"
)

// Whatever is sent, the answer is well-formed, and so is the event.
func FuzzRequest(f *testing.F) {
	const ecrTarget = "AmazonEC2ContainerRegistry_V20150921."
	f.Add(ecrTarget+"CreatePullThroughCacheRule", "application/x-amz-json-1.1", "", `{"ecrRepositoryPrefix":"quay","upstreamRegistryUrl":"quay.io"}`)
	f.Add(ecrTarget+"UpdatePullThroughCacheRule", "", "", `{"ecrRepositoryPrefix":"hub","credentialArn":"`+hub+`"}`)
	f.Add(ecrTarget+"DescribePullThroughCacheRules", "", "", `{"ecrRepositoryPrefixes":["hub"],"maxResults":1,"nextToken":"YWZ0ZXI6"}`)
	f.Add(ecrTarget+"ValidatePullThroughCacheRule", "", "", `{"ecrRepositoryPrefix":"hub"}`)
	f.Add(ecrTarget+"DeletePullThroughCacheRule", "", "", `{"ecrRepositoryPrefix":"\u0000\ud800"}`)
	f.Add("secretsmanager.CreateSecret", "", "", `{"Name":"x","SecretString":"{}"}`)
	f.Add("secretsmanager.DeleteSecret", "", "", `{"SecretId":"x","RecoveryWindowInDays":9223372036854775807}`)
	f.Add("secretsmanager.RestoreSecret", "", "", `{"SecretId":"`+hub+`"}`)
	f.Add("secretsmanager.DescribeSecret", "", "", `{"SecretId":"`+hub+`"}`)
	f.Add("", "application/x-www-form-urlencoded", "", `Action=AssumeRole&RoleArn=arn:aws:iam::111122223333:role/Admin&RoleSessionName=x%00%ff`)
	f.Add("", "application/x-www-form-urlencoded", "ptcaudit-emulator.e30", `Action=GetCallerIdentity`)
	f.Fuzz(func(t *testing.T, target, contentType, token, body string) {
		e, err := emulator.New(one(emulator.Registry{PageSize: 1, Rules: []emulator.Rule{
			{EcrRepositoryPrefix: "hub", UpstreamRegistryURL: "registry-1.docker.io", CredentialArn: hub},
			{EcrRepositoryPrefix: "k8s", UpstreamRegistryURL: "registry.k8s.io"},
		}}), emulator.WithEvents(func(event []byte) {
			if !json.Valid(event) {
				t.Errorf("event: %q", event)
			}
		}))
		if err != nil {
			t.Fatal(err)
		}
		r := signed(t, "http://emulator/", body, "Content-Type", contentType, "X-Amz-Target", target, "X-Amz-Security-Token", token)
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		got := w.Body.String()
		wellFormed := json.Valid([]byte(got))
		if strings.HasPrefix(w.Header().Get("Content-Type"), "text/xml") {
			wellFormed = validXML(got)
		}
		if !wellFormed || w.Code >= 500 {
			t.Errorf("%d %q", w.Code, got)
		}
	})
}

func validXML(s string) bool {
	d := xml.NewDecoder(strings.NewReader(s))
	for {
		if _, err := d.Token(); err != nil {
			return errors.Is(err, io.EOF)
		}
	}
}
