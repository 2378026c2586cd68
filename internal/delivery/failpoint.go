//go:build !failpoint

package delivery

// failpoint marks a step after which the crash tests kill the process. Only
// their build does it; see failpoint_on.go.
func failpoint(string) {}
