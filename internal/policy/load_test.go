package policy_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/policy"
)

var update = flag.Bool("update", false, "rewrite golden files")

// golden compares with a file, or rewrites it.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", path, diff)
	}
}

// head begins a policy file that extends nothing.
const head = "apiVersion: ptcaudit/v1\nname: acme\n"

// load writes policy files into a folder, makes it the working directory,
// and loads the first.
func load(t *testing.T, files ...string) (*policy.Policy, error) {
	t.Helper()
	dir := t.TempDir()
	for i, text := range files {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%c.yaml", 'a'+i)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	return policy.Load("a.yaml")
}

// mustLoad is load of policies without faults.
func mustLoad(t *testing.T, files ...string) *policy.Policy {
	t.Helper()
	p, err := load(t, files...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestLoadReportsEveryFault(t *testing.T) {
	t.Chdir("testdata/bad")
	_, err := policy.Load("bad.yaml")
	faults, ok := err.(policy.Errors) //nolint:errorlint // the type is promised
	if !ok {
		t.Fatalf("error is a %T", err)
	}
	golden(t, "bad.golden", faults.Excerpt())
}

func TestLoadOfInvalidFiles(t *testing.T) {
	big := head + strings.Repeat("# "+strings.Repeat("x", 1000)+"\n", 300)
	tests := []struct {
		name  string
		files []string
		want  string
	}{
		{"empty", []string{""}, "a.yaml:1:1: the file is empty"},
		{"spaces", []string{" \n\n"}, "a.yaml:1:1: the file is empty"},
		{"comments", []string{"# nothing\n"}, "a.yaml:1:1: the file is empty"},
		{"marker", []string{"---\n"}, "a.yaml:1:1: the file is empty"},
		{"list", []string{"- a\n"}, "a.yaml:1:1: the file must be a mapping, not a list"},
		{"scalar", []string{"\n  7\n"}, "a.yaml:2:3: the file must be a mapping, not a number"},
		{"directive", []string{"%YAML 1.2\n---\n" + head}, "a.yaml:1:1: unsupported directive: remove it"},
		{"invalid YAML", []string{head + "checks: [\n"}, "a.yaml:3:9: invalid YAML: sequence end token ']' not found"},
		{"tab", []string{head + "params:\n\ta: 1\n"}, "a.yaml:4:1: invalid YAML: found character '\t' that cannot start any token"},
		{"not UTF-8", []string{head + "# é\xff\n"}, "a.yaml:3:4: invalid UTF-8: save the file as UTF-8"},
		{"UTF-16", []string{"\xff\xfea\x00"}, "a.yaml:1:1: invalid UTF-8: save the file as UTF-8"},
		{"replacement character", []string{head + "# \ufffd\nextends: default\n"}, ""},
		{"escape", []string{head + "# \x1b[2J\n"}, "a.yaml:3:3: control character U+001B: remove it"},
		{"lone carriage return", []string{head + "# a\rb\n"}, "a.yaml:3:4: control character U+000D: remove it"},
		{"large", []string{big}, "a.yaml: cannot read the file: the file is too large: use at most 256 KiB"},
		{"endless", []string{head + strings.Repeat(big, 10)}, "a.yaml: cannot read the file: the file is too large: use at most 256 KiB"},
		{"long", []string{head + strings.Repeat("\n", 10_000)}, "a.yaml:10001:1: the file is too long: use at most 10000 lines"},
		{"deep", []string{head + "params: {a: " + strings.Repeat("[", 100_000) + "}\n"}, "a.yaml:3:44: nested too deeply: use at most 32 levels"},
		{"deep lists", []string{head + "params:\n  " + strings.Repeat("- ", 100_000) + "\n"}, "a.yaml:4:67: nested too deeply: use at most 32 levels"},
		{"bomb", []string{head + "extends: default\nparams:\n  a: &a [x, x, x]\n  b: &b [*a, *a, *a]\n"}, `a.yaml:5:3: unused param a: no expression reads it
a.yaml:5:6: unsupported anchor, alias or merge key: write the value out
a.yaml:6:3: unused param b: no expression reads it
a.yaml:6:6: unsupported anchor, alias or merge key: write the value out
a.yaml:6:10: unsupported anchor, alias or merge key: write the value out
a.yaml:6:14: unsupported anchor, alias or merge key: write the value out
a.yaml:6:18: unsupported anchor, alias or merge key: write the value out`},
		{"byte order mark and Windows line breaks", []string{"\ufeff" + strings.ReplaceAll(head+"extends: default\n", "\n", "\r\n")}, ""},
		{"fault behind them", []string{"\ufeffapiversion: x\r\nnäme: acme\r\nname: [é, x]\r\nextends: default\r\n"}, `a.yaml:1:1: a policy needs apiVersion
a.yaml:1:1: unknown key apiversion, did you mean apiVersion?
a.yaml:2:1: unknown key näme, did you mean name?
a.yaml:3:7: name must be a string, not a list`},

		{"empty extends", []string{head + "extends: ''\n"}, "a.yaml:3:10: extends is empty"},
		{"extends a missing file", []string{head + "extends: nope.yaml\n"}, "a.yaml:3:10: nope.yaml: the file does not exist: check the path, or use default or strict"},
		{"extends a misspelled name", []string{head + "extends: defaults\n"}, "a.yaml:3:10: defaults: unknown policy, did you mean default?"},
		{"extends a folder", []string{head + "extends: ./\n"}, "a.yaml:3:10: .: cannot read the file: is a directory"},
		{"extends itself", []string{head + "extends: ./a.yaml\n"}, "a.yaml:3:10: circular extends: a.yaml extends a.yaml"},
		{"circle", []string{head + "extends: b.yaml\n", head + "extends: c.yaml\n", head + "extends: x/../b.yaml\n"}, "c.yaml:3:10: circular extends: b.yaml extends c.yaml extends b.yaml"},
		{"file called default", []string{head + "extends: ./default\n"}, "a.yaml:3:10: default: the file does not exist: check the path, or use default or strict"},
		{
			// The names of the parent are unknown, so no name is reported as
			// unknown.
			"parent that cannot be read", []string{head + `extends: b.yaml
params: {p: 1}
checks: [{id: x, severity: low, assert: params.q == 1}, {id: y, severity: lo, assert: rule.prefx == ""}]
disable: [z]
waivers: [{check: w, owner: me, reason: why, expires: 2027-02-29}]
overrides: [{regions: [eu-west-1], severities: {v: low}, params: {u: 1}}]
`, head + "checks: {\n"}, `a.yaml:5:75: unknown severity "lo": want informational, low, medium, high or critical, did you mean low?
a.yaml:5:92: undefined field 'prefx'
a.yaml:7:55: invalid date 2027-02-29: use YYYY-MM-DD
b.yaml:3:9: invalid YAML: could not find flow mapping end token '}'`,
		},
		{
			"faults of both files",
			[]string{head + "extends: b.yaml\nx: 1\n", head + "y: 1\n"},
			"a.yaml:4:1: unknown key x\nb.yaml:3:1: unknown key y",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := load(t, tt.files...)
			got := ""
			if err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("faults differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLoadOfMissingFiles(t *testing.T) {
	t.Chdir(t.TempDir())
	for path, want := range map[string]string{
		"acme.yaml": "acme.yaml: the file does not exist: check the path, or use default or strict",
		"Strict":    "Strict: unknown policy, did you mean strict?",
		".":         ".: cannot read the file: is a directory",
	} {
		if _, err := policy.Load(path); err == nil || err.Error() != want {
			t.Errorf("Load(%q) = %v, want %s", path, err, want)
		}
	}
}

func TestLoadFollowsFilesFromFolderToFolder(t *testing.T) {
	dir := t.TempDir()
	write := func(path, text string) {
		t.Helper()
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("teams/web/policy.yaml", head+"extends: ../base.yaml\n")
	write("teams/base.yaml", head+"extends: "+filepath.Join(dir, "org.yaml")+"\n")
	write("org.yaml", head+"extends: strict\ndisable: [no-such]\n")
	_, err := policy.Load(filepath.Join(dir, "teams/web/policy.yaml"))
	want := filepath.Join(dir, "org.yaml") + ":4:11: unknown check no-such"
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestLoadBoundsHowManyFilesExtendOneAnother(t *testing.T) {
	var files []string
	for i := range 17 {
		files = append(files, head+fmt.Sprintf("extends: %c.yaml\n", 'b'+i))
	}
	_, err := load(t, files...)
	if err == nil || err.Error() != "p.yaml:3:10: too many files extend one another: use at most 16" {
		t.Errorf("error %v", err)
	}
}

func TestShippedPoliciesLoad(t *testing.T) {
	seen := map[string]bool{}
	for _, name := range []string{"default", "strict"} {
		p, err := policy.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		if ref := p.Ref(); ref.Name != name || len(ref.Digest) != 64 || seen[ref.Digest] {
			t.Errorf("%s: ref %+v", name, ref)
		}
		seen[p.Ref().Digest] = true
	}
}

func TestDigestDependsOnTheContentOnly(t *testing.T) {
	const body = "checks:\n  - {id: a, title: A, severity: low, assert: rule.isRoot}\n  - {id: b, title: B, severity: low, assert: rule.isRoot}\n"
	digest := func(files ...string) string {
		t.Helper()
		return mustLoad(t, files...).Ref().Digest
	}
	one := digest(head + body)
	for name, files := range map[string][]string{
		"written otherwise": {"# a comment\n" + head + `"checks":` + "\n- id: 'b'\n  title: B\n  severity: low\n  assert: |-\n    rule.isRoot\n- {id: a, title: A, severity: low, scope: rule, assert: rule.isRoot}\n"},
		"spread over files": {head + "extends: b.yaml\n", head + body},
	} {
		if digest(files...) != one {
			t.Errorf("%s: another digest, for what is the same", name)
		}
	}
	for name, text := range map[string]string{
		"severity": head + strings.Replace(body, "low", "high", 1),
		"name":     strings.Replace(head, "acme", "other", 1) + body,
		"disabled": head + body + "disable: [waiver-unused]\n",
		"waiver":   head + body + "waivers: [{check: a, prefixes: [x], owner: me, reason: why, expires: 2027-01-01}]\n",
		"required": head + body + "requiredRules: [{prefix: hub}]\n",
		"override": head + body + "overrides: [{regions: [eu-west-1], severities: {a: high}}]\n",
	} {
		if digest(text) == one {
			t.Errorf("%s: the same digest, for what is not the same", name)
		}
	}
}

func FuzzLoad(f *testing.F) {
	bad, err := os.ReadFile("testdata/bad/bad.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for i, part := range bytes.SplitAfter(bad, []byte("\n\n")) {
		if i == 0 {
			f.Add(bytes.ReplaceAll(bad, []byte("extends: parent.yaml"), []byte("extends: default")))
			continue
		}
		f.Add(append([]byte(head), part...))
	}
	f.Add([]byte(head + "extends: strict\nchecks:\n- id: upstream-url\n  assert: >-\n    rule.x ||\n\n      rule.y\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if bytes.Contains(data, []byte("dev")) {
			t.Skip("a device can block") // extends: /dev/tty
		}
		path := filepath.Join(t.TempDir(), "f.yaml")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := policy.Load(path)
		if (p == nil) == (err == nil) {
			t.Fatalf("policy %v, error %v", p, err)
		}
		if err == nil {
			if again, err := policy.Load(path); err != nil || again.Ref() != p.Ref() {
				t.Errorf("loaded again it is %v, %v", again, err)
			}
			return
		}
		lines := strings.Split(strings.ReplaceAll(strings.TrimPrefix(string(data), "\ufeff"), "\r\n", "\n"), "\n")
		for _, fault := range err.(policy.Errors) { //nolint:errorlint // the type is promised
			if fault.File != path {
				continue
			}
			if fault.Line < 1 || fault.Line > len(lines) || fault.Column < 1 || fault.Column > len([]rune(lines[fault.Line-1]))+1 {
				t.Errorf("not within the file: %v", fault)
			}
			if fault.Message == "" || strings.Contains(fault.Message, "%!") && !bytes.Contains(data, []byte("%!")) {
				t.Errorf("invalid message: %v", fault)
			}
		}
	})
}
