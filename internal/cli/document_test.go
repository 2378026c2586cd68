package cli_test

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/stand/toolbox"
)

// documents are those whose examples are run, by their path in the repository.
var documents = []string{"README.md", "internal/cli/README.md", "policies/README.md"}

// In a document, the console blocks are one shell session from the first to
// the last:
//
//   - a line that begins with "$ " is a command, "> " continues it, and the
//     lines below are its output, errors included;
//   - a line of output that is only "…" matches any number of lines;
//   - times, ids, ports and temporary paths may differ from those written.
//
// A yaml block whose first line is "# FILE" is that file, and an HTML comment
// "<!-- run: COMMAND -->" is a command that readers need not see. The commands
// ptcaudit and aws are on the PATH; the folder looks like the repository after
// `make bin`. -update rewrites output that differs.
func TestDocumentsShowWhatUsersSee(t *testing.T) {
	if _, err := exec.LookPath("jq"); err != nil {
		t.Skip("the examples use jq")
	}
	for _, name := range documents {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(toolbox.Root(t), name)
			document, err := os.ReadFile(path) //nolint:gosec // a file of the repository
			if err != nil {
				t.Fatal(err)
			}
			got := newSession(t).play(string(document))
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(document), got); diff != "" {
				t.Errorf("%s (-written +seen); run `go test ./internal/cli -run Documents -update`:\n%s", name, diff)
			}
		})
	}
}

func TestReconcile(t *testing.T) {
	tests := []struct{ name, written, seen, want string }{
		{"equal", "a\nb", "a\nb", "a\nb"},
		{"differs", "a\nb", "a\nc", "a\nc"},
		{"another time", "at 2026-11-22 05:51 UTC", "at 2027-01-02 15:04 UTC", "at 2026-11-22 05:51 UTC"},
		{"another audit", "s3://b/111122223333/eu-west-1/2026/11/22/VXFWZ2M7XKJQVXFWZ2M7XKJQVX.json.gz", "s3://b/111122223333/eu-west-1/2027/01/02/AAFWZ2M7XKJQVXFWZ2M7XKJQVX.json.gz", "s3://b/111122223333/eu-west-1/2026/11/22/VXFWZ2M7XKJQVXFWZ2M7XKJQVX.json.gz"},
		{"another registry is no id", "111122223333", "444455556666", "444455556666"},
		{"omitted between", "a\n…\nd", "a\nb\nc\nd", "a\n…\nd"},
		{"omitted at both ends", "…\nb\nc\n…", "a\nb\nc\nd", "…\nb\nc\n…"},
		{"nothing to omit", "a\n…", "a", "a\n…"},
		{"does not begin so", "b\n…", "a\nb", "a\nb"},
		{"does not end so", "…\nb", "a\nb\nc", "a\nb\nc"},
		{"the shown part has changed", "…\nb\nc\nd\n…", "a\nb\nX\nd\ne", "…\nb\nX\nd\n…"},
		{"the ends of the shown part have changed", "…\nSubject: [HIGH] old\nb\nEvidence: file x\n…", "a\nSubject: [HIGH] new\nb\nEvidence: file y\nc", "…\nSubject: [HIGH] new\nb\nEvidence: file y\n…"},
		{"the shown part is gone", "…\nx\n…", "a\nb", "a\nb"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := strings.Join(reconcile(strings.Split(tt.written, "\n"), strings.Split(tt.seen, "\n")), "\n")
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error("(-want +got)\n" + diff)
			}
		})
	}
}

// varying is what differs from run to run.
var varying = []*regexp.Regexp{
	regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?( UTC)?`),
	regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)`),
	regexp.MustCompile(`\b\d\d:\d\d:\d\d\b`),
	regexp.MustCompile(`/\d{4}/\d\d/\d\d/[A-Z2-7]{26}\b`), // the key of a report
	regexp.MustCompile(`\b[A-Z2-7]{26}\b`),                // an audit
	regexp.MustCompile(`\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b`),
	regexp.MustCompile(`\b\d+\.\d+ seconds\b`),
	regexp.MustCompile(`/tmp/ptcaudit-demo-?\d*`),
}

// steady is a line without what differs from run to run.
func steady(line string) string {
	for _, v := range varying {
		line = v.ReplaceAllString(line, "*")
	}
	return strings.TrimRight(line, " ")
}

const omitted = "…"

// reconcile returns the output that a document should show: what is written, if
// the seen output agrees with it, otherwise what was seen, with the omissions
// kept as far as the first and the last line of each shown part still exist.
func reconcile(written, seen []string) []string {
	same := map[string]string{} // written lines, by their steady form
	for _, line := range written {
		same[steady(line)] = line
	}
	seen = slices.Clone(seen)
	have := make([]string, len(seen))
	for i, line := range seen {
		have[i] = steady(line)
		if line, ok := same[have[i]]; ok {
			seen[i] = line
		}
	}
	var out []string
	next, shown := 0, []string{}
	part := func(isLast bool) bool { // places the lines of shown
		if len(shown) == 0 {
			return len(out) > 0 || !isLast
		}
		first, last := steady(shown[0]), steady(shown[len(shown)-1])
		begin := find(have[next:], first)
		if begin < 0 || begin > 0 && len(out) == 0 {
			return false
		}
		begin += next
		if end := begin + len(shown); end <= len(have) && slices.EqualFunc(shown, have[begin:end], func(a, b string) bool { return steady(a) == b }) {
			out, next = append(out, shown...), end
			return !isLast || end == len(have)
		}
		end := find(have[begin:], last)
		if end < 0 || isLast && begin+end != len(have)-1 {
			return false
		}
		out, next = append(out, seen[begin:begin+end+1]...), begin+end+1
		return true
	}
	for _, line := range written {
		if line != omitted {
			shown = append(shown, line)
			continue
		}
		if !part(false) {
			return seen
		}
		out, shown = append(out, omitted), nil
	}
	if !part(true) {
		return seen
	}
	return out
}

// find returns the index of a line, or else of the first line that begins with
// the same two words, such as the subject of a mail whose rest has changed.
// -1 means that there is neither.
func find(lines []string, line string) int {
	if i := slices.Index(lines, line); i >= 0 {
		return i
	}
	return slices.IndexFunc(lines, func(l string) bool {
		words, want := strings.Fields(l), strings.Fields(line)
		return len(words) > 1 && len(want) > 1 && slices.Equal(words[:2], want[:2])
	})
}

// session is a shell in a folder that looks like the repository after `make
// bin`, on a machine with the AWS CLI but without its configuration files.
type session struct {
	t        *testing.T
	dir      string
	port     string // of the emulator, once it runs
	variable string // exports so far
	emulator *os.Process
}

func newSession(t *testing.T) *session {
	t.Helper()
	root, dir := toolbox.Root(t), t.TempDir()
	for _, name := range []string{"functions", "internal", "policies"} {
		if err := os.Symlink(filepath.Join(root, name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(program, filepath.Join(dir, "bin", "ptcaudit")); err != nil {
		t.Fatal(err)
	}
	return &session{t: t, dir: dir}
}

// play runs the examples of a document, and returns it with their output.
func (s *session) play(document string) string {
	var out strings.Builder
	lines := strings.SplitAfter(document, "\n")
	for i := 0; i < len(lines); i++ {
		out.WriteString(lines[i])
		line := strings.TrimSpace(lines[i])
		if hidden, ok := strings.CutPrefix(line, "<!-- run: "); ok {
			s.run(strings.TrimSuffix(hidden, " -->"))
		}
		switch line {
		case "```yaml":
			name, isFile := strings.CutPrefix(strings.TrimSpace(lines[i+1]), "# ")
			var content strings.Builder
			for i++; strings.TrimSpace(lines[i]) != "```"; i++ {
				out.WriteString(lines[i])
				content.WriteString(lines[i])
			}
			out.WriteString(lines[i])
			if isFile && !strings.Contains(name, " ") {
				if err := writeIn(s.dir, name, content.String()); err != nil {
					s.t.Fatal(err)
				}
			}
		case "```console":
			i = s.console(&out, lines, i+1)
		}
	}
	return out.String()
}

// console runs the commands of a block that begins at a line, and returns the
// line that ends it.
func (s *session) console(out *strings.Builder, lines []string, i int) int {
	for strings.TrimSpace(lines[i]) != "```" {
		command, ok := strings.CutPrefix(lines[i], "$ ")
		if !ok {
			s.t.Fatalf("line %d: output without a command: %s", i+1, lines[i])
		}
		out.WriteString(lines[i])
		for i++; strings.HasPrefix(lines[i], "> "); i++ {
			out.WriteString(lines[i])
			command += strings.TrimPrefix(lines[i], "> ")
		}
		var written []string
		for ; strings.TrimSpace(lines[i]) != "```" && !strings.HasPrefix(lines[i], "$ "); i++ {
			written = append(written, strings.TrimSuffix(lines[i], "\n"))
		}
		var seen []string
		if output := strings.TrimRight(s.run(strings.TrimSpace(command)), "\n"); output != "" {
			seen = strings.Split(output, "\n")
		}
		for _, line := range reconcile(written, seen) {
			out.WriteString(line + "\n")
		}
	}
	out.WriteString(lines[i])
	return i
}

// The emulator listens on this port in documents, and on a free one in tests.
const documentedPort = "5000"

// home is the folder that readers see in place of the session's.
const home = "/home/me/ptcaudit"

// run types one command and returns what it prints, errors included.
func (s *session) run(command string) string {
	s.t.Helper()
	if s.port != "" {
		command = strings.ReplaceAll(command, ":"+documentedPort, ":"+s.port)
	}
	if command == "kill %1" { // the emulator is the only job
		_ = s.emulator.Kill()
		return ""
	}
	if strings.HasPrefix(command, "export ") {
		s.variable += command + "\n"
		return ""
	}
	foreground, background := strings.CutSuffix(command, "&")
	if background {
		command = "exec " + foreground + " --listen 127.0.0.1:0" // exec, so that the program itself is killed
	}
	cmd := exec.CommandContext(s.t.Context(), "bash", "-c", s.variable+command)
	cmd.Dir = s.dir
	cmd.Env = []string{
		"PATH=" + filepath.Join(s.dir, "bin") + ":" + filepath.Dir(toolbox.AWS(s.t)) + ":" + os.Getenv("PATH"), "HOME=" + s.dir,
		"AWS_CONFIG_FILE=" + os.DevNull, "AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull, "AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=",
	}
	if background {
		return s.start(cmd)
	}
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	err := cmd.Run()
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended {
		s.t.Fatalf("%s: %v", command, err)
	}
	return s.asDocumented(output.String())
}

// start runs the emulator beside the session, and returns its first line.
func (s *session) start(cmd *exec.Cmd) string {
	s.t.Helper()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		s.t.Fatal(err)
	}
	before := s.port
	s.port = strings.TrimSpace(line[strings.LastIndex(line, ":")+1:])
	if before != "" {
		s.variable = strings.ReplaceAll(s.variable, ":"+before, ":"+s.port)
	}
	s.emulator = cmd.Process
	return s.asDocumented(line)
}

// asDocumented shows the port and the folder that readers have.
func (s *session) asDocumented(output string) string {
	if s.port != "" {
		output = strings.ReplaceAll(output, ":"+s.port, ":"+documentedPort)
	}
	return strings.ReplaceAll(output, s.dir, home)
}

// writeIn writes a file, and creates its folders.
func writeIn(dir, name, content string) error {
	name = filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	return os.WriteFile(name, []byte(content), 0o600)
}
