// Package html writes a report as one HTML page. The page includes its script and
// style sheet, so it can be mailed, archived and printed, and it is complete
// without running the script. Its Content-Security-Policy allows no requests and
// no other script. The package reads a report.Report; it does not use AWS or the
// policy.
package html

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // of the page's parts
	"encoding/base64"
	"html/template"
	"io"
	"sync"
	"time"

	"ptcaudit/internal/report"
)

// Options are facts that are not in the report.
type Options struct {
	// Since is when findings were first seen to fail, by fingerprint, UTC.
	// If that is the start of the oldest audit in History, the page says that
	// the finding may have failed before.
	Since map[string]time.Time
	// History are reports of earlier audits, in any order; Audit, Registry,
	// Complete and Summary are read, other fields may be empty. Reports of
	// another registry, and later ones, are ignored.
	History []report.Report
}

// Render writes r to w.
func Render(w io.Writer, r report.Report, o Options) error {
	// The page is complete before anything is written: half a page could be
	// mistaken for a report with fewer findings.
	var content bytes.Buffer
	if err := layout().Execute(&content, newPage(r, o)); err != nil {
		return err
	}
	_, err := w.Write(content.Bytes())
	return err
}

var (
	//go:embed page.tmpl
	pageTemplate string
	//go:embed style.css
	style string
	//go:embed script.js
	script string
)

// layout is parsed once, and only in a process that renders a page.
var layout = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("page").Parse(pageTemplate))
})

// contentPolicy allows the page's own style and script by their hashes, an
// empty icon, and nothing else:
// https://www.w3.org/TR/CSP3/#directive-script-src
var contentPolicy = sync.OnceValue(func() string {
	return "default-src 'none'; style-src " + hashSource(style) + "; script-src " + hashSource(script) +
		"; img-src data:; base-uri 'none'; form-action 'none'"
})

func hashSource(content string) string {
	sum := sha256.Sum256([]byte(content))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
