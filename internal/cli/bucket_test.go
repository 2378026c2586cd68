package cli_test

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"ptcaudit/internal/aws/store"
	"ptcaudit/internal/aws/wire"
	"ptcaudit/internal/cli"
	"ptcaudit/internal/evidence"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
	"ptcaudit/internal/stand/localcloud"
)

// What the scripts test with a folder also works with a bucket.
func TestEvidenceInABucket(t *testing.T) {
	endpoint := localcloud.Start(t).Endpoint
	for key, value := range map[string]string{
		"AWS_ENDPOINT_URL": endpoint, "AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(key, value)
	}
	cfg := localcloud.Config(endpoint, "test", "eu-west-1")
	cfg.HTTPClient = wire.Client(nil, time.Minute)
	localcloud.CreateBucket(t, cfg, "acme-evidence")
	s, err := store.Open("s3://acme-evidence/ptcaudit", cfg)
	if err != nil {
		t.Fatal(err)
	}
	var place string
	for day := 1; day <= 3; day++ {
		at := time.Date(2026, 11, day, 6, 0, 0, 0, time.UTC)
		r := report.Report{
			Audit:    report.Audit{ID: at.Format("AUDIT2006-01-02"), StartedAt: at, FinishedAt: at},
			Registry: ptc.Registry{Account: "111122223333", Region: "eu-west-1"},
		}
		r.Finish()
		key, err := evidence.PutReport(t.Context(), s, r)
		if err != nil {
			t.Fatal(err)
		}
		place = s.Place(key)
	}
	archive := t.TempDir() + "/november.zip"
	tests := []struct {
		args string
		code int
		want string
	}{
		{"history --from 2026-11-01 --to 2026-11-02", cli.ExitOK, "Registry 111122223333 eu-west-1: 2 audits.\n"},
		{"history --account 111122223333 --region eu-west-1 --from 2026-11-01 --to 2026-11-30", cli.ExitOK, "Registry 111122223333 eu-west-1: 3 audits.\n"},
		{"report " + place, cli.ExitOK, "0 rules, no failures.\n"},
		{"diff AUDIT2026-11-01 " + place, cli.ExitOK, "No difference.\n"},
		{"diff AUDIT2026-11-09 " + place, cli.ExitUsage, "ptcaudit: AUDIT2026-11-09 is neither a file nor the ID of a stored audit"},
		{"evidence export --from 2026-11-01 --to 2026-11-30 --out " + archive, cli.ExitOK, "Wrote " + archive + ": audits: 3, registries: 1\n"},
		{"history --evidence s3://acme-nosuch", cli.ExitIncomplete, "ptcaudit: read the evidence: "},
	}
	for _, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			var out bytes.Buffer
			env := append(os.Environ(), "PTCAUDIT_EVIDENCE=s3://acme-evidence/ptcaudit")
			code := cli.Run(t.Context(), strings.Fields(tt.args), env, strings.NewReader(""), &out, &out)
			if code != tt.code || !strings.HasPrefix(out.String(), tt.want) {
				t.Errorf("exit code %d:\n%s", code, out.String())
			}
		})
	}
}
