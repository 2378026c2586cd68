package source

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// Node is a scalar, a list or a mapping of a file. The zero Node is a value
// that the file does not have.
type Node struct {
	file *file
	node ast.Node
}

// IsSet reports whether the file has the value.
func (n Node) IsSet() bool { return n.file != nil }

// Fault adds a fault at the node's first character.
func (n Node) Fault(format string, args ...any) {
	line, column := n.position()
	n.file.fault(line, column, format, args...)
}

// Error returns an error at the node, without adding it to the faults of the
// file.
func (n Node) Error(format string, args ...any) Error {
	line, column := n.position()
	return n.file.errorAt(line, column, fmt.Sprintf(format, args...))
}

// Line is the line in which the node begins, from 1.
func (n Node) Line() int {
	line, _ := n.position()
	return line
}

// position is where the node begins.
func (n Node) position() (line, column int) {
	at := n.node
	if m, ok := at.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		at = m.Values[0]
	}
	if v, ok := at.(*ast.MappingValueNode); ok {
		at = v.Key
	}
	p := at.GetToken().Position
	return p.Line, p.Column
}

// inner returns the node without its anchor or tag. Those are faults already.
func (n Node) inner() ast.Node {
	at := n.node
	for {
		switch v := at.(type) {
		case *ast.AnchorNode:
			at = v.Value
		case *ast.TagNode:
			at = v.Value
		default:
			return at
		}
	}
}

// pairs are the entries of a mapping.
func (n Node) pairs() ([]*ast.MappingValueNode, bool) {
	switch v := n.inner().(type) {
	case *ast.MappingNode:
		return v.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{v}, true
	}
	return nil, false
}

// IsMapping reports whether the node is a mapping.
func (n Node) IsMapping() bool {
	_, ok := n.pairs()
	return ok
}

// isCollection reports whether the node is a list or a mapping.
func (n Node) isCollection() bool {
	_, isList := n.items()
	return isList || n.IsMapping()
}

// items are the entries of a list.
func (n Node) items() ([]Node, bool) {
	list, ok := n.inner().(*ast.SequenceNode)
	if !ok {
		return nil, false
	}
	out := make([]Node, 0, len(list.Values))
	for _, v := range list.Values {
		out = append(out, Node{n.file, v})
	}
	return out, true
}

// kind names the type of a node, for messages.
func (n Node) kind() string {
	switch v := n.inner().(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	case *ast.AliasNode:
		return "an alias"
	case nil:
		return "nothing"
	default:
		switch classify(v) {
		case isNull:
			return "nothing"
		case isBool:
			return "a boolean"
		case isInt, isFloat, isOddNumber:
			return "a number"
		case isString:
			return "a string"
		case isNone:
		}
		return "something else"
	}
}

// class is the type that YAML readers can read a scalar as.
type class int

const (
	isNone class = iota // no scalar
	isNull
	isBool
	isInt
	isFloat
	isOddNumber // octal, hexadecimal, with underscores, not finite
	isString
)

var (
	nullText  = regexp.MustCompile(`^(|~|null|Null|NULL)$`)
	boolText  = regexp.MustCompile(`^(?i:true|false|yes|no|on|off)$`)
	intText   = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)
	floatText = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)
	oddNumber = regexp.MustCompile(`^[-+]?(0[xX][0-9a-fA-F_]+|0[oO]?[0-7_]+|0[bB][01_]+|[0-9][0-9_]*(\.[0-9_]*)?([eE][-+]?[0-9]+)?|\.[0-9][0-9_]*([eE][-+]?[0-9]+)?|\.(?i:inf|nan))$`)
)

// classify derives the class from the text of a scalar, not from the parser's
// type: YAML 1.1, YAML 1.2 and their libraries disagree about booleans and
// numbers.
func classify(v ast.Node) class {
	if _, ok := v.(ast.ScalarNode); !ok {
		return isNone
	}
	t := v.GetToken()
	switch t.Type {
	case token.SingleQuoteType, token.DoubleQuoteType, token.LiteralType, token.FoldedType:
		return isString
	default:
	}
	switch text := plainText(v); {
	case text != "" && !strings.ContainsRune("+-.~0123456789", rune(text[0])) && len(text) > len("false"):
		return isString
	case nullText.MatchString(text):
		return isNull
	case boolText.MatchString(text):
		return isBool
	case intText.MatchString(text):
		return isInt
	case floatText.MatchString(text):
		return isFloat
	case oddNumber.MatchString(text):
		return isOddNumber
	}
	return isString
}

// plainText is the text of an unquoted scalar in the file.
func plainText(v ast.Node) string {
	if _, ok := v.(*ast.NullNode); ok {
		return ""
	}
	return strings.TrimSpace(v.GetToken().Value)
}

// scalarText is the value of a scalar that is a string.
func scalarText(v ast.Node) string {
	switch v := v.(type) {
	case *ast.StringNode:
		return v.Value
	case *ast.LiteralNode:
		return v.Value.Value
	}
	return plainText(v)
}

// scalarValue is the value of a scalar, if its class has one.
func scalarValue(v ast.Node) (any, bool) {
	switch text := plainText(v); classify(v) {
	case isString:
		return scalarText(v), true
	case isBool:
		b, err := strconv.ParseBool(strings.ToLower(text))
		return b, err == nil && len(text) > 1 // t and f are no booleans in YAML
	case isInt:
		i, err := strconv.ParseInt(text, 10, 64)
		return i, err == nil
	case isFloat:
		f, err := strconv.ParseFloat(text, 64)
		return f, err == nil
	default:
		return nil, false
	}
}
