package e2e_test

import (
	"archive/zip"
	"bufio"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/handler"
	"ptcaudit/internal/history"
	"ptcaudit/internal/ledger"
	"ptcaudit/internal/notify"
	"ptcaudit/internal/report"
	"ptcaudit/internal/stand/toolbox"
	"ptcaudit/internal/trigger"
)

const hubFails = "validation-passed of docker-hub"

func (w *world) breakHub() {
	w.t.Helper()
	w.aws(nil, "ecr", "update-pull-through-cache-rule", "--ecr-repository-prefix", "docker-hub", "--credential-arn", brokenSecret)
}

func (w *world) fixHub() {
	w.t.Helper()
	w.aws(nil, "secretsmanager", "put-secret-value", "--secret-id", "ecr-pullthroughcache/broken",
		"--secret-string", `{"username": "jane", "accessToken": "token"}`)
}

// did holds for messages that name a call among the changes that led to them.
func did(call string) func(message) bool {
	return func(m message) bool {
		for _, c := range m.Changes {
			if c.Call == call {
				return true
			}
		}
		return false
	}
}

func notifiedOnce(t *testing.T, w *world) {
	w.untilSettled()
	w.silent("a sound registry")
	w.breakHub()
	m := w.await(everything, settle, says(report.Failed, hubFails), by("UpdatePullThroughCacheRule", "docker-hub"))
	w.expect(m, "NEW", "UpdatePullThroughCacheRule", "Evidence: s3://"+w.outputs["EvidenceBucket"]+"/"+account+"/"+region+"/")
	w.audited()
	w.silent("audited again")
	w.fixHub()
	m = w.await(everything, settle, says(report.Resolved), ends(hubFails), did("PutSecretValue"))
	w.expect(m, "RESOLVED", "docker-hub", "ecr-pullthroughcache/broken")
	w.audited()
	w.silent("fixed, and audited again")

	// The deployment's, the break, the request, the fix, the request.
	reports := w.reports()
	if len(reports) != 5 {
		t.Errorf("%d reports are kept, want 5", len(reports))
	}
	for _, r := range reports {
		if r.Policy.Digest != w.outputs["PolicyDigest"] || r.Audit.Version == "" {
			t.Errorf("of %s: policy %+v, version %q", r.Audit.ID, r.Policy, r.Audit.Version)
		}
	}
	w.proof(len(reports))
}

// proof reads the evidence with the command, as an auditor would who asks what
// failed when, and whether audits ran.
func (w *world) proof(audits int) {
	w.t.Helper()
	evidence := "s3://" + w.outputs["EvidenceBucket"]
	run := func(args ...string) string {
		return string(w.run(w.environ(), toolbox.Command(w.t), append(args, "--evidence", evidence)...))
	}
	var h history.History
	w.must(json.Unmarshal([]byte(run("history", "--output", "json")), &h))
	if len(h.Registries) != 1 || len(h.Registries[0].Audits) != audits || len(h.Unreadable) > 0 {
		w.t.Fatalf("the history is %+v", h)
	}
	if f := h.Registries[0].Failures; len(f) != 1 || f[0].Check+" of "+f[0].Prefix != hubFails || f[0].FirstSeen.IsZero() || f[0].Resolved.IsZero() {
		w.t.Errorf("failures: %+v", f)
	}

	file := filepath.Join(w.dir, "evidence.zip")
	today := time.Now().UTC().Format(time.DateOnly)
	run("evidence", "export", "--from", today, "--to", today, "--out", file)
	archive, err := zip.OpenReader(file)
	w.must(err)
	defer func() { _ = archive.Close() }()
	sums, err := fs.ReadFile(archive, "SHA256SUMS")
	w.must(err)
	reports := 0
	for line := range strings.Lines(string(sums)) {
		sum, name, ok := strings.Cut(strings.TrimSpace(line), "  ")
		content, err := fs.ReadFile(archive, name)
		w.must(err)
		if !ok || fmt.Sprintf("%x", sha256.Sum256(content)) != sum {
			w.t.Errorf("the sum of %s is not %s", name, sum)
		}
		if strings.HasSuffix(name, ".json.gz") {
			reports++
		}
	}
	summary, err := fs.ReadFile(archive, "summary.txt")
	w.must(err)
	if reports != audits || !strings.Contains(string(summary), "validation-passed") {
		w.t.Errorf("%d of %d reports are in the archive, whose summary is\n%s", reports, audits, summary)
	}
}

func requiredAndWaived(t *testing.T, w *world) {
	const missing = "required-rule of ecr-public"
	w.untilSettled()
	w.aws(nil, "ecr", "delete-pull-through-cache-rule", "--ecr-repository-prefix", "ecr-public")
	m := w.await(everything, settle, says(report.Failed, missing), by("DeletePullThroughCacheRule", "ecr-public"))
	w.expect(m, "user/emulator", "DeletePullThroughCacheRule")
	w.create("ecr-public", "public.ecr.aws")
	w.await(everything, settle, says(report.Resolved), ends(missing), by("CreatePullThroughCacheRule", "ecr-public"))

	w.create("quay", "quay.io")
	w.eventually(settle, "the waived rule is audited", func() (bool, string) {
		l := w.ledger()
		return len(l.Rules) == 3, fmt.Sprint(len(l.Rules), " rules are known")
	})
	w.silent("waived")
	w.aws(nil, "ecr", "delete-pull-through-cache-rule", "--ecr-repository-prefix", "quay")
	w.create("quay", "registry.k8s.io")
	m = w.await(everything, settle, func(m message) bool { return len(m.failed()) > 0 })
	if got := m.failed(); m.Status != report.Changed || len(got) != 1 || got[0] != quayFails {
		t.Errorf("%s %v", m.Status, got)
	}
	w.expect(m, "platform@acme.example", "registry.k8s.io", "has changed.", "CreatePullThroughCacheRule")
	w.audited()
	w.silent("swapped, and audited again")
}

// invoke runs the function once, and returns the notifications of its reply.
func (w *world) invoke() ([]notify.Message, error) {
	request, err := json.Marshal(trigger.Request{Schema: trigger.RequestSchema, Account: account, Region: region, Reason: trigger.ReasonRequest})
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost,
		w.cloud.Endpoint+"/2015-03-31/functions/"+w.outputs["Function"]+"/invocations", strings.NewReader(string(request)))
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	var result handler.Result
	if err := json.Unmarshal(body, &result); err != nil || len(result.Audits) != 1 || !result.Audits[0].Complete {
		return nil, fmt.Errorf("the function replies %s %s", resp.Status, body)
	}
	return result.Notifications, nil
}

func atOnce(t *testing.T, w *world) {
	const together, slow = 4, 3 * time.Second
	w.untilSettled()
	// Each lists the rules for so long that all do at the same time.
	w.emulate(fixture{rules: []string{quayRule}, faults: []string{
		fmt.Sprintf(`{"operation": "DescribePullThroughCacheRules", "delay": %q, "times": 0}`, slow),
	}})
	var group sync.WaitGroup
	replies := make([][]notify.Message, together)
	errs := make([]error, together)
	for i := range together {
		group.Go(func() { replies[i], errs[i] = w.invoke() })
	}
	group.Wait()
	n := 0
	for i := range together {
		w.must(errs[i])
		n += len(replies[i])
	}
	if n != 1 {
		t.Errorf("%d messages of %d functions, want one", n, together)
	}
	w.await(everything, settle, says(report.Failed, quayFails))
	w.silent("published by one of them")

	reports := w.reports()
	if len(reports) != 1+together {
		t.Errorf("%d reports are kept, want %d", len(reports), 1+together)
	}
	overlap := 0
	for _, r := range reports[2:] {
		if r.Audit.StartedAt.Before(reports[1].Audit.FinishedAt) {
			overlap++
		}
	}
	if overlap == 0 {
		t.Error("no two ran at once")
	}
}

// die has the function killed while it publishes, before the topic has the
// message or after.
func (w *world) die(topicHasIt bool) {
	w.t.Helper()
	w.untilSettled()
	w.visibility(15 * time.Second)
	hold := &held{passOn: topicHasIt, reached: make(chan struct{})}
	w.topic.hold.Store(hold)
	w.create("quay", "quay.io")
	select {
	case <-hold.reached:
	case <-time.After(settle):
		w.t.Fatal("nothing is published")
	}
	w.must(w.killFunction())
	if l := w.ledger(); !l.Lease.Live(time.Now()) || l.Seq != 0 {
		w.t.Errorf("killed in the middle, and the ledger has %d messages, lease %+v", l.Seq, l.Lease)
	}
}

// settled waits until the function has nothing to do, and looks whether all is
// written down.
func (w *world) settled() {
	w.t.Helper()
	w.eventually(settle, "acknowledged", func() (bool, string) {
		n := w.count("RequestsQueue")
		return n.all() == 0, fmt.Sprintf("%+v", n)
	})
	if l := w.ledger(); l.Lease != nil || l.Seq != 1 {
		w.t.Errorf("the ledger has %d messages, lease %+v", l.Seq, l.Lease)
	}
	if n := w.count("DeadLettersQueue"); n.all() != 0 {
		w.t.Errorf("dead letters: %+v", n)
	}
	w.audited()
	w.silent("everything is published")
}

// leased is longer than a function that was killed keeps others from publishing.
const leased = 75*time.Second + settle

func killedBefore(_ *testing.T, w *world) {
	w.die(false)
	w.silent("killed before the topic had it")
	w.await(everything, leased, says(report.Failed, quayFails), by("CreatePullThroughCacheRule", "quay"))
	w.settled()
}

func killedAfter(t *testing.T, w *world) {
	w.die(true)
	first := w.await(everything, settle, says(report.Failed, quayFails), by("CreatePullThroughCacheRule", "quay"))
	second := w.await(everything, leased, says(report.Failed, quayFails), by("CreatePullThroughCacheRule", "quay"))
	if first.ID != second.ID || first.ID == "" {
		t.Errorf("published again as another message: %q after %q", second.ID, first.ID)
	}
	w.settled()
}

func behindTheTrail(t *testing.T, w *world) {
	w.untilSettled()
	// As if the last audit were an hour old. No event reports the new rule.
	w.age(time.Hour)
	made := time.Now().Add(-40 * time.Minute).UTC()
	w.emulate(fixture{rules: []string{fmt.Sprintf(
		`{"ecrRepositoryPrefix": "public-too", "upstreamRegistryUrl": "public.ecr.aws", "createdAt": %q}`, made.Format(time.RFC3339),
	)}})
	w.ask()
	m := w.await(everything, settle, says(report.Changed))
	if len(m.Unexplained) != 1 || m.Unexplained[0].Prefix != "public-too" || len(m.failed()) != 0 {
		t.Errorf("unexplained %+v, failed %v", m.Unexplained, m.failed())
	}
	w.expect(m, "public-too", "No change event arrived within 30 minutes.", "aws cloudtrail get-trail-status")
	w.audited()
	w.silent("published, and audited again")

	// The event of a recent change can still arrive.
	w.create("k8s", "public.ecr.aws", "--upstream-repository-prefix", "eks")
	w.audited()
	w.eventually(settle, "its event is there", func() (bool, string) {
		n := w.count("RequestsQueue")
		return n.all() == 0, fmt.Sprintf("%+v", n)
	})
	w.age(time.Hour)
	w.audited()
	w.silent("an event explains it")

	// The event of the first change arrives after all.
	w.sendEvent("create.json", `"docker-hub"`, `"public-too"`, "2026-11-21T22:49:31Z", made.Format(time.RFC3339))
	m = w.await(everything, settle, says(report.Resolved), ends("change-without-event of public-too"), by("CreatePullThroughCacheRule", "public-too"))
	w.expect(m, "The event of this change has arrived late.", "Changed by: jane")
	w.audited()
	w.silent("taken back once")
}

// sendEvent sends a sample event to EventBridge, as the deployment's own account
// and Region, after replacements.
func (w *world) sendEvent(name string, oldnew ...string) {
	w.t.Helper()
	event := w.sampleEvent(name, append(oldnew, "111122223333", account, "eu-west-1", region)...)
	var is struct {
		Source     string          `json:"source"`
		DetailType string          `json:"detail-type"`
		Resources  []string        `json:"resources"`
		Detail     json.RawMessage `json:"detail"`
	}
	w.must(json.Unmarshal([]byte(event), &is))
	entries, err := json.Marshal([]map[string]any{{
		"Source": is.Source, "DetailType": is.DetailType, "Resources": is.Resources, "Detail": string(is.Detail),
	}})
	w.must(err)
	w.aws(nil, "events", "put-events", "--entries", string(entries))
}

// sampleEvent is one of the sample events after replacements.
func (w *world) sampleEvent(name string, oldnew ...string) string {
	w.t.Helper()
	raw, err := os.ReadFile(filepath.Join(toolbox.Root(w.t), "functions", "audit", "events", name))
	w.must(err)
	return strings.NewReplacer(oldnew...).Replace(string(raw))
}

// rotationEnds: the last steps of a rotation trigger an audit, of which only one
// needs a trail.
func rotationEnds(_ *testing.T, w *world) {
	w.untilSettled()
	// No event reports the rule itself: only those of the secret can find it.
	w.emulate(fixture{rules: []string{quayRule}})
	w.sendEvent("secret-stage.json", "2026-11-21T23:35:41Z", time.Now().UTC().Format(time.RFC3339))
	m := w.await(everything, settle, says(report.Failed, quayFails), did("UpdateSecretVersionStage"))
	w.expect(m, "rotate-hub", "UpdateSecretVersionStage of secret ecr-pullthroughcache/hub")
	w.sendEvent("secret-stage.json", "ecr-pullthroughcache/hub", "database/hub")
	w.silent("another secret")
}

// otherAccount: an event of another account is acknowledged, and nothing else.
func otherAccount(t *testing.T, w *world) {
	w.untilSettled()
	before := len(w.reports())
	w.send(w.sampleEvent("create.json", "111122223333", "444455556666", "eu-west-1", region))
	w.eventually(settle, "acknowledged", func() (bool, string) {
		requests, dead := w.count("RequestsQueue"), w.count("DeadLettersQueue")
		return requests.all() == 0 && dead.all() == 0 && w.logged("messages ignored") == 1, fmt.Sprintf("requests %+v, dead %+v", requests, dead)
	})
	w.silent("another account")
	if n := len(w.reports()); n != before {
		t.Errorf("%d audits of another account's event", n-before)
	}
}

func thousandChanges(t *testing.T, w *world) {
	const changes, people = 1000, 10
	w.untilSettled()
	before := len(w.reports())
	began := time.Now()
	var group sync.WaitGroup
	errs := make([]error, people)
	for i := range people {
		client := w.assume(fmt.Sprintf("person-%d", i))
		group.Go(func() {
			for range changes / people {
				if _, errs[i] = client.UpdatePullThroughCacheRule(t.Context(), &ecr.UpdatePullThroughCacheRuleInput{
					EcrRepositoryPrefix: aws.String("docker-hub"), CredentialArn: aws.String(brokenSecret),
				}); errs[i] != nil {
					return
				}
			}
		})
	}
	group.Wait()
	for _, err := range errs {
		w.must(err)
	}
	t.Logf("%d changes in %v", changes, time.Since(began))

	w.eventually(8*time.Minute, "all are handled", func() (bool, string) {
		n := w.count("RequestsQueue")
		return n.all() == 0, fmt.Sprintf("%+v", n)
	})
	if n := w.count("DeadLettersQueue"); n.all() != 0 {
		t.Errorf("dead letters: %+v", n)
	}
	messages := 0
	for m := w.receive(everything, 5*time.Second); m != nil; m = w.receive(everything, 2*time.Second) {
		if messages++; messages == 1 && !says(report.Failed, hubFails)(*m) {
			t.Errorf("the first message is %s", m.Subject)
		}
	}
	audits := len(w.reports()) - before
	if messages == 0 || messages > 3 || audits > 10 {
		t.Errorf("%d messages, %d audits; want 1 to 3, and 10 at most", messages, audits)
	}
	recorded := w.recorded()
	for _, event := range w.events() {
		if _, ok := recorded[event]; !ok {
			t.Errorf("event %s is not in the evidence", event)
		}
	}
	actors := map[string]int{}
	for _, change := range recorded {
		actors[change.Actor.Name]++
	}
	for i := range people {
		if n := actors[fmt.Sprintf("person-%d", i)]; n != changes/people {
			t.Errorf("of person-%d %d changes are recorded, want %d", i, n, changes/people)
		}
	}
	t.Logf("%d messages, %d audits, %d invocations, handled after %v", messages, audits, w.invocations(), time.Since(began))
}

// assume is a client of ECR for another account.
func (w *world) assume(name string) *ecr.Client {
	w.t.Helper()
	var session struct {
		Credentials struct{ AccessKeyID, SecretAccessKey, SessionToken string }
	}
	w.aws(&session, "sts", "assume-role", "--role-arn", "arn:aws:iam::"+account+":role/Admin", "--role-session-name", name)
	c := session.Credentials
	return ecr.NewFromConfig(w.cfg, func(o *ecr.Options) {
		o.BaseEndpoint = aws.String(w.registry.server.URL)
		o.Credentials = credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey, c.SessionToken)
	})
}

// events are the ids of the events that the emulator sent.
func (w *world) events() []string {
	w.t.Helper()
	file, err := os.Open(filepath.Join(w.dir, "events.jsonl"))
	w.must(err)
	defer func() { _ = file.Close() }()
	var ids []string
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var event struct {
			Detail struct {
				EventID string `json:"eventID"`
			} `json:"detail"`
		}
		w.must(json.Unmarshal(lines.Bytes(), &event))
		ids = append(ids, event.Detail.EventID)
	}
	return ids
}

func damagedLedger(t *testing.T, w *world) {
	w.emulate(fixture{rules: []string{quayRule}})
	w.await(everything, settle, says(report.Failed, quayFails))
	w.settled()
	sound := w.ledger()
	bucket, key := w.outputs["StateBucket"], ledger.Key(registry)
	var version string
	w.aws(&version, "s3api", "list-object-versions", "--bucket", bucket, "--prefix", key, "--query", "Versions[?IsLatest].VersionId | [0]")

	w.write([]byte(`{"schemaVersion": "ptcaudit/ledger/v1", "regis`))
	w.ask()
	m := w.await(everything, settle, says(report.CouldNotAudit, quayFails))
	w.expect(m, "s3://"+bucket+"/"+key+".damaged-")
	w.audited()
	w.await(everything, settle, says(report.Resolved))

	// Restored, as infra/README.md describes.
	w.aws(nil, "s3api", "copy-object", "--bucket", bucket, "--key", key, "--copy-source", bucket+"/"+key+"?versionId="+version)
	if diff := cmp.Diff(sound, w.ledger()); diff != "" {
		t.Errorf("what is put back is not what there was (-was +is)\n%s", diff)
	}
	w.audited()
	w.silent("known from before the damage")
}
