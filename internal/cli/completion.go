package cli

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"

	"ptcaudit/internal/policy"
	"ptcaudit/internal/report"
	"ptcaudit/policies"
)

type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Help is shown below the summary.
func (*completionCommand) Help() string {
	return `Prints a script that completes commands, flags, formats, severities, policies and check ids. Add the line for your shell to its start-up file:

    source <(ptcaudit completion bash)      # ~/.bashrc
    source <(ptcaudit completion zsh)       # ~/.zshrc
    ptcaudit completion fish | source       # ~/.config/fish/config.fish`
}

// The protocol is bash's: the command gets the line in COMP_LINE and the
// cursor's position in COMP_POINT, and prints one candidate per line. If it
// prints none, shells complete file names. In bash, an equals sign ends a word;
// zsh and fish want all of --flag=value.
// https://www.gnu.org/software/bash/manual/html_node/Programmable-Completion.html
var completionOf = map[string]string{
	"bash": `complete -o default -C 'ptcaudit complete-line' ptcaudit
`,
	"zsh": `autoload -U +X compinit && compinit
autoload -U +X bashcompinit && bashcompinit
complete -o default -C 'ptcaudit complete-line --whole' ptcaudit
`,
	"fish": `function __complete_ptcaudit
    set -l candidates (COMP_LINE=(commandline -cp) ptcaudit complete-line --whole)
    if set -q candidates[1]
        printf '%s\n' $candidates
    else
        set -l word (commandline -ct)
        set -l before (string match -r '^.*=' -- $word)
        __fish_complete_path (string replace -r -- '^.*=' '' $word) | string replace -r -- '^' "$before"
    end
end
complete -c ptcaudit -f -a '(__complete_ptcaudit)'
`,
}

// Run prints the script.
func (s *completionCommand) Run(c *command) error {
	_, err := io.WriteString(c.stdout, completionOf[s.Shell])
	return err
}

// completeLineCommand is what the shells call.
type completeLineCommand struct {
	// Whole completes --flag=value as one word.
	Whole bool
	// Words are those of COMP_LINE, which bash also passes as arguments.
	Words []string `arg:"" optional:"" passthrough:""`
}

// Run prints the candidates.
func (l *completeLineCommand) Run(c *command, k *kong.Kong) error {
	line := c.getenv("COMP_LINE")
	if point, err := strconv.Atoi(c.getenv("COMP_POINT")); err == nil && point >= 0 && point < len(line) {
		line = line[:point]
	}
	var out strings.Builder
	for _, candidate := range c.complete(k.Model.Node, line, l.Whole) {
		fmt.Fprintln(&out, candidate)
	}
	_, err := io.WriteString(c.out, out.String())
	return err
}

// complete lists the candidates for the last word of a command line, or for the
// part behind its equals sign.
func (c *command) complete(node *kong.Node, line string, whole bool) []string {
	words := strings.Fields(line)
	last := ""
	if len(words) > 0 && !strings.HasSuffix(line, " ") {
		last, words = words[len(words)-1], words[:len(words)-1]
	}
	var flags []*kong.Flag
	flags = append(flags, node.Flags...)
	var pending *kong.Flag       // its value comes next
	positions, checksOf := 0, "" // the policy that has the checks
	for _, word := range words[min(1, len(words)):] {
		switch {
		case pending != nil:
			if pending.Name == "policy" {
				checksOf = word
			}
			pending = nil
		case strings.HasPrefix(word, "-"):
			name, value, given := strings.Cut(word, "=")
			switch f := flagNamed(flags, name); {
			case f == nil || f.IsBool():
			case !given:
				pending = f
			case f.Name == "policy":
				checksOf = value
			}
		default:
			if i := slices.IndexFunc(node.Children, func(n *kong.Node) bool { return n.Name == word }); i >= 0 {
				node, positions = node.Children[i], 0
				flags = append(flags, node.Flags...)
			} else {
				positions++
			}
		}
	}

	var candidates []string
	before := "" // each of them
	name, value, given := strings.Cut(last, "=")
	switch f := flagNamed(flags, name); {
	case pending != nil:
		candidates = c.candidatesOf(pending.Value, checksOf)
	case f != nil && given:
		candidates, last = c.candidatesOf(f.Value, checksOf), value
		if whole {
			before = name + "="
		}
	case strings.HasPrefix(last, "-"):
		for _, f := range flags {
			if !f.Hidden {
				candidates = append(candidates, "--"+f.Name)
			}
		}
	default:
		for _, child := range node.Children {
			if !child.Hidden {
				candidates = append(candidates, child.Name)
			}
		}
		if n := len(node.Positional); n > 0 {
			candidates = append(candidates, c.candidatesOf(node.Positional[min(positions, n-1)], checksOf)...)
		}
	}
	var out []string
	for _, candidate := range candidates {
		if strings.HasPrefix(candidate, last) {
			out = append(out, before+candidate)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func flagNamed(flags []*kong.Flag, name string) *kong.Flag {
	for _, f := range flags {
		if name == "--"+f.Name || f.Short != 0 && name == "-"+string(f.Short) {
			return f
		}
	}
	return nil
}

// candidatesOf lists the possible values of a flag or argument: those of an enum,
// or those that its placeholder or name implies. checksOf is the policy that
// the line names.
func (c *command) candidatesOf(v *kong.Value, checksOf string) []string {
	if v.Enum != "" {
		return v.EnumSlice()
	}
	what := v.Name
	if v.Flag != nil {
		what = v.Flag.PlaceHolder
	}
	switch what {
	case "FORMAT[=FILE]":
		if strings.HasPrefix(v.Help, "text or json,") { // commands that print no report
			return []string{"json", "text"}
		}
		return reportFormats
	case "SEVERITY":
		var out []string
		for _, s := range report.Severities() {
			out = append(out, string(s))
		}
		return out
	case "POLICY", "policy":
		return policies.Names()
	case "check":
		named, err := c.policyName(checksOf)
		if err != nil {
			return nil
		}
		p, err := policy.Load(named)
		if err != nil {
			return nil
		}
		var out []string
		for _, check := range p.Checks {
			out = append(out, check.ID)
		}
		return out
	}
	return nil
}
