// Package expr is the language of a policy's expressions: CEL
// (https://cel.dev) with a typed vocabulary for pull through cache rules. A
// misspelled field, a comparison of different types and a result of the wrong
// type are errors when a policy is loaded, not during an audit. It does not read
// policy files, and never imports the AWS SDK.
package expr

import (
	"fmt"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/ext"
)

// Scope is the subject of an expression.
type Scope string

// The scopes of expressions.
const (
	// RuleScope: an expression is evaluated for each rule, with the name rule.
	RuleScope Scope = "rule"
	// RegistryScope: an expression is evaluated once, without the name rule.
	RegistryScope Scope = "registry"
)

// Kind is the type that an expression must have.
type Kind string

// The kinds of expressions.
const (
	Bool   Kind = "bool"
	String Kind = "string"
	// Fix is a string with commands: text reaches it through formatShell only.
	Fix Kind = "fix"
)

// Env compiles expressions against the vocabulary and the params of a policy.
// It is safe for concurrent use.
type Env struct {
	params map[string]*cel.Type
	// envs are created when first needed: a shipped policy does not need them.
	envs map[Scope]func() (*cel.Env, error)
}

// New returns an Env for a set of params. Their values determine their types.
func New(params map[string]any) (*Env, error) {
	typs, err := paramTypes(params)
	if err != nil {
		return nil, err
	}
	var options []cel.EnvOption
	for _, name := range sortedKeys(typs) {
		options = append(options, cel.Variable(paramPrefix+name, typs[name]))
	}
	extend := func(base func() (*cel.Env, error), options ...cel.EnvOption) func() (*cel.Env, error) {
		return sync.OnceValues(func() (*cel.Env, error) {
			e, err := base()
			if err != nil {
				return nil, err
			}
			return e.Extend(options...)
		})
	}
	registry := extend(baseEnv, options...)
	return &Env{params: typs, envs: map[Scope]func() (*cel.Env, error){
		RegistryScope: registry,
		RuleScope:     extend(registry, cel.Variable(ruleName, objectType(ruleName))),
	}}, nil
}

// baseEnv has all names except rule and params.
var baseEnv = sync.OnceValues(func() (*cel.Env, error) {
	options := append(declarations(),
		withVocabulary,
		// Without a bound, "%.999999999f" makes a gigabyte.
		ext.Strings(ext.StringsVersion(4), ext.StringsValidateFormatCalls(true), ext.StringsMaxPrecision(100)),
	)
	options = append(options, boundedFunctions...)
	return cel.NewEnv(append(options,
		cel.ASTValidators(
			cel.ValidateDurationLiterals(),
			cel.ValidateTimestampLiterals(),
			cel.ValidateRegexLiterals(),
			cel.ValidateHomogeneousAggregateLiterals(),
			pitfalls{},
		),
	)...)
})

// Compile compiles an expression. The program is nil if there are problems.
func (e *Env) Compile(scope Scope, want Kind, src string) (*Program, []Problem) {
	s := source{scope, want, src}
	checked := e.lookup(s)
	if checked == nil {
		compiled, problems := e.check(s)
		if problems != nil {
			return nil, problems
		}
		checked = compiled.NativeRep()
	}
	program, err := plan(checked)
	if err != nil {
		return nil, []Problem{{1, 1, err.Error()}}
	}
	return program, nil
}

// check parses an expression and finds what is wrong with it.
func (e *Env) check(s source) (*cel.Ast, []Problem) {
	lazy := e.envs[s.scope]
	if lazy == nil {
		return nil, []Problem{{1, 1, fmt.Sprintf("unknown scope %q", s.scope)}}
	}
	env, err := lazy()
	if err != nil {
		return nil, []Problem{{1, 1, err.Error()}}
	}
	parsed, issues := env.Parse(s.text)
	if issues.Err() != nil {
		return nil, problems(s.text, issues)
	}
	checked, issues := env.Check(parsed)
	if issues.Err() != nil {
		nameParams(parsed.NativeRep(), issues)
		return nil, problems(s.text, issues)
	}
	if typ := checked.OutputType(); !typ.IsExactType(s.kind.celType()) {
		return nil, []Problem{{1, 1, fmt.Sprintf("the expression is of type %s, not %s", typeName(typ), s.kind.celType())}}
	}
	if problem := unquoted(s, checked.NativeRep()); problem != nil {
		return nil, []Problem{*problem}
	}
	if problem := tooCostly(env, checked); problem != nil {
		return nil, []Problem{*problem}
	}
	if s.kind == Bool {
		if problem := hollow(checked.NativeRep()); problem != nil {
			return nil, []Problem{*problem}
		}
	}
	return checked, nil
}

func (k Kind) celType() *cel.Type {
	if k == Bool {
		return cel.BoolType
	}
	return cel.StringType
}
