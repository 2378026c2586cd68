package text

import (
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// gap separates the columns of the table, and is its indent.
const gap = "  "

// rules writes one line for each rule. If the terminal is too narrow, cells are
// wrapped within their columns.
func (p *printer) rules(r report.Report) {
	if len(r.Rules) == 0 {
		return
	}
	rows := [][]string{{"PREFIX", "UPSTREAM", "CREDENTIAL", "VALIDATION"}}
	for _, rule := range r.Rules {
		says := p.says(rule.Validation, r.Audit.WithoutValidation)
		rows = append(rows, []string{word(rule.Prefix), upstream(rule.Upstream), credential(rule), says})
	}

	t := table.NewWriter()
	style := table.StyleDefault
	style.Box = table.BoxStyle{PaddingRight: gap}
	style.Options = table.OptionsNoBordersAndSeparators
	t.SetStyle(style)
	for _, row := range rows {
		t.AppendRow(table.Row{row[0], row[1], row[2], row[3]})
	}
	columns := make([]table.ColumnConfig, len(rows[0]))
	for i, width := range fit(rows, p.width-len(gap)) {
		columns[i] = table.ColumnConfig{Number: i + 1, WidthMax: width, WidthMaxEnforcer: breakName}
	}
	t.SetColumnConfigs(columns)

	p.section("RULES")
	for line := range strings.Lines(t.Render()) {
		p.line(gap, strings.TrimRight(line, "\n"))
	}
}

// upstream is where a rule fetches images from, as in an image reference.
func upstream(u report.Upstream) string {
	if u.Prefix == "" || u.Prefix == ptc.RootPrefix {
		return word(u.URL)
	}
	return word(u.URL) + "/" + word(u.Prefix)
}

// credential names what ECR authenticates with: a secret, without the start
// that all secrets of rules have in common, or a role.
func credential(r report.Rule) string {
	var parts []string
	if r.Credential.ARN != "" {
		// What is no secret's ARN has no name.
		id := r.Credential.Name
		if id == "" {
			id = r.Credential.ARN
		}
		parts = append(parts, word(strings.TrimPrefix(id, ptc.SecretPrefix)))
	}
	if r.Role.ARN != "" {
		id := r.Role.Name
		if id == "" {
			id = r.Role.ARN
		}
		parts = append(parts, "role "+word(id))
	}
	if len(parts) == 0 {
		return "-"
	}
	return strings.Join(parts, ", ")
}

// says is ECR's validation result of a rule in one word.
func (p *printer) says(v *report.Validation, withoutValidation bool) string {
	switch {
	case v == nil:
		return p.paint.warning("UNKNOWN")
	case !v.Applicable && withoutValidation:
		return "skipped"
	case !v.Applicable:
		return "n/a"
	case !v.Valid:
		return p.paint.bad("INVALID")
	}
	return p.paint.good("valid")
}

// breakName breaks a name into lines of at most width columns. If the second half
// of a line has a separator, it breaks after it: preferably a slash, dot or
// blank, otherwise a hyphen or underscore.
func breakName(name string, width int) string {
	if text.StringWidthWithoutEscSequences(name) <= width {
		return name
	}
	runes := []rune(name)
	end, used := 0, 0
	for end < len(runes) && used+text.RuneWidth(runes[end]) <= width {
		used += text.RuneWidth(runes[end])
		end++
	}
	end = max(end, 1)
	for _, marks := range []string{"./ ", "-_"} {
		for i := end; i > end/2; i-- {
			if strings.ContainsRune(marks, runes[i-1]) {
				return string(runes[:i]) + "\n" + breakName(string(runes[i:]), width)
			}
		}
	}
	return string(runes[:end]) + "\n" + breakName(string(runes[end:]), width)
}

// fit returns the widths of the columns. It narrows the widest columns until all
// columns and the gaps between them fit into width.
func fit(rows [][]string, width int) []int {
	widths := make([]int, len(rows[0]))
	total := (len(widths) - 1) * len(gap)
	for i := range widths {
		for _, row := range rows {
			widths[i] = max(widths[i], text.StringWidthWithoutEscSequences(row[i]))
		}
		total += widths[i]
	}
	for ; total > width; total-- {
		widest := 0
		for i := range widths {
			if widths[i] > widths[widest] {
				widest = i
			}
		}
		widths[widest]--
	}
	return widths
}
