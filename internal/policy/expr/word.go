package expr

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/suggest"
)

// Word is a kind of value of which is known which ones there can be. A policy
// declares with it what the values of a param are.
type Word string

// The kinds of values.
const (
	// Upstream is the API's name of an upstream, as docker-hub.
	Upstream Word = "upstream"
	// Account is an account ID: twelve digits.
	Account Word = "account"
	// Region is the name of a Region, as eu-west-1.
	Region Word = "region"
	// PrefixGlob is a glob for prefixes of rules, as team-*.
	PrefixGlob Word = "prefixGlob"
	// Days is a number of days: at least 1.
	Days Word = "days"

	// Of fields, but not of params.
	hostWord           Word = "host"
	prefixWord         Word = "prefix"
	upstreamPrefixWord Word = "upstreamPrefix"
	partitionWord      Word = "partition"
)

// Words are the kinds that a param can have.
func Words() []Word { return []Word{Upstream, Account, Region, PrefixGlob, Days} }

// Fault says what is wrong with a value of this kind, and which one is probably
// meant. It is empty for a value that can match something.
func (w Word) Fault(v any) string {
	if w == Days {
		if n, ok := v.(int64); !ok || n < 1 || n > maxDays {
			return fmt.Sprintf("invalid number of days %v: use a whole number from 1 to %d", v, maxDays)
		}
		return ""
	}
	text, ok := v.(string)
	if !ok {
		return fmt.Sprintf("invalid %s %v: use a string", w, v)
	}
	switch w { //nolint:exhaustive // days are no text
	case Upstream:
		return upstreamFault(text)
	case Account:
		if !ptc.ValidAccount(text) {
			return fmt.Sprintf("invalid account ID %q: use twelve digits", text)
		}
	case Region:
		return regionFault(text)
	case PrefixGlob:
		return globFault(text)
	case hostWord:
		if name := ptc.UpstreamNamed(text); name != "" && ptc.UpstreamOfURL(ptc.CleanHost(text)) == "" {
			known, _ := ptc.LookupUpstream(name)
			return fmt.Sprintf("%q is no upstream's host name: did you mean %s?", text, known.URL)
		}
	case prefixWord:
		if clean := ptc.CleanPrefix(text); clean != text {
			return fmt.Sprintf("no prefix is %q: it has no trailing slash, did you mean %s?", text, clean)
		}
	case upstreamPrefixWord:
		if clean := ptc.CleanUpstreamPrefix(text); clean != text {
			return fmt.Sprintf("no upstream prefix is %q: did you mean %q?", text, clean)
		}
	case partitionWord:
		if names := ptc.Partitions(); !slices.Contains(names, text) {
			return fmt.Sprintf("unknown partition %q%s: want %s", text, suggest.Hint(text, names), suggest.OneOf(names))
		}
	}
	return ""
}

// maxDays is a hundred years.
const maxDays = 36_500

func upstreamFault(text string) string {
	if _, ok := ptc.LookupUpstream(text); ok {
		return ""
	}
	var names []string
	for _, k := range ptc.KnownUpstreams() {
		names = append(names, k.Registry)
	}
	hint := suggest.Hint(text, names)
	if name := ptc.UpstreamNamed(text); name != "" {
		known, _ := ptc.LookupUpstream(name)
		hint = fmt.Sprintf(", did you mean %s (%s)?", name, known.URL)
	}
	return fmt.Sprintf("unknown upstream %q: want %s%s", text, suggest.OneOf(names), hint)
}

// places are what people call a Region.
var places = map[string]string{
	"virginia": "us-east-1", "ohio": "us-east-2", "california": "us-west-1", "oregon": "us-west-2",
	"ireland": "eu-west-1", "london": "eu-west-2", "paris": "eu-west-3", "frankfurt": "eu-central-1",
	"zurich": "eu-central-2", "stockholm": "eu-north-1", "milan": "eu-south-1", "spain": "eu-south-2",
	"mumbai": "ap-south-1", "hyderabad": "ap-south-2", "tokyo": "ap-northeast-1", "seoul": "ap-northeast-2",
	"osaka": "ap-northeast-3", "singapore": "ap-southeast-1", "sydney": "ap-southeast-2", "jakarta": "ap-southeast-3",
	"melbourne": "ap-southeast-4", "montreal": "ca-central-1", "canada": "ca-central-1", "calgary": "ca-west-1",
	"cape-town": "af-south-1", "bahrain": "me-south-1", "uae": "me-central-1", "tel-aviv": "il-central-1",
	"sao-paulo": "sa-east-1", "hong-kong": "ap-east-1", "beijing": "cn-north-1", "ningxia": "cn-northwest-1",
}

// looseRegion is the name of a Region as people write it, or that of a zone.
var looseRegion = regexp.MustCompile(`^([a-z]{2})-?(gov-)?-?(north|south|east|west|central|northeast|northwest|southeast|southwest)-?([0-9])[a-z]?$`)

func regionFault(text string) string {
	if ptc.ValidRegion(text) {
		return ""
	}
	loose := strings.NewReplacer(" ", "-", "_", "-").Replace(strings.ToLower(strings.TrimSpace(text)))
	meant := places[loose]
	switch m := looseRegion.FindStringSubmatch(loose); {
	case m != nil:
		meant = m[1] + "-" + m[2] + m[3] + "-" + m[4]
	case ptc.ValidRegion(loose):
		meant = loose
	}
	if meant == "" {
		return fmt.Sprintf("invalid Region %q: write it as in eu-west-1", text)
	}
	return fmt.Sprintf("invalid Region %q: did you mean %s?", text, meant)
}

// prefixText is what may stand in a prefix of a rule.
var prefixText = regexp.MustCompile(`^[a-z0-9._/-]*$`)

// otherGlob are characters that have a meaning in the globs of other tools. A
// policy's globs have only *.
const otherGlob = `?[]\{}`

// GlobFault says what is wrong with a glob; empty if nothing is.
func GlobFault(glob string) string {
	if strings.ContainsAny(glob, otherGlob) {
		return fmt.Sprintf("invalid glob %q: use * only", glob)
	}
	return ""
}

// globFault says why a glob can match no prefix.
func globFault(glob string) string {
	if fault := GlobFault(glob); fault != "" {
		return fault
	}
	matches := func(text string) bool { ok, _ := path.Match(glob, text); return ok }
	text := strings.ReplaceAll(glob, "*", "")
	switch {
	case glob == "":
		return "a glob is empty: write a prefix, or * for every prefix without a slash"
	case matches(ptc.RootPrefix):
		return ""
	case strings.HasSuffix(glob, "/"):
		return fmt.Sprintf("glob %q matches no prefix: a prefix has no trailing slash, did you mean %s?", glob, strings.TrimRight(glob, "/"))
	case !prefixText.MatchString(text) && prefixText.MatchString(strings.ToLower(text)):
		return fmt.Sprintf("glob %q matches no prefix: a prefix is in lower case, did you mean %s?", glob, strings.ToLower(glob))
	case !prefixText.MatchString(text), strings.HasPrefix(glob, "/"), strings.Contains(glob, "//"):
		return fmt.Sprintf("glob %q matches no prefix: a prefix has lower-case letters, digits and . _ - /", glob)
	case len(text) > ptc.MaxPrefixLength:
		return fmt.Sprintf("glob %q matches no prefix: a prefix has at most %d characters", glob, ptc.MaxPrefixLength)
	}
	return ""
}

// fieldWords are the fields of which is known which values they can have,
// beside the empty text.
var fieldWords = map[string]Word{
	"rule.prefix":                 prefixWord,
	"rule.upstream.registry":      Upstream,
	"rule.upstream.url":           hostWord,
	"rule.upstream.prescribedUrl": hostWord,
	"rule.upstream.prefix":        upstreamPrefixWord,
	"rule.upstream.account":       Account,
	"rule.upstream.region":        Region,
	"rule.credential.account":     Account,
	"rule.credential.region":      Region,
	"rule.role.account":           Account,
	"registry.account":            Account,
	"registry.region":             Region,
	"registry.partition":          partitionWord,
}

// wordOf is the kind of the values of an expression, if it is such a field of
// any rule or of the registry.
func wordOf(a *ast.AST, e ast.Expr) (Word, bool) {
	if e.Kind() != ast.SelectKind {
		return "", false
	}
	of := a.GetType(e.AsSelect().Operand().ID())
	if of == nil || of.Kind() != types.StructKind {
		return "", false
	}
	w, ok := fieldWords[strings.TrimPrefix(of.TypeName(), objectPrefix)+"."+e.AsSelect().FieldName()]
	return w, ok
}

// literalFaults finds the texts that a field is compared with and can never
// have.
func literalFaults(a *ast.AST, field, with ast.Expr, refuse func(id int64, message string, args ...any)) {
	w, ok := wordOf(a, field)
	if !ok {
		return
	}
	texts := []ast.Expr{with}
	if with.Kind() == ast.ListKind {
		texts = with.AsList().Elements()
	}
	for _, e := range texts {
		if text, isText := literalString(e); isText && text != "" {
			if fault := w.Fault(string(text)); fault != "" {
				refuse(e.ID(), "%s", fault)
			}
		}
	}
}
