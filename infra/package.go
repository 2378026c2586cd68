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
	defer file.Close()
	if file.Machine != machines[architecture] {
		return fmt.Errorf("%s is built for %v: %s", path, file.Machine, build)
	}
	return nil
}

// layPackage puts what the function needs into an empty folder: the executable,
// and the policy with all that it extends resolved.
func layPackage(folder, bootstrap string, p *policy.Policy) error {
	executable, err := os.ReadFile(bootstrap)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, "bootstrap"), executable, 0o755); err != nil {
		return err
	}
	text, err := p.Single()
	if err != nil {
		return err
	}
	path := filepath.Join(folder, policyFile)
	if err := os.WriteFile(path, text, 0o644); err != nil {
		return err
	}
	// What the function will load is what was just compiled, or nothing is
	// deployed.
	switch packed, err := policy.Load(path); {
	case err != nil:
		return fmt.Errorf("policy %s cannot be written as one file: %w", p.Ref().Name, err)
	case packed.Ref() != p.Ref():
		return fmt.Errorf("policy %s is another one when written as one file", p.Ref().Name)
	}
	return nil
}
