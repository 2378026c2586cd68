// Package e2e holds tests only: the stories that `make e2e` runs. Each story
// deploys the synthesized stack to its own cloud on this machine, and checks
// what the subscribers of the topic get.
//
// infra/README.md lists what differs from a deployment on AWS: the function
// runs as a process of this machine; the emulator replaces ECR, STS and Secrets
// Manager; and package localcloud sends the events of CloudTrail and
// CloudFormation.
package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"ptcaudit/internal/stand/toolbox"
)

// story is something that a deployment must do.
type story struct {
	number int
	title  string
	stack  stack
	world  options
	run    func(t *testing.T, w *world)
}

var stories = []story{
	{1, "a forbidden upstream is created: the message names finding, caller and call", usual, options{}, forbiddenUpstream},
	{2, "30 changes wait: at most 3 audits, every finding notified once, every caller recorded", usual, options{}, burst},
	{3, "the schedule fires: everything is audited", everyMinute, options{}, schedule},
	{4, "a credential broken, a required rule deleted, the secret fixed", usual, options{}, lifeOfARule},
	{5, "a poison message: in the dead-letter queue at once, the rest audited", usual, options{}, poison},
	{6, "ECR denied, throttled, unavailable; a dead letter redriven", usual, options{}, troubleWithECR},
	{7, "SNS unavailable: nothing acknowledged, nothing lost, published when it is back", usual, options{}, topicDown},
	{8, "the function killed during an audit: redelivered, published", usual, options{}, killed},
	{9, "filter policies: critical only", usual, options{}, filters},
	{10, "IAM enforced: the role is enough; without a permission nothing is lost", usual, enforced, leastPrivilege},
	{11, "another policy deployed: it takes effect at once; destroyed: only the buckets are left", permissive, options{}, redeploy},
	{12, "the heartbeat: one line for each complete audit, and no other", usual, options{}, heartbeat},
	{13, "a rule broken, audited again, fixed: one mail, silence, RESOLVED", usual, options{}, notifiedOnce},
	{14, "a required rule deleted: by whom; the upstream of a waived rule changed: notified", waiving, options{}, requiredAndWaived},
	{15, "four audits of one registry at once: one mail", usual, options{}, atOnce},
	{16, "killed before publishing: nothing lost, published once", usual, options{}, killedBefore},
	{17, "killed before the ledger is written: published again, as the same message", usual, options{}, killedAfter},
	{18, "a rule changed without an event: change events do not arrive; one comes late, and takes it back", usual, options{}, behindTheTrail},
	{19, "1,000 changes: at most 3 messages and 10 audits, every caller recorded", usual, options{}, thousandChanges},
	{20, "a damaged ledger: set aside, reported, started anew; restored", usual, options{}, damagedLedger},
	{21, "the last step of a rotation: audited, by whom", usual, options{}, rotationEnds},
	{22, "an event of another account: acknowledged, and nothing else", usual, options{}, otherAccount},
}

// TestStories runs all stories, or those whose numbers are in E2E, in parallel:
// they spend most of their time waiting.
func TestStories(t *testing.T) {
	asked := os.Getenv("E2E")
	if asked == "" {
		t.Skip("takes minutes: run `make e2e`, or `make e2e STORY=5`")
	}
	var chosen []story
	for number := range strings.SplitSeq(asked, ",") {
		found := slices.DeleteFunc(slices.Clone(stories), func(s story) bool { return asked != "all" && strconv.Itoa(s.number) != number })
		if len(found) == 0 {
			t.Fatalf("unknown story %s", number)
		}
		chosen = append(chosen, found...)
	}
	for _, s := range chosen {
		t.Run(strconv.Itoa(s.number), func(t *testing.T) {
			t.Parallel()
			s.play(t)
		})
	}
}

// play deploys a story's stack, runs the story and prints its result at once. The
// files of a failed story are kept.
func (s story) play(t *testing.T) {
	began := time.Now()
	dir := filepath.Join(toolbox.Root(t), ".cache", "e2e", strconv.Itoa(s.number))
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // runs last
		if t.Failed() {
			fmt.Printf("FAILED %2d %s %.0f s: see %s\n", s.number, s.title, time.Since(began).Seconds(), dir)
			return
		}
		_ = os.RemoveAll(dir)
		fmt.Printf("ok %2d %s %.0f s\n", s.number, s.title, time.Since(began).Seconds())
	})
	w := newWorld(t, dir, s.world)
	w.deploy(s.stack)
	s.run(t, w)
}
