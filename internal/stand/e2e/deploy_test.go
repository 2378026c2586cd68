package e2e_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

	"ptcaudit/internal/stand/toolbox"
)

// The queues that subscribe to the topic, as the stack's context has it.
const (
	everything   = "everything"
	criticalOnly = "critical-only"
)

func queueARN(name string) string { return "arn:aws:sqs:" + region + ":" + account + ":" + name }

// stack is what is deployed: the app with some context. Settings that
// a story does not set have their defaults, except the architecture, which is this
// machine's.
type stack struct {
	name   string
	policy string
	// more of the context
	more []string
}

const acme = "internal/stand/e2e/testdata/acme.yaml"

var (
	usual       = stack{name: "usual", policy: acme}
	waiving     = stack{name: "waiving", policy: "internal/stand/e2e/testdata/waiving.yaml"}
	permissive  = stack{name: "permissive", policy: "default"}
	everyMinute = stack{name: "every-minute", policy: acme, more: []string{"schedule=rate(1 minute)"}}
)

func (s stack) context() []string {
	var flags []string
	for _, setting := range slices.Concat([]string{
		"architecture=" + runtime.GOARCH,
		"settings=none",
		"policy=" + s.policy,
		"sqs=" + queueARN(everything) + "; " + queueARN(criticalOnly) + " severity=critical",
	}, s.more) {
		flags = append(flags, "--context", setting)
	}
	return flags
}

// busy keeps stories from running too many programs at once that keep a
// processor busy.
var busy = make(chan struct{}, 2)

func busily(work func()) {
	busy <- struct{}{}
	defer func() { <-busy }()
	work()
}

// assemblies holds where each stack was synthesized, once for all stories.
var assemblies sync.Map

// assembly is the folder of the stack's cloud assembly: what `make synth`
// writes.
func (w *world) assembly(s stack) string {
	w.t.Helper()
	type result struct {
		once   sync.Once
		folder string
	}
	entry, _ := assemblies.LoadOrStore(s.name, &result{})
	r := entry.(*result)
	r.once.Do(func() {
		folder := filepath.Join(toolbox.Root(w.t), ".cache", "e2e", "assembly-"+s.name)
		w.must(os.RemoveAll(folder))
		env := append(os.Environ(), "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=1", "JSII_SILENCE_WARNING_DEPRECATED_NODE_VERSION=1", "CI=true")
		w.run(env, toolbox.CDK(w.t), append([]string{"synth", "--quiet", "--no-notices", "--output", folder}, s.context()...)...)
		r.folder = folder
	})
	if r.folder == "" {
		w.t.Fatalf("%s was not synthesized", s.name)
	}
	return r.folder
}

// deploy bootstraps the account if that is not done yet, and deploys.
func (w *world) deploy(s stack) {
	w.t.Helper()
	busily(func() {
		folder := w.assembly(s)
		if w.outputs == nil {
			w.cdk("bootstrap", "--app", folder, fmt.Sprintf("aws://%s/%s", account, region))
		}
		file := filepath.Join(w.dir, "outputs.json")
		w.cdk("deploy", "--app", folder, "--require-approval", "never", "--outputs-file", file)
		data, err := os.ReadFile(file)
		w.must(err)
		var outputs map[string]map[string]string
		w.must(json.Unmarshal(data, &outputs))
		w.outputs = outputs["ptcaudit"]
	})
}

func (w *world) destroy(s stack) {
	w.t.Helper()
	busily(func() { w.cdk("destroy", "--app", w.assembly(s), "--force") })
}

func (w *world) cdk(args ...string) {
	w.t.Helper()
	w.run(w.environ(), toolbox.CDK(w.t), append(args, "--no-notices")...)
}
