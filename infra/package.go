package main

import (
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"ptcaudit/internal/policy"
)

// policyFile is the policy's name in the function's package. Lambda starts the
// function in the folder of the package.
const policyFile = "policy.yaml"

// machines maps Go's names of architectures to those in an executable.
var machines = map[string]elf.Machine{"arm64": elf.EM_AARCH64, "amd64": elf.EM_X86_64}

// checkBootstrap returns an error if the function is not built, or is built for
// another architecture.
func checkBootstrap(path, architecture string) error {
	build := "run `make build ARCH=" + architecture + "`"
	file, err := elf.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s is missing: %s", path, build)
	case err != nil:
		return fmt.Errorf("%s is not an executable (%w): %s", path, err, build)
	}
	defer func() { _ = file.Close() }() // only read
	if file.Machine != machines[architecture] {
		return fmt.Errorf("%s is built for %v, not for %s: %s", path, file.Machine, architecture, build)
	}
	return nil
}

// layPackage writes the function's package into a new folder: the executable, and
// the policy as one file.
func layPackage(bootstrap string, p *policy.Policy) (folder string, err error) {
	executable, err := os.ReadFile(bootstrap) //nolint:gosec // the file to deploy
	if err != nil {
		return "", err
	}
	text, err := p.Single()
	if err != nil {
		return "", err
	}
	// The function loads exactly the policy that was compiled here. Otherwise
	// nothing is deployed.
	switch packed, err := policy.Parse(policyFile, text); {
	case err != nil:
		return "", fmt.Errorf("cannot write policy %s as one file: %w", p.Ref().Name, err)
	case packed.Ref() != p.Ref():
		return "", fmt.Errorf("policy %s changes if it is written as one file: report this as a bug", p.Ref().Name)
	}
	if folder, err = os.MkdirTemp("", "ptcaudit-"); err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(folder))
			folder = ""
		}
	}()
	// Lambda runs the function as a user that does not own the package.
	return folder, errors.Join(
		os.WriteFile(filepath.Join(folder, "bootstrap"), executable, 0o755), //nolint:gosec // see above
		os.WriteFile(filepath.Join(folder, policyFile), text, 0o644),        //nolint:gosec // see above
	)
}
