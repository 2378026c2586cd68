package main

import (
	"testing"
)

func TestNagIsClean(t *testing.T) {
	for name, d := range map[string]deployment{"plain": plain(), "full": full()} {
		for _, finding := range d.nag {
			t.Errorf("%s: %s", name, finding)
		}
	}
}
