package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"ptcaudit/internal/policy/source"
	"ptcaudit/internal/suggest"
)

// settingsKey is the key of the context that names the settings file. Its value
// noSettings means that no file is read.
const (
	settingsKey = "settings"
	noSettings  = "none"
)

// settingsFile is read if it exists and the context names no other file. Git does
// not track it.
const settingsFile = "ptcaudit.yaml"

// contextOnly are keys that the settings file cannot have, and why not.
var contextOnly = map[string]string{
	settingsKey:    "a settings file cannot name another: remove the key",
	"architecture": "make builds the function for ARCH: remove the key, and run make with ARCH=arm64 or ARCH=amd64",
}

// loadSettings reads the settings file, and then the context, whose values override
// those of the file. Its error lists all faults, one on each line. The policy of the
// returned settings is set even then.
func loadSettings(context map[string]any) (settings, error) {
	name, err := text(context[settingsKey])
	if err != nil {
		return settings{policy: policyKey.standard}, fmt.Errorf("context %s: %w", settingsKey, err)
	}
	var faults source.Errors
	file := readSettings(name, &faults)
	merged := map[string]any{}
	for _, entry := range file {
		if entry.Value.IsSet() {
			merged[entry.Key.Value] = entry.Value.Value
		}
	}
	// An empty value is not set, as everywhere in the context.
	for key, value := range context {
		if v, err := text(value); v != "" || err != nil {
			merged[key] = value
		}
	}
	s, err := parse(merged, func(key string, err error) error {
		at := slices.IndexFunc(file, func(e source.Entry[source.Value]) bool { return e.Key.Value == key })
		if inContext, _ := text(context[key]); at < 0 || inContext != "" {
			return fmt.Errorf("context %s: %w", key, err)
		}
		return file[at].Key.Error("%s: %v", key, err)
	})
	return s, errors.Join(faults.Err(), err)
}

// readSettings reads the settings file with a name, or the usual one, if it exists.
// It returns the known keys, and adds all faults of the file to faults.
func readSettings(name string, faults *source.Errors) source.Map[source.Value] {
	optional := name == ""
	if optional {
		name = settingsFile
	}
	if name == noSettings {
		return nil
	}
	data, err := source.ReadFile(name)
	if optional && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		*faults = append(*faults, source.Error{File: name, Message: "cannot read the settings: " + err.Error()})
		return nil
	}
	root, ok := source.Parse(name, data, faults)
	if !ok {
		return nil
	}
	var file source.Map[source.Value]
	root.Decode(&file, settingsKey)
	names := slices.DeleteFunc(keyNames(), func(key string) bool { return contextOnly[key] != "" })
	return slices.DeleteFunc(file, func(e source.Entry[source.Value]) bool {
		switch key := e.Key.Value; {
		case contextOnly[key] != "":
			e.Key.Fault("%s: %s", key, contextOnly[key])
		case !slices.Contains(names, key):
			e.Key.Fault("%s: unknown key: did you mean %s?", key, suggest.Nearest(key, names))
		default:
			return false
		}
		return true
	})
}

// lists are the keys that can have several values: a list, or one string with
// semicolons.
var lists = []string{email, https, sqs, "alarms", "tags"}

// settingsSchema is the JSON schema of the settings file, for editors.
func settingsSchema() map[string]any {
	properties := map[string]any{}
	for _, k := range keys {
		if contextOnly[k.name] != "" {
			continue
		}
		property := map[string]any{"description": k.doc, "type": "string"}
		var n int
		var b bool
		switch {
		case slices.Contains(lists, k.name):
			property["type"] = []string{"string", "array"}
			property["items"] = map[string]any{"type": "string"}
		case setBool(&b, k.standard) == nil:
			property["type"], property["default"] = "boolean", b
		case setNumber(&n, k.standard, 0, maxLockDays) == nil:
			property["type"], property["default"] = "integer", n
		case k.standard != "":
			property["default"] = k.standard
		}
		properties[k.name] = property
	}
	return map[string]any{
		"$schema":              "https://json-schema.org/draft/2020-12/schema",
		"title":                "Settings of a deployment of ptcaudit",
		"type":                 "object",
		"properties":           properties,
		"additionalProperties": false,
	}
}

func keyNames() []string {
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = k.name
	}
	return names
}

// unknownKeys returns an error for each key that is neither a setting nor the CDK's.
func unknownKeys(context map[string]any) []error {
	var faults []error
	names := keyNames()
	for _, name := range slices.Sorted(maps.Keys(context)) {
		if !slices.Contains(names, name) && !isCDKs(name) {
			faults = append(faults, fmt.Errorf("context %s: unknown key: did you mean %s?", name, suggest.Nearest(name, names)))
		}
	}
	return faults
}
