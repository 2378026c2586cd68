//go:build race

package policy_test

// raceFactor is how much more memory the race detector takes.
const raceFactor = 2
