// Package e2e holds tests only: the stories that `make e2e` runs. Each deploys
// the stack, as synthesized, to a cloud of its own on this machine, and looks
// at what subscribers of the topic get.
//
// What differs from a deployment on AWS is said where it is done, and in
// infra/README.md: the function runs as a process of this machine; ECR, STS and
// Secrets Manager are our emulator; CloudTrail's and CloudFormation's events
// are played (see package localcloud).
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

// story is something that a deployment has to do.
type story struct {
	number int
	title  string
	stack  stack
	world  options
	run    func(t *testing.T, w *world)
}

var stories = []story{
	{1, "a forbidden upstream is created: the message names finding, caller and call", usual, options{}, forbiddenUpstream},
	{2, "30 changes wait: at most 3 audits, every finding said once, everybody recorded", usual, options{}, burst},
	{3, "the schedule fires: everything is audited", everyMinute, options{}, schedule},
	{4, "a credential broken, a required rule deleted, the secret mended", usual, options{}, lifeOfARule},
	{5, "a poison message: among the dead letters at once, the rest audited", usual, options{}, poison},
	{6, "ECR denied, throttled, down; a dead letter redriven", usual, options{}, troubleWithECR},
	{7, "SNS down: nothing acknowledged, nothing lost, said when it is back", usual, options{}, topicDown},
	{8, "the function killed in the middle of an audit: redelivered, said", usual, options{}, killed},
	{9, "filter policies: critical only", usual, options{}, filters},
	{10, "IAM enforced: the role is enough; without a permission nothing is lost", usual, enforced, leastPrivilege},
	{11, "another policy deployed: it speaks at once; destroyed: only the buckets are left", permissive, options{}, redeploy},
	{12, "the heartbeat: one line for each audit that ran to its end, never otherwise", usual, options{}, heartbeat},
	{13, "a rule broken, audited again, mended: one mail, silence, RESOLVED", usual, options{}, saidOnce},
	{14, "a required rule deleted: who; the upstream of a waived rule swapped: said", waiving, options{}, requiredAndWaived},
	{15, "four audits of one registry at once: one mail", usual, options{}, atOnce},
	{16, "killed before the topic has the message: nothing lost, said once", usual, options{}, killedBefore},
	{17, "killed before the ledger has it: said again, as the same message", usual, options{}, killedAfter},
	{18, "a rule changed behind the trail's back: change events do not arrive", usual, options{}, behindTheTrail},
	{19, "1,000 changes: at most 3 messages and 10 audits, everybody recorded", usual, options{}, thousandChanges},
	{20, "a damaged ledger: set aside, said, begun anew; put back", usual, options{}, damagedLedger},
}

// TestStories runs all stories, or those whose numbers E2E has, side by side:
// most of their time is waiting.
func TestStories(t *testing.T) {
	asked := os.Getenv("E2E")
	if asked == "" {
		t.Skip("takes minutes: run `make e2e`, or `make e2e STORY=5`")
	}
	var chosen []story
	for number := range strings.SplitSeq(asked, ",") {
		found := slices.DeleteFunc(slices.Clone(stories), func(s story) bool { return asked != "all" && strconv.Itoa(s.number) != number })
		if len(found) == 0 {
			t.Fatalf("there is no story %s", number)
		}
		chosen = append(chosen, found...)
	}
	for _, s := range chosen {
		t.Run(strconv.Itoa(s.number), func(t *testing.T) {
			t.Parallel()
			s.tell(t)
		})
	}
}

// tell runs a story, and says how it went as soon as that is known. What a
// story that failed leaves behind is kept.
func (s story) tell(t *testing.T) {
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
