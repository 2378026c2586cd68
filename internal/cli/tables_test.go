package cli_test

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/cli"
	"ptcaudit/internal/config"
	"ptcaudit/internal/emulator"
)

// environment describes the variables, with their defaults as a user would
// write them. An empty default means that the variable has none.
var environment = []struct{ key, preset, what string }{
	{config.KeyPolicy, config.DefaultPolicy, "the policy: `default`, `strict` or a file"},
	{config.KeyTopicARN, "", "the ARN of the SNS topic for people, who get text; without any topic, `event` prints notifications"},
	{config.KeyRecordsTopicARN, "", "the ARN of the SNS topic for programs, which get JSON"},
	{config.KeyChatTopicARN, "", "the ARN of the SNS topic for Amazon Q Developer in chat applications"},
	{config.KeyState, "", "where ledgers are kept, `s3://BUCKET/PREFIX` or `file:///FOLDER`; without it, every audit notifies all failures"},
	{config.KeyEvidence, "", "where reports are kept, in the same form; without it, none are"},
	{config.KeyMinSeverity, string(config.DefaultMinSeverity), "the lowest severity that is notified: `critical`, `high`, `medium`, `low` or `informational`"},
	{config.KeyRemindAfter, "7d", "when an unchanged failure is notified again, in days (`7d`) or hours (`12h`)"},
	{config.KeyMaxReceives, fmt.Sprint(config.DefaultMaxReceives), "how often the queue delivers a message; the last try notifies what could not be audited"},
	{config.KeyCallTimeout, config.DefaultCallTimeout.String(), "the time for one call to ECR"},
	{config.KeyConcurrency, fmt.Sprint(config.DefaultConcurrency), "how many rules ECR validates in parallel, 1 to 50"},
	{config.KeyLogLevel, "info", "the lowest level of the log: `debug`, `info`, `warn` or `error`; the command logs only if it is set"},
}

// The tables of the command's document follow the code. -update rewrites them.
func TestTablesOfTheDocument(t *testing.T) {
	const name = "README.md"
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	got := string(text)
	for marker, table := range map[string]string{"environment": environmentTable(), "fixture": fixtureTable()} {
		begin, end := "<!-- "+marker+" -->\n", "<!-- end of "+marker+" -->"
		before, rest, found := strings.Cut(got, begin)
		_, after, closed := strings.Cut(rest, end)
		if !found || !closed {
			t.Fatalf("%s has no %q or no %q", name, begin, end)
		}
		got = before + begin + table + end + after
	}
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(text), got); diff != "" {
		t.Errorf("%s (-written +code); run `go test ./internal/cli -run Tables -update`:\n%s", name, diff)
	}
}

func environmentTable() string {
	var out strings.Builder
	out.WriteString("| variable | default | what it is |\n|---|---|---|\n")
	for _, v := range environment {
		preset := "-"
		if v.preset != "" {
			preset = "`" + v.preset + "`"
		}
		fmt.Fprintf(&out, "| `%s` | %s | %s |\n", v.key, preset, v.what)
	}
	return out.String()
}

// The table has every variable of the configuration. A default, set explicitly,
// changes nothing.
func TestEnvironmentTableHasAllVariablesAndDefaults(t *testing.T) {
	var keys []string
	for _, v := range environment {
		keys = append(keys, v.key)
		if v.preset == "" {
			continue
		}
		set, err := config.Load([]string{v.key + "=" + v.preset})
		if err != nil {
			t.Errorf("%s: %v", v.key, err)
		}
		unset, err := config.Load(nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(unset, set); diff != "" {
			t.Errorf("%s=%s is not the default (-default +set):\n%s", v.key, v.preset, diff)
		}
	}
	if diff := cmp.Diff(slices.Sorted(slices.Values(config.Keys())), slices.Sorted(slices.Values(keys))); diff != "" {
		t.Errorf("variables (-config +table):\n%s", diff)
	}
}

// fixtureTable lists the keys of the schema of fixtures, each below its parent.
func fixtureTable() string {
	var out strings.Builder
	out.WriteString("| key | type | what it is |\n|---|---|---|\n")
	var walk func(schema map[string]any, path string)
	walk = func(schema map[string]any, path string) {
		properties, _ := schema["properties"].(map[string]any)
		for _, key := range slices.Sorted(maps.Keys(properties)) {
			property := properties[key].(map[string]any)
			inside := strings.TrimPrefix(path+"."+key, ".")
			fmt.Fprintf(&out, "| `%s` | %s | %s |\n", inside, typeOf(property), property["description"])
			if items, ok := property["items"].(map[string]any); ok {
				property, inside = items, inside+"[]"
			}
			walk(property, inside)
		}
	}
	walk(emulator.Schema(), "")
	return out.String()
}

// typeOf names the type of a key as a table shows it.
func typeOf(property map[string]any) string {
	if values, ok := property["enum"]; ok && property["type"] == "string" {
		words := strings.Fields(strings.Trim(fmt.Sprint(values), "[]"))
		if len(words) <= 5 {
			return "`" + strings.Join(words, "`, `") + "`"
		}
	}
	switch kind := property["type"].(type) {
	case string:
		return map[string]string{"array": "list", "object": "mapping"}[kind] + map[string]string{"string": "string", "integer": "integer", "boolean": "boolean"}[kind]
	case []any:
		return "mapping"
	}
	return "time"
}

// The document has an example of every command.
func TestDocumentShowsEveryCommand(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	commands := cli.Commands()
	for _, words := range commands {
		isGroup := slices.ContainsFunc(commands, func(other []string) bool {
			return len(other) > len(words) && slices.Equal(other[:len(words)], words)
		})
		if command := strings.Join(append([]string{"ptcaudit"}, words...), " "); !isGroup && !strings.Contains(string(text), command) {
			t.Errorf("README.md has no example of %s", command)
		}
	}
}
