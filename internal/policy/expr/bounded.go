package expr

import (
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// maxMade bounds the texts that functions make, in bytes. Chained, replace
// multiplies a text: eight calls made gigabytes of one character. A message is
// cut long before.
const maxMade = 64 << 10

// boundedFunctions take the place of CEL's functions whose result can be much
// longer than what they are given.
var boundedFunctions = []cel.EnvOption{
	cel.Function("replace",
		cel.MemberOverload("string_replace_string_string",
			[]*cel.Type{cel.StringType, cel.StringType, cel.StringType}, cel.StringType, cel.FunctionBinding(replaced)),
		cel.MemberOverload("string_replace_string_string_int",
			[]*cel.Type{cel.StringType, cel.StringType, cel.StringType, cel.IntType}, cel.StringType, cel.FunctionBinding(replaced))),
	cel.Function("join",
		cel.MemberOverload("list_join", []*cel.Type{cel.ListType(cel.StringType)}, cel.StringType, cel.FunctionBinding(joined)),
		cel.MemberOverload("list_join_string", []*cel.Type{cel.ListType(cel.StringType), cel.StringType}, cel.StringType, cel.FunctionBinding(joined))),
	cel.Function("split",
		cel.MemberOverload("string_split_string", []*cel.Type{cel.StringType, cel.StringType}, cel.ListType(cel.StringType), cel.FunctionBinding(split)),
		cel.MemberOverload("string_split_string_int", []*cel.Type{cel.StringType, cel.StringType, cel.IntType}, cel.ListType(cel.StringType), cel.FunctionBinding(split))),
}

// tooLong is the error of a function whose result would be too long.
func tooLong(function string) ref.Val {
	return types.NewErr("%s makes a text of more than %d bytes", function, maxMade)
}

// limit is the optional last argument of replace and split: how often, or all.
func limit(args []ref.Val, i int) int {
	if i < len(args) {
		return int(args[i].(types.Int))
	}
	return -1
}

// replaced is string.replace(old, new, limit).
func replaced(args ...ref.Val) ref.Val {
	text, before, after := string(args[0].(types.String)), string(args[1].(types.String)), string(args[2].(types.String))
	n := strings.Count(text, before)
	if most := limit(args, 3); most >= 0 {
		n = min(n, most)
	}
	if grows := len(after) - len(before); grows > 0 && (n > maxMade || len(text)+n*grows > maxMade) {
		return tooLong("replace")
	}
	return types.String(strings.Replace(text, before, after, n))
}

// joined is list.join(separator).
func joined(args ...ref.Val) ref.Val {
	list, separator := args[0].(traits.Lister), ""
	if len(args) > 1 {
		separator = string(args[1].(types.String))
	}
	var b strings.Builder
	if prefixes, ok := list.(*others); ok {
		b.Grow(min(prefixes.bytes(len(separator)), maxMade))
	}
	for i, it := 0, list.Iterator(); it.HasNext() == types.True; i++ {
		element := it.Next()
		text, ok := element.(types.String)
		if !ok {
			return types.MaybeNoSuchOverloadErr(element)
		}
		if i > 0 {
			b.WriteString(separator)
		}
		b.WriteString(string(text))
		if b.Len() > maxMade {
			return tooLong("join")
		}
	}
	return types.String(b.String())
}

// split is string.split(separator, limit).
func split(args ...ref.Val) ref.Val {
	text, separator := string(args[0].(types.String)), string(args[1].(types.String))
	if len(text) > maxMade {
		return types.NewErr("split takes a text of at most %d bytes", maxMade)
	}
	return types.NewStringList(types.DefaultTypeAdapter, strings.SplitN(text, separator, limit(args, 2)))
}
