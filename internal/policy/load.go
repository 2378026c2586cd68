package policy

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"ptcaudit/internal/policy/source"
	"ptcaudit/internal/suggest"
	"ptcaudit/policies"
)

// maxChain bounds how many files extend one another.
const maxChain = 16

// Load reads a policy and everything that it extends. A shipped policy is read
// by its name (default, strict); anything else is a file. The error is of type
// Errors and holds every fault of every file, sorted.
func Load(name string) (*Policy, error) {
	var faults Errors
	p := load(name, &faults, nil)
	if err := faults.Err(); err != nil {
		return nil, err
	}
	return p, nil
}

// Parse is Load for a policy in memory. Faults are reported under its name, and a
// relative path in extends starts from the name's folder. A file of that name does
// not need to exist.
func Parse(name string, data []byte) (*Policy, error) {
	var faults Errors
	p := parse(location{path: name}, data, &faults, nil)
	if err := faults.Err(); err != nil {
		return nil, err
	}
	return p, nil
}

func load(name string, faults *Errors, places Places) *Policy {
	at := location{path: name, shipped: slices.Contains(policies.Names(), name)}
	data, err := at.read()
	if err != nil {
		*faults = append(*faults, Error{File: name, Message: at.unreadable(err)})
		return nil
	}
	return parse(at, data, faults, places)
}

// parse resolves the policy in data.
func parse(at location, data []byte, faults *Errors, places Places) *Policy {
	chain, whole := follow(at, data, faults)
	if len(chain) == 0 {
		return nil
	}
	r := newResolver(!whole)
	r.places = places
	for _, f := range slices.Backward(chain) {
		r.merge(f)
	}
	p := r.policy()
	if len(*faults) == 0 && p.checksNothing() {
		r.file.Name.Fault("the policy checks nothing: extend default or strict, or add checks or requiredRules")
	}
	return p
}

// follow reads a file and those that it extends, itself first. whole is false if
// one of them could not be read.
func follow(at location, data []byte, faults *Errors) (chain []*file, whole bool) {
	for {
		root, ok := source.Parse(at.path, data, faults)
		if !ok {
			return chain, false
		}
		f := &file{location: at}
		root.Decode(f, "the file")
		chain = append(chain, f)
		if !f.Has("extends") {
			return chain, true
		}
		if line(f.Extends, "extends") == "" {
			return chain, false
		}
		next := at.parent(f.Extends.Value)
		if i := slices.IndexFunc(chain, func(f *file) bool { return f.location == next }); i >= 0 {
			var names []string
			for _, f := range chain[i:] {
				names = append(names, f.path)
			}
			f.Extends.Fault("circular extends: %s", strings.Join(append(names, next.path), " extends "))
			return chain, false
		}
		if len(chain) == maxChain {
			f.Extends.Fault("too many files extend one another: use at most %d", maxChain)
			return chain, false
		}
		var err error
		if data, err = next.read(); err != nil {
			f.Extends.Fault("%s: %s", next.path, next.unreadable(err))
			return chain, false
		}
		at = next
	}
}

// location names the source of a policy: a file or a shipped policy.
type location struct {
	path    string
	shipped bool
}

// parent is the location of a policy that this one extends. A path is relative to
// the file that names it.
func (l location) parent(name string) location {
	switch {
	case slices.Contains(policies.Names(), name):
		return location{name, true}
	case filepath.IsAbs(name):
		return location{path: filepath.Clean(name)}
	}
	return location{path: filepath.Join(filepath.Dir(l.path), name)}
}

// read returns the text of a policy.
func (l location) read() ([]byte, error) {
	if l.shipped {
		data, _ := policies.Read(l.path)
		return data, nil
	}
	return source.ReadFile(l.path)
}

// unreadable explains in one line why a policy could not be read.
func (l location) unreadable(err error) string {
	if errors.Is(err, fs.ErrNotExist) {
		hint := suggest.Hint(l.path, policies.Names())
		if hint != "" && !slices.Contains(policies.Names(), l.path) {
			return "unknown policy" + hint
		}
		return "the file does not exist: check the path, or use " + suggest.OneOf(policies.Names())
	}
	return "cannot read the file: " + err.Error()
}
