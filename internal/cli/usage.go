package cli

import (
	"errors"
	"io/fs"
	"regexp"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"ptcaudit/internal/suggest"
)

// Errors of kong that are reworded.
var (
	unexpectedArgument = regexp.MustCompile(`^unexpected argument (.*?)(?:, did you mean .*)?$`)
	missingArgument    = regexp.MustCompile(`^expected "(<[^>]*>)[^"]*"$`)
	missingFlags       = regexp.MustCompile(`^missing flags: (.*)$`)
	missingValue       = regexp.MustCompile(`^(--\S+): (?:missing value, .*|expected \S+ value but got .*)$`)
	notANumber         = regexp.MustCompile(`^(--\S+): expected a valid \d+ bit int but got (".*")$`)
	unknownChoice      = regexp.MustCompile(`^(\S+) must be one of (.*) but got (".*")$`)
)

// invalidLine explains an error of kong as all other errors: what is wrong, and
// how to fix it.
func invalidLine(err error) error {
	names, at := []string{"ptcaudit"}, (*kong.Node)(nil)
	if parse, ok := errors.AsType[*kong.ParseError](err); ok {
		at = parse.Context.Model.Node
		for _, step := range parse.Context.Path {
			if step.Command != nil {
				at, names = step.Command, append(names, step.Command.Name)
			}
		}
	}
	message := reworded(err.Error(), at)
	see := ": run "
	switch {
	case strings.HasSuffix(message, "?"):
		see = " Run "
	case strings.Contains(message, ": "):
		see = "; run "
	}
	return usage(errors.New(message + see + strings.Join(names, " ") + " --help"))
}

// reworded is the text of an error of kong in plain words. at is the command that
// has the error.
func reworded(text string, at *kong.Node) string {
	var commands []string
	if at != nil {
		for _, child := range at.Children {
			if !child.Hidden {
				commands = append(commands, child.Name)
			}
		}
	}
	if strings.HasPrefix(text, "expected ") && len(commands) > 0 {
		return "the command is missing: use " + suggest.OneOf(commands)
	}
	if m := unexpectedArgument.FindStringSubmatch(text); m != nil {
		if len(commands) > 0 {
			return "unknown command " + m[1] + suggest.Hint(m[1], commands)
		}
		return "unexpected argument " + m[1]
	}
	if m := missingArgument.FindStringSubmatch(text); m != nil {
		return m[1] + " is missing"
	}
	if m := missingFlags.FindStringSubmatch(text); m != nil {
		return "missing flags " + m[1]
	}
	if m := missingValue.FindStringSubmatch(text); m != nil {
		return m[1] + " needs a value"
	}
	if m := notANumber.FindStringSubmatch(text); m != nil {
		return "invalid " + m[1] + " " + m[2] + ": use a whole number"
	}
	if m := unknownChoice.FindStringSubmatch(text); m != nil {
		choices := strings.Split(strings.ReplaceAll(m[2], `"`, ""), ",")
		return "unknown " + m[1] + " " + m[3] + ": use " + suggest.OneOf(choices)
	}
	if strings.HasPrefix(text, "unknown flag ") {
		return strings.ReplaceAll(text, `"`, "")
	}
	return text
}

// fileError explains an error of a file that the user named. It keeps its cause.
type fileError struct {
	message string
	cause   error
}

func (e *fileError) Error() string { return e.message }

func (e *fileError) Unwrap() error { return e.cause }

// ofFile explains why a file or folder that the user named cannot be read. Any
// other error stays as it is.
func ofFile(name string, err error) error {
	if _, ok := errors.AsType[*fs.PathError](err); !ok {
		return err
	}
	explained := &fileError{cause: err}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		explained.message = name + " does not exist: check the path"
	case errors.Is(err, syscall.EISDIR):
		explained.message = name + " is a folder: name a file"
	case errors.Is(err, fs.ErrPermission):
		explained.message = name + " cannot be read: permission denied"
	default:
		return err
	}
	return explained
}
