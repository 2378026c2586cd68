package expr

import (
	"math"
	"path"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"ptcaudit/internal/ptc"
)

// The functions of the vocabulary.
var (
	daysFunction = cel.Function("days", cel.Overload("days_int",
		[]*cel.Type{cel.IntType}, cel.DurationType, cel.UnaryBinding(days)))
	globFunction = cel.Function("matchesGlob", cel.MemberOverload("string_matches_glob_string",
		[]*cel.Type{cel.StringType, cel.StringType}, cel.BoolType, cel.BinaryBinding(matchesGlob)))
	shellFunction = cel.Function("formatShell", cel.MemberOverload("string_format_shell_list",
		[]*cel.Type{cel.StringType, cel.ListType(cel.StringType)}, cel.StringType, cel.BinaryBinding(formatShell)))
)

// days converts days to a duration.
func days(n ref.Val) ref.Val {
	const most = math.MaxInt64 / int64(24*time.Hour)
	d := int64(n.(types.Int))
	if d > most || d < -most {
		return types.NewErr("days(%d) is out of range", d)
	}
	return types.Duration{Duration: time.Duration(d) * 24 * time.Hour}
}

// matchesGlob matches as path.Match does, but for *, which stops at a slash, and
// nothing else.
func matchesGlob(text, pattern ref.Val) ref.Val {
	glob := string(pattern.(types.String))
	if fault := GlobFault(glob); fault != "" {
		return types.NewErr("%s", fault)
	}
	ok, err := path.Match(ptc.CleanPrefix(glob), ptc.CleanPrefix(string(text.(types.String))))
	if err != nil {
		return types.NewErr("glob %q: %v", glob, err)
	}
	return types.Bool(ok)
}

// verb matches the verbs that formatShell replaces.
const verb = "%s"

// formatShell replaces each %s with an argument that is quoted for a shell. The
// text of a rule comes from its creator, and a URL can be any text. Pasted into
// a terminal, it must stay one word.
func formatShell(format, list ref.Val) ref.Val {
	parts := strings.Split(string(format.(types.String)), verb)
	args := list.(traits.Lister)
	if n := args.Size().(types.Int); int(n) != len(parts)-1 {
		return types.NewErr("formatShell has %d arguments for %d %s", n, len(parts)-1, verb)
	}
	var b strings.Builder
	b.WriteString(parts[0])
	for i, part := range parts[1:] {
		arg, ok := args.Get(types.Int(i)).(types.String)
		if !ok {
			return types.MaybeNoSuchOverloadErr(args.Get(types.Int(i)))
		}
		b.WriteString(Quote(string(arg)))
		b.WriteString(part)
	}
	return types.String(b.String())
}

// Quote makes text one word for a POSIX shell, with quotes only if they are
// needed. It removes control characters and line breaks, with which a word
// could not be pasted.
func Quote(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, text)
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/:@._+=-", r)
	}
	if text != "" && strings.IndexFunc(text, func(r rune) bool { return !plain(r) }) < 0 {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
