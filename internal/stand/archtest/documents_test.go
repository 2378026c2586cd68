package archtest_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const root = "../../.."

// documents are the paths of the repository's Markdown files, without those of
// tests and of fetched tools.
func documents(t *testing.T) []string {
	t.Helper()
	var paths []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains([]string{".git", ".cache", "testdata", "node_modules", "cdk.out", "dist"}, entry.Name()):
			return filepath.SkipDir
		case filepath.Ext(path) == ".md":
			paths = append(paths, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) < 4 {
		t.Fatalf("found only %v", paths)
	}
	return paths
}

var (
	fence   = regexp.MustCompile("(?ms)^```.*?^```$")
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	section = regexp.MustCompile(`(?m)^## (.+)$`)
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	dropped = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// anchor is how GitHub links to a heading.
func anchor(title string) string {
	return strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(title), ""), " ", "-")
}

// prose is a document without its code blocks.
func prose(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path) //nolint:gosec // a file of the repository
	if err != nil {
		t.Fatal(err)
	}
	return fence.ReplaceAllString(string(data), "")
}

func hasAnchor(text, name string) bool {
	return slices.ContainsFunc(heading.FindAllStringSubmatch(text, -1), func(h []string) bool { return anchor(h[1]) == name })
}

func TestLinksOfDocumentsWork(t *testing.T) {
	for _, path := range documents(t) {
		text := prose(t, path)
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			file, name, _ := strings.Cut(m[1], "#")
			target, content := path, text
			if file != "" {
				target = filepath.Join(filepath.Dir(path), file)
				if _, err := os.Stat(target); err != nil {
					t.Errorf("%s links to %s: %v", path, m[1], err)
					continue
				}
			}
			if name == "" {
				continue
			}
			if target != path {
				content = prose(t, target)
			}
			if !hasAnchor(content, name) {
				t.Errorf("%s links to %s: no such heading", path, m[1])
			}
		}
	}
}

// A reader of the README decides in minutes; what takes longer has its own
// document, which the README links to.
func TestREADMEIsShortAndListsItsSections(t *testing.T) {
	const limit = 1300
	path := filepath.Join(root, "README.md")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if words := len(strings.Fields(string(data))); words > limit {
		t.Errorf("README.md has %d words, more than %d: move text beside what it describes", words, limit)
	}
	for _, path := range []string{path, filepath.Join(root, "internal", "README.md")} {
		text := prose(t, path)
		for _, h := range section.FindAllStringSubmatch(text, -1) {
			if !strings.Contains(text, "(#"+anchor(h[1])+")") {
				t.Errorf("the contents of %s lack %q", path, h[1])
			}
		}
	}
}

// The map of internal/README.md names every package below internal.
func TestMapNamesEveryPackage(t *testing.T) {
	text := prose(t, filepath.Join(root, "internal", "README.md"))
	g, _ := load(t)
	for pkg := range g {
		name, internal := strings.CutPrefix(pkg, "ptcaudit/internal/")
		if !internal || strings.HasPrefix(name, "stand/bench/") {
			continue
		}
		if strings.HasPrefix(name, "render/") && strings.Contains(text, "`render/…`") {
			continue
		}
		if !strings.Contains(text, "`"+name+"`") {
			t.Errorf("the map of internal/README.md lacks %s", name)
		}
	}
}
