package cli

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"ptcaudit/internal/policy"
	"ptcaudit/internal/render/asff"
	"ptcaudit/internal/render/csv"
	"ptcaudit/internal/render/github"
	"ptcaudit/internal/render/html"
	"ptcaudit/internal/render/junit"
	"ptcaudit/internal/render/markdown"
	"ptcaudit/internal/render/ocsf"
	"ptcaudit/internal/render/sarif"
	"ptcaudit/internal/render/text"
	"ptcaudit/internal/report"
	"ptcaudit/internal/suggest"
	"ptcaudit/internal/untrusted"
	"ptcaudit/policies"
)

// output is one value of --output: FORMAT, or FORMAT=FILE.
type output struct{ format, file string }

// UnmarshalText reads the flag's value.
func (o *output) UnmarshalText(flag []byte) error {
	format, file, named := strings.Cut(string(flag), "=")
	if named && file == "" {
		return fmt.Errorf("%s: the file name after = is missing", flag)
	}
	*o = output{format, file}
	return nil
}

// log is w without commands for CI services, in the form that the format has
// for them. Only github is made of such commands.
func (o output) log(w io.Writer) io.Writer {
	switch o.format {
	case "github":
		return w
	case "json", "sarif", "asff", "ocsf":
		return untrusted.NewLog(w, untrusted.BracketInJSON)
	case "junit", "html":
		return untrusted.NewLog(w, untrusted.BracketInXML)
	}
	return untrusted.NewLog(w, untrusted.BracketInText)
}

// outputs are all values of --output.
type outputs []output

// renderers write a result, by the name of the format.
type renderers map[string]func(w io.Writer, t terminal) error

// check finds invalid combinations, before the audit so that no result is lost.
func (list outputs) check(formats ...string) error {
	files := map[string]bool{}
	for _, o := range list {
		switch {
		case !slices.Contains(formats, o.format):
			return usage(fmt.Errorf("unknown --output format %q: use %s", o.format, suggest.OneOf(formats)))
		case files[o.file] && o.file == "":
			return usage(errors.New("several --output formats for standard output: use FORMAT=FILE for all but one"))
		case files[o.file]:
			return usage(fmt.Errorf("two --output formats for file %s: use two files", o.file))
		}
		if err := checkTarget(o.file); err != nil {
			return usage(fmt.Errorf("--output %s=%s: %w", o.format, o.file, err))
		}
		files[o.file] = true
	}
	return nil
}

// checkTarget finds a file that cannot be written because of its path; empty is
// standard output.
func checkTarget(file string) error {
	if file == "" {
		return nil
	}
	if info, err := os.Stat(file); err == nil && info.IsDir() {
		return fmt.Errorf("%s is a folder: name a file", file)
	}
	folder := filepath.Dir(file)
	if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("folder %s does not exist: create it first", folder)
	}
	return nil
}

// write writes a result in all requested formats; without any, as text to
// standard output. An error in one format does not prevent the others. Files
// come first: a reader of standard output may leave, as head does, and that
// ends the process.
func (c *command) write(list outputs, r renderers) error {
	if err := list.check(slices.Sorted(maps.Keys(r))...); err != nil {
		return err
	}
	if len(list) == 0 && !c.quiet {
		list = outputs{{format: "text"}}
	}
	var errs, unread []error
	for _, o := range list {
		if o.file == "" {
			continue
		}
		var content bytes.Buffer
		if err := r[o.format](o.log(&content), terminal{}); err != nil {
			errs = append(errs, err)
			continue
		}
		errs = append(errs, writeFile(o.file, content.Bytes()))
	}
	for _, o := range list {
		if o.file == "" {
			unread = append(unread, r[o.format](o.log(c.stdout), c.terminal()))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return incomplete(fmt.Errorf("write output: %w", errors.Join(err, errors.Join(unread...))))
	}
	if err := errors.Join(unread...); err != nil {
		return usage(fmt.Errorf("write output: %w", err))
	}
	return nil
}

// writeFile replaces a file with some content.
func writeFile(name string, content []byte) error {
	return replaceFile(name, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

// replaceFile replaces a file atomically: readers see the old or the new
// content, and the old one stays if write fails. The new file has the mode of
// the old one. A target that is not a regular file, such as /dev/stdout, is
// written directly, and so is a file in a folder that the user cannot write.
func replaceFile(name string, write func(io.Writer) error) error {
	if target, err := filepath.EvalSymlinks(name); err == nil {
		name = target
	}
	mode := fs.FileMode(newFileMode)
	switch info, err := os.Stat(name); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return into(name, os.O_WRONLY, mode, write)
	default:
		// A rename needs no permission for the file that it replaces.
		mode = info.Mode().Perm()
		file, err := os.OpenFile(name, os.O_WRONLY, 0) //nolint:gosec // the user names the file
		if err != nil {
			return err
		}
		if err := file.Close(); err != nil {
			return err
		}
	}
	temporary := filepath.Join(filepath.Dir(name), "."+filepath.Base(name)+"."+rand.Text())
	err := into(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode, write)
	if errors.Is(err, fs.ErrPermission) {
		// Its folder takes no new files. If the file is missing, neither can this
		// make it, and the error names the file.
		return into(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode, write)
	}
	if err == nil && mode != newFileMode {
		err = os.Chmod(temporary, mode) // whatever the umask is
	}
	if err == nil {
		err = os.Rename(temporary, name)
	}
	if at, ok := errors.AsType[*fs.PathError](err); ok && at.Path == temporary {
		at.Path = name // the user knows this one
	}
	if err != nil {
		return errors.Join(err, ignoreMissing(os.Remove(temporary)))
	}
	return nil
}

// newFileMode is the mode of a new file, less what the user's umask takes away.
const newFileMode = 0o666

// into writes to a file.
func into(name string, flags int, mode fs.FileMode, write func(io.Writer) error) error {
	file, err := os.OpenFile(name, flags, mode) //nolint:gosec // the user names it, and the user's umask decides who may read it
	if err != nil {
		return err
	}
	return errors.Join(write(file), file.Close())
}

func ignoreMissing(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// formats are the formats of reports, by their name in --output. A new format
// is a line here.
var formats = []struct {
	name  string
	write func(w io.Writer, r report.Report, t terminal, k background) error
}{
	{"text", func(w io.Writer, r report.Report, t terminal, _ background) error {
		return text.Render(w, r, text.Options{Width: t.width, Color: t.color})
	}},
	{"json", func(w io.Writer, r report.Report, _ terminal, _ background) error { return r.Encode(w) }},
	{"markdown", func(w io.Writer, r report.Report, _ terminal, _ background) error { return markdown.Render(w, r) }},
	{"html", func(w io.Writer, r report.Report, _ terminal, k background) error { return html.Render(w, r, k.past) }},
	{"csv", func(w io.Writer, r report.Report, _ terminal, _ background) error { return csv.Render(w, r) }},
	{"junit", func(w io.Writer, r report.Report, _ terminal, _ background) error { return junit.Render(w, r) }},
	{"sarif", func(w io.Writer, r report.Report, _ terminal, k background) error {
		return sarif.Render(w, r, sarif.Options{Checks: k.checks(), Place: k.place})
	}},
	{"github", func(w io.Writer, r report.Report, _ terminal, k background) error {
		return github.Render(w, r, github.Options{Place: k.place})
	}},
	{"asff", func(w io.Writer, r report.Report, _ terminal, k background) error {
		return asff.Render(w, r, asff.Options{Before: k.before})
	}},
	{"ocsf", func(w io.Writer, r report.Report, _ terminal, k background) error {
		return ocsf.Render(w, r, ocsf.Options{Before: k.before})
	}},
}

// reportFormats are the names of all formats.
var reportFormats = func() (names []string) {
	for _, f := range formats {
		names = append(names, f.name)
	}
	return names
}()

// plainFormats are the formats of other results.
var plainFormats = []string{"text", "json"}

// background is what formats can show beside a report: its policy, and what was
// before it. All of it is optional.
type background struct {
	placedPolicy
	past html.Options
	// before is the baseline; nil without one.
	before *report.Report
}

// writeReport writes a report in all requested formats.
func (c *command) writeReport(to outputs, r report.Report, k background) error {
	all := renderers{}
	for _, f := range formats {
		all[f.name] = func(w io.Writer, t terminal) error { return f.write(w, r, t, k) }
	}
	return c.write(to, all)
}

// placedPolicy is a policy with the places of its values. The zero value is an
// unknown policy.
type placedPolicy struct {
	*policy.Policy
	places policy.Places
}

// checks are the texts of the checks, by id.
func (p placedPolicy) checks() map[string]sarif.Check {
	out := map[string]sarif.Check{}
	if p.Policy == nil {
		return out
	}
	for _, c := range p.Checks {
		out[c.ID] = sarif.Check{Title: c.Title, Why: c.Why, References: c.References}
	}
	return out
}

// place is the line of the user's policy that requires what a finding is about:
// the required rule, else the check, else the name of the policy that extends
// a shipped one. A shipped policy has no file, so it has no place.
func (p placedPolicy) place(f report.Finding) (file string, line int) {
	check := "checks." + f.Check + "."
	keys := []string{check + "assert", check + "match", check + "severity", check + "title", "name"}
	if f.Check == report.CheckRequiredRule {
		keys = append([]string{"requiredRules." + f.Prefix}, keys...)
	}
	for _, key := range keys {
		if at, known := p.places[key]; known && !slices.Contains(policies.Names(), at.File) {
			return fromHere(at.File), at.Line
		}
	}
	return "", 0
}

// fromHere is a file relative to the working directory, which in a pipeline is
// the repository. A file outside of it keeps its name.
func fromHere(file string) string {
	if dir, err := os.Getwd(); err == nil && filepath.IsAbs(file) {
		if relative, err := filepath.Rel(dir, file); err == nil && filepath.IsLocal(relative) {
			file = relative
		}
	}
	return filepath.ToSlash(file)
}

// writeJSON writes indented JSON with a line break at its end.
func writeJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}
