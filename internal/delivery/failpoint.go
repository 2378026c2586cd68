//go:build !failpoint

package delivery

// failpoint does nothing in a normal build. In the build of the crash tests it
// kills the process after a step; see failpoint_on.go.
func failpoint(string) {}
