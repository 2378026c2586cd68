//go:build failpoint

package delivery

import (
	"os"
	"syscall"
)

// failpoint kills the process with SIGKILL after the step that $FAILPOINT
// names. Only the crash tests build with this tag.
func failpoint(step string) {
	if os.Getenv("FAILPOINT") == step {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // until the signal arrives
	}
}
