package policy_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/policy"
)

func TestLoadPlacesNamesTheLastFileThatSetAValue(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	parent := write("parent.yaml", `apiVersion: ptcaudit/v1
name: parent
extends: default
params:
  allowedUpstreams: [quay]
checks:
  - id: root-prefix
    severity: low
    title: No rule matches everything
requiredRules:
  - prefix: hub
`)
	child := write("child.yaml", `apiVersion: ptcaudit/v1
name: child
extends: parent.yaml
checks:
  - id: root-prefix
    severity: high
disable: [shared-credential]
overrides:
  - {regions: [eu-west-1], severities: {root-prefix: low}}
waivers:
  - {check: root-prefix, prefixes: [ROOT], owner: o, reason: r, expires: 2099-01-01}
`)
	p, places, err := policy.LoadPlaces(child)
	if err != nil {
		t.Fatal(err)
	}
	want := policy.Places{
		"name":                        {child, 2},
		"params.allowedUpstreams":     {parent, 5},
		"checks.root-prefix.severity": {child, 6},
		"checks.root-prefix.title":    {parent, 9},
		"requiredRules.hub":           {parent, 11},
		"disable.shared-credential":   {child, 7},
		"overrides.0":                 {child, 9},
		"waivers.0":                   {child, 11},
	}
	for path, want := range want {
		if diff := cmp.Diff(want, places[path]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
	if at := places["checks.root-prefix.assert"]; at.File != "default" || at.Line == 0 {
		t.Errorf("the shipped assert is at %s", at)
	}
	plain, err := policy.Load(child)
	if err != nil || plain.Ref() != p.Ref() {
		t.Errorf("Load gives %v, %v; LoadPlaces %v", plain.Ref(), err, p.Ref())
	}
}
