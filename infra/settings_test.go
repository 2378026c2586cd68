package main

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

const (
	schemaFile  = "settings.schema.json"
	exampleFile = "ptcaudit.example.yaml"
)

// inFolder runs a test in an empty folder with a settings file.
func inFolder(t *testing.T, name, file string) {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.WriteFile(name, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestSettingsFile(t *testing.T) {
	const file = `policy: strict
email:
  - ops@example.com
  - lead@example.com severity=critical
memory: 512
dashboard: false
tags: [team=build, cost-center=42]
`
	tests := []struct {
		name    string
		file    string // its name
		context map[string]any
		want    []any // policy, memory, dashboard, addresses, tags
	}{
		{"the usual file", settingsFile, nil, []any{"strict", 512, false, 2, 2}},
		{"another file", "production.yaml", map[string]any{settingsKey: "production.yaml"}, []any{"strict", 512, false, 2, 2}},
		{"the context overrides it", settingsFile, map[string]any{"memory": "1024", "dashboard": true, "email": "a@example.com"}, []any{"strict", 1024, true, 1, 2}},
		{"an empty value of the context does not", settingsFile, map[string]any{"memory": "", "email": " "}, []any{"strict", 512, false, 2, 2}},
		{"it is not read", settingsFile, map[string]any{settingsKey: noSettings, "email": "a@example.com"}, []any{"default", 256, true, 1, 0}},
		{"it does not exist", "production.yaml", map[string]any{"email": "a@example.com"}, []any{"default", 256, true, 1, 0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inFolder(t, tt.file, file)
			s, err := loadSettings(tt.context)
			if err != nil {
				t.Fatal(err)
			}
			got := []any{s.policy, s.memoryMB, s.dashboard, len(s.subscriptions), len(s.tags)}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// All faults are reported at once, each with its place.
func TestFaultsOfASettingsFile(t *testing.T) {
	tests := []struct {
		name    string
		file    string
		context map[string]any
		want    []string
	}{
		{
			"several", "emial: ops@example.com\nmemory: 64\nschedule: rate(68 hours)\narchitecture: amd64\nsettings: x.yaml\nevidenceLock: compliance 500 days\n",
			map[string]any{"logDays": "8", "shedule": "rate(1 hour)"},
			[]string{
				"ptcaudit.yaml:1:1: emial: unknown key: did you mean email?",
				`ptcaudit.yaml:2:1: memory: invalid number "64": use a whole number from 128 to 10240`,
				`ptcaudit.yaml:3:1: schedule: schedule "rate(68 hours)" has up to 68 hours`,
				"ptcaudit.yaml:4:1: architecture: make builds the function for ARCH: remove the key",
				"ptcaudit.yaml:5:1: settings: a settings file cannot name another",
				"ptcaudit.yaml:6:1: evidenceLock: 500 days are more than evidenceDays (400)",
				"context logDays: unsupported number of days 8",
				"context shedule: unknown key: did you mean schedule?",
				"context email: no one would be notified",
			},
		},
		{"a value of the context has no place in the file", "email: a@example.com\nmemory: 512\n", map[string]any{"memory": "64"}, []string{`context memory: invalid number "64"`}},
		{"a list of lists", "email: [[a@example.com]]\n", nil, []string{"ptcaudit.yaml:1:9: an entry of settings.email must be"}},
		{"twice", "email: a@example.com\nemail: b@example.com\n", nil, []string{"ptcaudit.yaml:2:1: "}},
		{"no YAML", "email: [a@example.com\n", nil, []string{"ptcaudit.yaml:1:", "invalid YAML"}},
		{"missing", "", map[string]any{settingsKey: "production.yaml"}, []string{"production.yaml: cannot read the settings: "}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inFolder(t, settingsFile, tt.file)
			s, err := loadSettings(tt.context)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("missing %q in:\n%v", want, err)
				}
			}
			if s.policy != "default" {
				t.Errorf("policy %q: the default is checked even then", s.policy)
			}
		})
	}
}

// Editors use the schema, and the example is the first file of most readers.
func TestSettingsSchemaAndExample(t *testing.T) {
	encoded, err := json.MarshalIndent(settingsSchema(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	encoded = append(encoded, '\n')
	if *update {
		if err := os.WriteFile(schemaFile, encoded, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(string(read(schemaFile)), string(encoded)); diff != "" {
		t.Errorf("run go test ./infra -update (-schema +code)\n%s", diff)
	}
	schema, err := jsonschema.NewCompiler().Compile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	validate := func(text []byte) error {
		var v any
		if err := yaml.Unmarshal(text, &v); err != nil {
			t.Fatal(err)
		}
		return schema.Validate(v)
	}
	if err := validate(read(exampleFile)); err != nil {
		t.Error(err)
	}
	if _, err := loadSettings(map[string]any{settingsKey: exampleFile}); err != nil {
		t.Error(err)
	}
	// The schema accepts every example of the README, and no other key.
	for _, k := range keys {
		if contextOnly[k.name] != "" {
			continue
		}
		value := any(k.example)
		if kind := schemaType(k.name); kind == "boolean" || kind == "integer" {
			try(yaml.Unmarshal([]byte(k.example), &value))
		}
		text, err := yaml.Marshal(map[string]any{k.name: value})
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(text); err != nil {
			t.Errorf("%s: %v", k.name, err)
		}
	}
	for _, invalid := range []string{"emial: a@example.com", "memory: a lot", "dashboard: 1", "architecture: arm64", "email: 7"} {
		if validate([]byte(invalid)) == nil {
			t.Errorf("the schema accepts %s", invalid)
		}
	}
}

func schemaType(key string) any {
	return settingsSchema()["properties"].(map[string]any)[key].(map[string]any)["type"]
}

// Each list in the file is a key that splits its value at semicolons.
func TestListsAreKeys(t *testing.T) {
	for _, name := range slices.Concat(lists, slices.Collect(maps.Keys(contextOnly))) {
		if !slices.Contains(keyNames(), name) {
			t.Errorf("%s is not a key", name)
		}
	}
}

// The example stays out of the way: git ignores the file that is made of it.
func TestGitIgnoresTheSettingsFile(t *testing.T) {
	if !strings.Contains(string(read(filepath.Join("..", ".gitignore"))), "\n/"+settingsFile+"\n") {
		t.Errorf(".gitignore does not list %s", settingsFile)
	}
}
