package cli

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// output is one value of --output: FORMAT, or FORMAT=FILE.
type output struct{ format, file string }

// UnmarshalText reads the flag's value.
func (o *output) UnmarshalText(text []byte) error {
	format, file, named := strings.Cut(string(text), "=")
	if named && file == "" {
		return fmt.Errorf("%s: name a file after the equals sign", text)
	}
	*o = output{format, file}
	return nil
}

// outputs are all values of --output.
type outputs []output

// renderers write a result, by format. color and width are those of the
// terminal, where the result goes to one.
type renderers map[string]func(w io.Writer, t terminal) error

// check says what cannot be done, before there is a result to lose.
func (outs outputs) check(formats ...string) error {
	files := map[string]bool{}
	for _, o := range outs {
		switch {
		case !slices.Contains(formats, o.format):
			return usage(fmt.Errorf("--output %s: no such format: write %s", o.format, oneOf(formats)))
		case files[o.file] && o.file == "":
			return usage(errors.New("--output: only one can go to standard output: write FORMAT=FILE for the others"))
		case files[o.file]:
			return usage(fmt.Errorf("--output: %s is named twice", o.file))
		}
		files[o.file] = true
	}
	return nil
}

// oneOf lists names to choose from.
func oneOf(names []string) string {
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// write writes a result in every format that was asked for; as text to
// standard output where none was. One that cannot be written keeps none of the
// others from being written.
func (c *command) write(outs outputs, r renderers) error {
	if err := outs.check(slices.Sorted(maps.Keys(r))...); err != nil {
		return err
	}
	if len(outs) == 0 && !c.quiet {
		outs = outputs{{format: "text"}}
	}
	var errs []error
	for _, o := range outs {
		if o.file == "" {
			errs = append(errs, r[o.format](c.out, c.terminal()))
			continue
		}
		var content bytes.Buffer
		if err := r[o.format](&content, terminal{}); err != nil {
			errs = append(errs, err)
			continue
		}
		errs = append(errs, writeFile(o.file, content.Bytes()))
	}
	if err := errors.Join(errs...); err != nil {
		return incomplete(fmt.Errorf("write output: %w", err))
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

// replaceFile replaces a file at once: whoever reads it meanwhile sees the old
// content or the new, never a part, and the old stays where write fails. What
// is no regular file, such as /dev/stdout, is written to.
func replaceFile(name string, write func(io.Writer) error) error {
	if target, err := filepath.EvalSymlinks(name); err == nil {
		name = target
	}
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		return into(name, write)
	}
	temporary := filepath.Join(filepath.Dir(name), "."+filepath.Base(name)+"."+rand.Text())
	if err := into(temporary, write); err != nil {
		return errors.Join(err, ignoreMissing(os.Remove(temporary)))
	}
	if err := os.Rename(temporary, name); err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	return nil
}

// into writes to a file, which it makes if it is not there.
func into(name string, write func(io.Writer) error) error {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666) //nolint:gosec // the user names it, and the user's umask decides who may read it
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
