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

// policyFile is the policy's name in the function's package. The function is
// started in the folder of the package.
const policyFile = "policy.yaml"

// machines are the architectures as an executable names them.
var machines = map[string]elf.Machine{"arm64": elf.EM_AARCH64, "amd64": elf.EM_X86_64}

// checkBootstrap says what to do where the function is not built, or built for
// something else.
func checkBootstrap(path, architecture string) error {
	build := "run `make build ARCH=" + architecture + "`"
	file, err := elf.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s is missing: %s", path, build)
	case err != nil:
		return fmt.Errorf("%s is no executable (%w): %s", path, err, build)
	}
	defer func() { _ = file.Close() }() // it was only read
	if file.Machine != machines[architecture] {
		return fmt.Errorf("%s is built for %v: %s", path, file.Machine, build)
	}
	return nil
}

// layPackage puts what the function needs into a folder of its own: the
// executable, and the policy with all that it extends resolved.
func layPackage(bootstrap string, p *policy.Policy) (folder string, err error) {
	if folder, err = os.MkdirTemp("", "ptcaudit-"); err != nil {
		return "", err
	}
	executable, err := os.ReadFile(bootstrap) //nolint:gosec // the one that is deployed
	if err != nil {
		return "", err
	}
	text, err := p.Single()
	if err != nil {
		return "", err
	}
	// The function runs as another user than the one who owns its package.
	path := filepath.Join(folder, policyFile)
	if err := errors.Join(
		os.WriteFile(filepath.Join(folder, "bootstrap"), executable, 0o755), //nolint:gosec // see above
		os.WriteFile(path, text, 0o644),                                     //nolint:gosec // see above
	); err != nil {
		return "", err
	}
	// What the function will load is what was just compiled, or nothing is
	// deployed.
	switch packed, err := policy.Load(path); {
	case err != nil:
		return "", fmt.Errorf("policy %s cannot be written as one file: %w", p.Ref().Name, err)
	case packed.Ref() != p.Ref():
		return "", fmt.Errorf("policy %s is another one when written as one file", p.Ref().Name)
	}
	return folder, nil
}
