package main

import (
	"maps"
	"slices"
	"testing"
)

// Programs get a topic of their own only if there are any, and chat only if it is
// asked for. All topics of the function have one key.
func TestTopics(t *testing.T) {
	for name, tt := range map[string]struct {
		d    deployment
		want []string
	}{
		"people only": {plain(), []string{"Findings"}},
		"all":         {full(), []string{"Chat", "Findings", "Records"}},
	} {
		got, keys := []string{}, map[string]bool{}
		for id, topic := range tt.d.template.of("AWS::SNS::Topic") {
			if short := topicOf(t, tt.d.template, map[string]any{"Ref": id}); short != "Alarms" {
				got = append(got, short)
				keys[names(topic.Properties["KmsMasterKeyId"])] = true
			}
		}
		if slices.Sort(got); !slices.Equal(got, tt.want) {
			t.Errorf("%s: topics %v, want %v", name, got, tt.want)
		}
		if len(keys) != 1 {
			t.Errorf("%s: keys %v, want one", name, slices.Sorted(maps.Keys(keys)))
		}
	}
}
