package html_test

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	gocmp "github.com/google/go-cmp/cmp"

	"ptcaudit/internal/render/html"
	"ptcaudit/internal/report"
	"ptcaudit/internal/stand/samples"
	"ptcaudit/internal/stand/toolbox"
)

var (
	pictures = flag.String("pictures", "", "write what the report looks like into this folder")
	readme   = flag.Bool("readme", false, "rewrite the picture in README.md")
)

// start runs a browser with its own profile. All tests share it, because a start
// takes a second; each test has its own tabs.
func start(t *testing.T) browser {
	t.Helper()
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(toolbox.Chromium(t)), chromedp.UserDataDir(t.TempDir()),
		chromedp.NoSandbox, chromedp.DisableGPU, // tests may run as root, without a screen
		chromedp.Flag("disable-component-update", true), chromedp.Flag("hide-scrollbars", true),
	)
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start the browser: %v", err)
	}
	t.Cleanup(func() { _ = chromedp.Cancel(ctx) }) // waits until it has ended
	return browser{ctx}
}

// browser is one that runs.
type browser struct{ ctx context.Context }

// view is the window and the settings in which a page is shown.
type view struct {
	width         int64 // 0 is 1280
	dark, print   bool
	withoutScript bool
}

func (v view) String() string {
	s := fmt.Sprintf("%d wide", cmp.Or(v.width, 1280))
	if v.dark {
		s += ", dark"
	}
	if v.print {
		s += ", printed"
	}
	return s
}

// tab is a page in the browser.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu sync.Mutex
	// complaints are errors and warnings on the console, exceptions, dialogs.
	complaints []string
	// requests are all but the page's own.
	requests []string
}

// show opens what is rendered of a report in a tab.
func show(t *testing.T, chrome browser, r report.Report, o html.Options, v view) *tab {
	t.Helper()
	content := render(t, r, o)
	b := &tab{t: t}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			t.Errorf("the page asked for %s", r.URL)
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(content)
	}))
	t.Cleanup(server.Close)
	ctx, cancel := chromedp.NewContext(chrome.ctx)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 3*time.Minute) // of a busy machine
	t.Cleanup(cancel)

	b.ctx = ctx
	if err := chromedp.Listen(ctx, func(event any) { b.note(event, server.URL+"/") }); err != nil {
		t.Fatal(err)
	}
	call(b, network.Enable, network.EnableParams{})
	call(b, log.Enable, cdp.Empty{})
	b.view(v)
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: v.withoutScript})
	b.do(chromedp.Navigate(server.URL + "/"))
	look, err := os.ReadFile("testdata/look.js")
	if err != nil {
		t.Fatal(err)
	}
	eval[chromedp.Void](b, string(look)+"\nglobalThis.look = look")
	t.Cleanup(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if len(b.complaints)+len(b.requests) > 0 {
			t.Errorf("the browser complains of %q, requests %q", b.complaints, b.requests)
		}
	})
	return b
}

// view looks at the page in another way.
func (b *tab) view(v view) {
	b.t.Helper()
	media, scheme := "", "light"
	if v.print {
		media = "print"
	}
	if v.dark {
		scheme = "dark"
	}
	if v.width == 0 {
		v.width = 1280
	}
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Media: media, Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: v.width, Height: 900, DeviceScaleFactor: 1, Mobile: v.width < 600,
	})
}

// note keeps what a page should not do.
func (b *tab) note(event any, own string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if e.Request.URL != own && !strings.HasPrefix(e.Request.URL, "data:") {
			b.requests = append(b.requests, e.Request.URL)
		}
	case *log.EventEntryAdded:
		b.complaints = append(b.complaints, e.Entry.Text)
	case *runtime.EventConsoleAPICalled:
		b.complaints = append(b.complaints, fmt.Sprint("console.", e.Type))
	case *runtime.EventExceptionThrown:
		b.complaints = append(b.complaints, e.ExceptionDetails.Text)
	case *page.EventJavascriptDialogOpening:
		b.complaints = append(b.complaints, "dialog: "+e.Message)
	}
}

// forget takes what was noted.
func (b *tab) forget() (complaints, requests []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	complaints, requests = b.complaints, b.requests
	b.complaints, b.requests = nil, nil
	return complaints, requests
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

func call[P, R any](b *tab, command cdp.Command[P, R], params P) R {
	b.t.Helper()
	result, err := chromedp.Call(b.ctx, command, params)
	if err != nil {
		b.t.Fatalf("%s: %v", command.Method, err)
	}
	return result
}

func eval[T any](b *tab, script string) T {
	b.t.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](script))
	if err != nil {
		b.t.Fatalf("%s: %v", script, err)
	}
	return value
}

// until waits for what the page does by itself.
func (b *tab) until(script string) {
	b.t.Helper()
	if _, err := chromedp.Run(b.ctx, chromedp.Poll[bool](script, chromedp.WithPollingTimeout(20*time.Second))); err != nil {
		b.t.Errorf("%s: %v", script, err)
	}
}

// complain fails the test with what a function of look.js returns.
func (b *tab) complain(what string) {
	b.t.Helper()
	if complaints := eval[[]string](b, what); len(complaints) > 0 {
		b.t.Errorf("%s:\n  %s", what, strings.Join(complaints, "\n  "))
	}
}

func TestBrowser(t *testing.T) {
	chrome := start(t)
	for _, tt := range []struct {
		name string
		test func(t *testing.T, chrome browser)
	}{
		{"is legible", isLegible},
		{"measures contrast", measuresContrast},
		{"fits its window", fitsItsWindow},
		{"has names for screen readers", hasNames},
		{"is used by keyboard", isUsedByKeyboard},
		{"filters and sorts", filtersAndSorts},
		{"sorts the rules", sortsTheRules},
		{"copies commands", copiesCommands},
		{"is complete without script", isCompleteWithoutScript},
		{"is complete on paper", isCompleteOnPaper},
		{"keeps hostile text as text", keepsHostileText},
		{"lets nothing out", letsNothingOut},
		{"shows a huge report", showsHuge},
		{"is photographed", isPhotographed},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, chrome) })
	}
}

// everyState has reports that together show every part of a page.
func everyState(t *testing.T) (map[string]report.Report, html.Options) {
	incomplete, o := acme(t, false)
	all := samples.All()
	all["acme"] = incomplete
	return all, o
}

// https://www.w3.org/TR/WCAG22/#contrast-minimum and #non-text-contrast, the
// former for large text too.
func isLegible(t *testing.T, chrome browser) {
	all, o := everyState(t)
	for name, r := range all {
		b := show(t, chrome, r, o, view{})
		eval[chromedp.Void](b, "look.open()")
		for _, v := range []view{{}, {dark: true}, {width: 360}, {width: 360, dark: true}, {print: true}, {print: true, dark: true}} {
			b.view(v)
			for _, ask := range []string{"look.contrast(4.5)", "look.drawn(3)"} {
				if complaints := eval[[]string](b, ask); len(complaints) > 0 {
					t.Errorf("%s, %s, %s:\n  %s", name, v, ask, strings.Join(complaints, "\n  "))
				}
			}
		}
	}
}

// The measure can fail: grey text, a pale background, half a colour.
func measuresContrast(t *testing.T, chrome browser) {
	r, o := acme(t, true)
	b := show(t, chrome, r, o, view{})
	for _, change := range []string{
		"document.querySelector('.message').style.color = '#8a8a8a'",
		"document.querySelector('.subject').style.color = 'rgb(0 0 0 / 40%)'",
		"document.querySelector('.severity.critical').style.background = '#ff8fa3'",
	} {
		eval[chromedp.Void](b, change)
	}
	if got := eval[[]string](b, "look.contrast(4.5)"); len(got) != 3 {
		t.Errorf("found %q", got)
	}
}

// https://www.w3.org/TR/WCAG22/#reflow asks for 320.
func fitsItsWindow(t *testing.T, chrome browser) {
	all, o := everyState(t)
	for name, r := range all {
		b := show(t, chrome, r, o, view{})
		for _, open := range []string{"void 0", "look.open()"} {
			eval[chromedp.Void](b, open)
			for _, width := range []int64{320, 360, 600, 768, 833, 1024, 1280, 2560} {
				b.view(view{width: width})
				if complaints := eval[[]string](b, "look.sideways()"); len(complaints) > 0 {
					t.Errorf("%s, %d wide, %s:\n  %s", name, width, open, strings.Join(complaints, "\n  "))
				}
			}
		}
	}

	b := show(t, chrome, all["acme"], o, view{width: 360})
	eval[chromedp.Void](b, "document.querySelector('h4').style.whiteSpace = 'pre'; document.querySelector('h4').append('x'.repeat(100))")
	if len(eval[[]string](b, "look.sideways()")) == 0 {
		t.Error("a line of a hundred characters passes at 360 pixels: the measure cannot fail")
	}
}

// hasNames checks the names that Chrome passes to a screen reader.
func hasNames(t *testing.T, chrome browser) {
	r, o := acme(t, false)
	for _, width := range []int64{360, 1280} {
		b := show(t, chrome, r, o, view{width: width})
		eval[chromedp.Void](b, "look.open()")
		roles := namesOf(b, func(role string) { t.Errorf("%d wide: a %s has no name", width, role) })
		// Tables stay tables where they are shown as cards.
		for role, least := range map[string]int{
			"banner": 1, "main": 1, "contentinfo": 1, "navigation": 1, "search": 1, "searchbox": 1, "combobox": 3,
			"status": 1, "article": 20, "table": 3, "columnheader": 20, "rowheader": 60, "cell": 200, "button": 20, "image": 5, "region": 8,
		} {
			if len(roles[role]) < least {
				t.Errorf("%d wide: %d of role %s, want %d", width, len(roles[role]), role, least)
			}
		}
		if !slices.Contains(roles["table"], "All 24 rules of 111122223333 eu-west-1") {
			t.Errorf("%d wide: no table has the name of the rules: %q", width, roles["table"])
		}
	}

	b := show(t, chrome, r, o, view{})
	eval[chromedp.Void](b, "document.querySelector('label[for=filter-text]').remove()")
	var nameless []string
	namesOf(b, func(role string) { nameless = append(nameless, role) })
	if diff := gocmp.Diff([]string{"searchbox"}, nameless); diff != "" {
		t.Errorf("an input without a label (-want +got):\n%s", diff)
	}
}

// namesOf lists the names of what Chrome exposes, by role.
func namesOf(b *tab, nameless func(role string)) map[string][]string {
	b.t.Helper()
	out := map[string][]string{}
	for _, node := range call(b, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{}).Nodes {
		if node.Ignored || node.Role == nil {
			continue
		}
		role, name := plain(node.Role), plain(node.Name)
		out[role] = append(out[role], name)
		switch role {
		case "link", "button", "searchbox", "textbox", "combobox", "table", "region", "image", "article", "heading", "navigation", "search", "columnheader", "rowheader", "RootWebArea":
			if name == "" {
				nameless(role)
			}
		}
	}
	return out
}

func plain(v *accessibility.Value) string {
	if v == nil {
		return ""
	}
	return strings.Trim(string(v.Value), `"`)
}

func isUsedByKeyboard(t *testing.T, chrome browser) {
	r, o := acme(t, true)
	for _, width := range []int64{1280, 360} {
		b := show(t, chrome, r, o, view{width: width})
		want := eval[int](b, "look.focusable()")
		reached := 0
		for range want + 5 {
			b.do(chromedp.KeyEvent(kb.Tab))
			focus := eval[*struct {
				Name, Text  string
				Shows, Seen bool
			}](b, "look.focus()")
			if focus == nil {
				break
			}
			reached++
			if !focus.Shows || !focus.Seen {
				t.Errorf("%d wide: focus on %s %q: its outline shows: %t, it is in the window: %t", width, focus.Name, focus.Text, focus.Shows, focus.Seen)
			}
		}
		if reached != want || want < 50 {
			t.Errorf("%d wide: tab reached %d of %d", width, reached, want)
		}
	}

	// The first stop leads past the header.
	b := show(t, chrome, r, o, view{})
	b.do(chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Enter))
	if at := eval[string](b, "document.activeElement.id"); at != "main" {
		t.Errorf("the skip link leads to %q", at)
	}
}

func shown(b *tab) []string {
	return eval[[]string](b, `[...document.querySelectorAll(".finding")].filter(look.visible)
		.map((f) => f.closest(".group").dataset.outcome + " " + f.querySelector(".severity").textContent + " " + f.dataset.subject + " " + f.dataset.check)`)
}

func filtersAndSorts(t *testing.T, chrome browser) {
	r, o := acme(t, false)
	b := show(t, chrome, r, o, view{})
	all := shown(b)
	status := func() string { return eval[string](b, "document.getElementById('filter-count').textContent") }
	if want := fmt.Sprintf("Showing %d of %[1]d findings", len(all)); status() != want {
		t.Errorf("status %q, want %q", status(), want)
	}
	choose := func(id, value string) {
		eval[chromedp.Void](b, fmt.Sprintf("(() => { const e = document.getElementById(%q); e.value = %q; e.dispatchEvent(new Event('input', {bubbles: true})) })()", id, value))
	}
	reset := func() { b.do(chromedp.Click(chromedp.ID("filter-reset"))) }
	expect := func(what string, keep func(string) bool) {
		t.Helper()
		want := slices.DeleteFunc(slices.Clone(all), func(s string) bool { return !keep(s) })
		if diff := gocmp.Diff(want, shown(b)); diff != "" || len(want) == 0 || len(want) == len(all) {
			t.Errorf("%s: %d of %d (-want +got):\n%s", what, len(want), len(all), diff)
		}
		if s := fmt.Sprintf("Showing %d of %d findings", len(want), len(all)); status() != s {
			t.Errorf("%s: status %q, want %q", what, status(), s)
		}
	}
	if !strings.HasPrefix(all[0], "failed Critical ") {
		t.Errorf("first is %q", all[0])
	}

	choose("filter-severity", "4")
	expect("high or worse", func(s string) bool { return strings.Contains(s, " Critical ") || strings.Contains(s, " High ") })
	choose("filter-outcome", "waived")
	expect("waived, high or worse", func(s string) bool { return strings.HasPrefix(s, "waived High") })
	reset()
	if diff := gocmp.Diff(all, shown(b)); diff != "" {
		t.Errorf("reset (-want +got):\n%s", diff)
	}
	b.do(chromedp.SendKeys(chromedp.ID("filter-text"), "VALIDATION data/"))
	expect("words in either case", func(s string) bool { return strings.HasSuffix(s, "data/docker validation-passed") })
	reset()
	b.do(chromedp.SendKeys(chromedp.ID("filter-text"), "platform@acme.example"))
	expect("text of a waiver", func(s string) bool { return strings.HasPrefix(s, "waived High quay") })
	reset()
	b.do(chromedp.SendKeys(chromedp.ID("filter-text"), "nothing has this"))
	if got := shown(b); len(got) != 0 || status() != fmt.Sprintf("Showing 0 of %d findings", len(all)) {
		t.Errorf("nothing matches, yet %q: %q", status(), got)
	}
	reset()

	choose("filter-sort", "check")
	byCheck := func(a, b string) int {
		return strings.Compare(a[strings.LastIndex(a, " "):], b[strings.LastIndex(b, " "):])
	}
	if got := inGroup(shown(b), "failed"); !slices.IsSortedFunc(got, byCheck) || len(got) < 10 {
		t.Errorf("not sorted by check: %q", got)
	}
	choose("filter-sort", "since")
	if got := eval[[]string](b, "[...document.querySelectorAll('.failed .finding')].map((f) => f.dataset.since)"); !slices.IsSorted(got) || got[0] == got[len(got)-1] {
		t.Errorf("not sorted by how long they stand: %q", got)
	}
	choose("filter-sort", "severity")
	if diff := gocmp.Diff(all, shown(b)); diff != "" {
		t.Errorf("sorted by severity again (-want +got):\n%s", diff)
	}

	// A link from the table of rules leads to its finding even if a filter
	// hides it.
	choose("filter-outcome", "pending")
	b.do(chromedp.Click(chromedp.CSS("#rules-table a")))
	b.until("document.querySelector('.finding:target') && look.visible(document.querySelector(':target'))")
}

func inGroup(findings []string, outcome string) []string {
	return slices.DeleteFunc(slices.Clone(findings), func(s string) bool { return !strings.HasPrefix(s, outcome+" ") })
}

func sortsTheRules(t *testing.T, chrome browser) {
	r, o := acme(t, true)
	b := show(t, chrome, r, o, view{})
	column := func(n int) []string {
		return eval[[]string](b, fmt.Sprintf("[...document.querySelectorAll('#rules-table tbody tr')].map((r) => r.cells[%d].innerText.trim())", n))
	}
	sorted := func() string {
		return eval[string](b, "[...document.querySelectorAll('#rules-table th[aria-sort]')].map((h) => h.innerText.trim() + ' ' + h.ariaSort).join()")
	}
	press := func(n int) {
		b.do(chromedp.Click(chromedp.CSS(fmt.Sprintf("#rules-table th:nth-child(%d) button", n))))
	}

	press(7)
	if got := column(6); !strings.Contains(got[0], "critical") || got[len(got)-1] != "none" || !strings.HasPrefix(sorted(), "Failures") {
		t.Errorf("by failures: %q, %q", sorted(), got)
	}
	press(6)
	if got := column(5); got[0] != "invalid" || got[len(got)-1] != "not applicable" || sorted() != "Validation ascending" {
		t.Errorf("by verdict: %q, %q", sorted(), got)
	}
	press(2)
	if got := column(1); !slices.IsSortedFunc(got, func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) }) {
		t.Errorf("by upstream: %q", got)
	}
	press(1)
	press(1)
	if got := column(0); sorted() != "Rule descending" || got[0] != "web/public" {
		t.Errorf("by rule, from the end: %q, %q", sorted(), got)
	}
}

func copiesCommands(t *testing.T, chrome browser) {
	r, o := acme(t, true)
	b := show(t, chrome, r, o, view{})
	// A page of a browser without a window cannot read the clipboard: what
	// would be written is caught.
	eval[chromedp.Void](b, "Object.defineProperty(navigator, 'clipboard', {value: {writeText: async (text) => { window.copied = text }}})")
	b.do(chromedp.Click(chromedp.CSS(".command button")))
	b.until("document.querySelector('.command button').textContent === 'Copied' && document.querySelector('.hidden-text').textContent === 'Copied'")
	if got := eval[string](b, "window.copied"); !strings.HasPrefix(got, "aws secretsmanager put-secret-value ") || strings.Contains(got, "Copy") {
		t.Errorf("copied %q", got)
	}
	eval[chromedp.Void](b, "navigator.clipboard.writeText = async () => { throw new Error('denied') }")
	b.do(chromedp.Click(chromedp.CSS(".command button")))
	b.until("document.querySelector('.command button').textContent === 'Selected'")
	if got := eval[string](b, "getSelection().toString()"); !strings.HasPrefix(got, "aws secretsmanager put-secret-value ") {
		t.Errorf("where nothing can be copied, %q is selected", got)
	}
}

func isCompleteWithoutScript(t *testing.T, chrome browser) {
	r, o := acme(t, false)
	b := show(t, chrome, r, o, view{withoutScript: true})
	holdsAll(b, r)
	if eval[bool](b, "look.visible(document.getElementById('filter')) || document.querySelector('button:not(#filter-reset)') !== null") {
		t.Error("without script there are controls, which do nothing")
	}
}

// holdsAll fails if a text of a report is not visible on its page.
func holdsAll(b *tab, r report.Report) {
	b.t.Helper()
	hidden := "[...document.querySelectorAll('.finding, .finding *:not(button), #rules-table td, .faults li, .incomplete')]" +
		".filter((e) => !look.visible(e)).map((e) => e.outerHTML)"
	if got := eval[[]string](b, hidden); len(got) > 0 {
		b.t.Errorf("hidden: %q", got)
	}
	text := eval[string](b, "document.body.innerText")
	for _, f := range r.Findings {
		if f.Outcome == report.Pass || f.Outcome == report.Skip {
			continue
		}
		for _, part := range []string{f.Check, f.Prefix, f.Lead(), f.Detail(), strings.TrimSpace(strings.SplitN(f.Remediation, "\n", 2)[0])} {
			if !strings.Contains(text, part) {
				b.t.Errorf("%s of %s lacks %q", f.Check, f.Prefix, part)
			}
		}
	}
	for _, rule := range r.Rules {
		for _, part := range []string{rule.Prefix, rule.Upstream.URL, strings.TrimPrefix(rule.Credential.Name, "ecr-pullthroughcache/"), rule.Role.Name} {
			if !strings.Contains(text, part) {
				b.t.Errorf("rule %s lacks %q", rule.Prefix, part)
			}
		}
	}
	for _, part := range []string{r.Faults[0].Message, r.Faults[0].RequestID, r.Policy.Digest, r.Audit.ID, r.Audit.Version, "jane"} {
		if !strings.Contains(text, part) {
			b.t.Errorf("the page lacks %q", part)
		}
	}
}

func isCompleteOnPaper(t *testing.T, chrome browser) {
	r, o := acme(t, false)
	b := show(t, chrome, r, o, view{print: true, dark: true, width: 700})
	holdsAll(b, r)
	b.complain("look.sideways()")
	if got := eval[[]string](b, "[...document.querySelectorAll('.command button, form, nav, .skip')].filter(look.visible).map((e) => e.outerHTML)"); len(got) > 0 {
		t.Errorf("controls are printed: %q", got)
	}
	if !eval[bool](b, "[...document.querySelectorAll('details td')].every(look.visible)") {
		t.Error("what is folded up is not printed")
	}
	if got := eval[string](b, "getComputedStyle(document.body).backgroundColor"); got != "rgb(255, 255, 255)" {
		t.Errorf("paper is %s where the screen is dark", got)
	}
}

func keepsHostileText(t *testing.T, chrome browser) {
	r := samples.Hostile()
	fill(&r, func(_ string, i int, s string) string {
		return samples.Attacks()[i%len(samples.Attacks())] + s + `"'><img src=x onerror=alert(1)><svg onload=alert(2)><script>alert(3)</script><a href="javascript:alert(4)" onclick=alert(5)>`
	})
	r.Finish()
	b := show(t, chrome, r, html.Options{}, view{})
	eval[chromedp.Void](b, "look.open()")
	if got := eval[[]string](b, `[...document.querySelectorAll("img, iframe, object, script:not(body > script:last-of-type), [onclick], [onerror], [onload], [style], a:not([href^='#']):not([href^='https://docs.aws.amazon.com/'])")].map((e) => e.outerHTML)`); len(got) > 0 {
		t.Errorf("text became markup: %q", got)
	}
	// Whatever can be clicked is.
	eval[chromedp.Void](b, "document.querySelectorAll(\"button, summary, a[href^='#'], select, input\").forEach((e) => e.click())")
	b.do(chromedp.Sleep(100 * time.Millisecond))
}

// The policy of the page stops what a script in it would ask for.
func letsNothingOut(t *testing.T, chrome browser) {
	r, o := acme(t, true)
	b := show(t, chrome, r, o, view{})
	for _, script := range []string{
		"void fetch('/out').catch(() => {})", "void (new Image().src = '/out')", "void navigator.sendBeacon('/out')",
		"void (() => { const s = document.createElement('script'); s.src = '/out'; document.body.append(s) })()",
		"void (() => { const s = document.createElement('link'); s.rel = 'stylesheet'; s.href = '/out'; document.head.append(s) })()",
		"void (() => { const s = document.createElement('iframe'); s.src = '/out'; document.body.append(s) })()",
		"void (() => { const s = document.createElement('script'); s.textContent = 'window.ran = true'; document.body.append(s) })()",
		"void (() => { const d = document.createElement('div'); d.setAttribute('onclick', 'window.ran = true'); document.body.append(d); d.click() })()",
	} {
		eval[chromedp.Void](b, script)
	}
	// Chrome also announces requests that it then blocks. The server fails the
	// test if a request arrives.
	var complaints []string
	for deadline := time.Now().Add(20 * time.Second); len(complaints) < 8 && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		more, _ := b.forget()
		complaints = append(complaints, more...)
	}
	if eval[bool](b, "window.ran === true") {
		t.Error("a script that is not the page's own ran")
	}
	if len(complaints) < 8 {
		t.Errorf("only these were refused: %q", complaints)
	}
	b.do(chromedp.Sleep(100 * time.Millisecond)) // for a request that is under way
	b.forget()
}

// The largest report opens, though slowly.
func showsHuge(t *testing.T, chrome browser) {
	begin := time.Now()
	b := show(t, chrome, samples.Huge(), html.Options{}, view{})
	t.Logf("opened after %s", time.Since(begin).Round(time.Millisecond))
	if got := len(shown(b)); got != 1500 {
		t.Errorf("shows %d of 1500 findings", got)
	}
}

// isPhotographed writes pictures for people to look at.
func isPhotographed(t *testing.T, chrome browser) {
	if *pictures == "" && !*readme {
		t.Skip("run with -pictures FOLDER, or with -readme")
	}
	r, o := acme(t, true)
	incomplete, _ := acme(t, false)
	if *readme {
		b := show(t, chrome, r, o, view{})
		save(t, filepath.Join(toolbox.Root(t), ".github", "report.png"), b.photograph(1280, eval[float64](b, "document.querySelector('.finding').getBoundingClientRect().bottom")))
	}
	if *pictures == "" {
		return
	}
	for name, shot := range map[string]struct {
		report report.Report
		view   view
	}{
		"light": {r, view{}}, "dark": {incomplete, view{dark: true}}, "phone": {incomplete, view{width: 360}},
		"phone-dark": {r, view{width: 360, dark: true}}, "tablet": {r, view{width: 800}},
		"sound": {samples.All()["sound"], view{}}, "unlisted": {samples.All()["unlisted"], view{dark: true}},
		"unsupported": {samples.All()["unsupported"], view{}}, "hostile": {samples.Hostile(), view{width: 1280}},
	} {
		b := show(t, chrome, shot.report, o, shot.view)
		eval[chromedp.Void](b, "look.open()")
		height := eval[float64](b, "document.documentElement.scrollHeight")
		width := max(shot.view.width, 360)
		if shot.view.width == 0 {
			width = 1280
		}
		save(t, filepath.Join(*pictures, name+".png"), b.photograph(float64(width), height))
	}
	b := show(t, chrome, incomplete, o, view{})
	pdf, err := chromedp.Run(b.ctx, chromedp.PrintToPDF(chromedp.PDFPaper(chromedp.PaperA4), chromedp.PDFPreferCSSPageSize()))
	if err != nil {
		t.Fatal(err)
	}
	save(t, filepath.Join(*pictures, "print.pdf"), pdf)
}

func (b *tab) photograph(width, height float64) []byte {
	beyond := true
	return call(b, page.CaptureScreenshot, page.CaptureScreenshotParams{
		Clip: &page.Viewport{Width: width, Height: height, Scale: 1}, CaptureBeyondViewport: &beyond,
	}).Data
}

func save(t *testing.T, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(name, content, 0o644); err != nil { //nolint:gosec // pictures are for everybody
		t.Fatal(err)
	}
}
