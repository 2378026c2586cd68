package source

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"ptcaudit/internal/suggest"
)

// Text is a string of a file, with its place.
type Text struct {
	Node
	Value string
}

// Flag is a boolean of a file.
type Flag struct {
	Node
	Value bool
}

// Value is a bool, int64, float64 or string of a file, or a list ([]any) of
// one of them.
type Value struct {
	Node
	Value any
}

// Items are the nodes of a list's elements; none if the value is no list.
func (v Value) Items() []Node {
	items, _ := v.items()
	return items
}

// Map is a mapping with keys of the writer's choice, in the file's order.
type Map[T any] []Entry[T]

// Entry is a key of a Map and its value.
type Entry[T any] struct {
	Key   Text
	Value T
}

// decoder is a type that reads itself from a node. Messages call the node name.
type decoder interface{ decode(n Node, name string) }

// Mapping is a mapping with a fixed set of keys. Structs for Decode embed it.
type Mapping struct {
	Node
	keys map[string]bool
}

// Has reports whether the mapping has a key, even if its value is invalid.
func (m Mapping) Has(key string) bool { return m.keys[key] }

// Require adds a fault if keys are missing. The message calls the mapping name.
func (m Mapping) Require(name string, keys ...string) {
	if missing := m.Missing(keys...); len(missing) > 0 {
		m.Fault("%s needs %s", name, strings.Join(missing, ", "))
	}
}

// Missing returns the keys that the mapping does not have.
func (m Mapping) Missing(keys ...string) []string {
	return slices.DeleteFunc(slices.Clone(keys), m.Has)
}

// Decode reads a node into the value that into points to: a Text, Flag, Value
// or Map, a Node to decode later, a slice of these, or a struct that embeds a
// Mapping and names its other fields with yaml tags. The option nonempty of a
// tag refuses an empty list. Decode adds all faults, in which the node is
// called name, and leaves invalid values unset.
func (n Node) Decode(into any, name string) { n.decode(reflect.ValueOf(into).Elem(), name) }

func (n Node) decode(into reflect.Value, name string) {
	if _, isAlias := n.inner().(*ast.AliasNode); isAlias {
		return // found faulty already
	}
	if n.kind() == "nothing" {
		n.empty(name)
		return
	}
	switch v := into.Addr().Interface().(type) {
	case *Node:
		*v = n
	case decoder:
		v.decode(n, name)
	default:
		if into.Kind() == reflect.Slice {
			n.decodeList(into, name)
			return
		}
		n.decodeStruct(into, name)
	}
}

func (n Node) empty(name string) { n.Fault("%s is empty: give it a value or leave it out", name) }

func (n Node) decodeList(into reflect.Value, name string) {
	items, ok := n.items()
	if !ok {
		n.Fault("%s must be a list, not %s", name, n.kind())
		return
	}
	if n.tooMany(len(items), name) {
		return
	}
	before := into.Len() // a duplicate key adds to the list
	list := reflect.MakeSlice(into.Type(), before+len(items), before+len(items))
	reflect.Copy(list, into)
	into.Set(list)
	for i, item := range items {
		item.decode(into.Index(before+i), "an entry of "+name)
	}
}

func (n Node) decodeStruct(into reflect.Value, name string) {
	fields, nonempty := map[string]reflect.Value{}, map[string]bool{}
	var names []string
	for i := range into.NumField() {
		if key, option, _ := strings.Cut(into.Type().Field(i).Tag.Get("yaml"), ","); key != "" {
			fields[key], nonempty[key] = into.Field(i), option == "nonempty"
			names = append(names, key)
		}
	}
	m := Mapping{n, map[string]bool{}}
	ok := n.eachPair(name, func(key Text, value Node) {
		m.keys[key.Value] = true
		if field, ok := fields[key.Value]; ok {
			value.decode(field, key.Value)
			if nonempty[key.Value] && !field.IsNil() && field.Len() == 0 {
				value.empty(key.Value)
			}
			return
		}
		key.Fault("unknown key %s%s", key.Value, suggest.Hint(key.Value, names))
	})
	if ok {
		into.FieldByName("Mapping").Set(reflect.ValueOf(m))
	}
}

// eachPair visits the entries of a mapping that have a valid key, and returns
// false if the node is not a mapping. Of a duplicate key it visits the first
// entry, and later ones that are a list or a mapping, to find the faults in
// them.
func (n Node) eachPair(name string, visit func(key Text, value Node)) bool {
	pairs, ok := n.pairs()
	if !ok {
		n.Fault("%s must be a mapping, not %s", name, n.kind())
		return false
	}
	if n.tooMany(len(pairs), name) {
		return false
	}
	first := map[string]int{}
	for _, p := range pairs {
		key, value := Text{Node: Node{n.file, p.Key}}, Node{n.file, p.Value}
		if p.Key.IsMergeKey() {
			continue // found faulty already
		}
		if classify(p.Key) != isString {
			key.Fault("a key must be a string, not %s", key.kind())
			continue
		}
		key.Value = scalarText(p.Key)
		line := key.Line()
		if before, ok := first[key.Value]; ok {
			key.Fault("duplicate key %s: it stands in line %d already", key.Value, before)
			if !value.isCollection() {
				continue
			}
		} else {
			first[key.Value] = line
		}
		visit(key, value)
	}
	return true
}

func (t *Text) decode(n Node, name string) {
	v := n.inner()
	switch classify(v) {
	case isString:
		*t = Text{n, scalarText(v)}
	case isNone, isNull:
		n.Fault("%s must be a string, not %s", name, n.kind())
	default:
		n.Fault("%s must be a string, not %s: write %q%s", name, n.kind(), plainText(v), misread(v))
	}
}

// misread adds the value that YAML reads for a number, if it looks different.
func misread(v ast.Node) string {
	if i, ok := v.(*ast.IntegerNode); ok && fmt.Sprint(i.Value) != plainText(v) {
		return fmt.Sprintf(" (without quotes YAML reads %v)", i.Value)
	}
	return ""
}

func (f *Flag) decode(n Node, name string) {
	if b, ok := scalarValue(n.inner()); ok {
		if b, ok := b.(bool); ok {
			*f = Flag{n, b}
			return
		}
	}
	n.Fault("%s must be true or false", name)
}

func (v *Value) decode(n Node, name string) {
	items, isList := n.items()
	if !isList {
		if value, ok := n.scalar(name); ok {
			*v = Value{n, value}
		}
		return
	}
	if n.tooMany(len(items), name) {
		return
	}
	list := make([]any, 0, len(items))
	for _, item := range items {
		value, ok := item.scalar("an entry of " + name)
		if !ok {
			continue
		}
		if len(list) > 0 && reflect.TypeOf(value) != reflect.TypeOf(list[0]) {
			item.Fault("a list has values of one type: this is %s, the first is %s", item.kind(), items[0].kind())
			continue
		}
		list = append(list, value)
	}
	*v = Value{n, list}
}

// scalar returns a value. It refuses values on which YAML readers disagree.
func (n Node) scalar(name string) (any, bool) {
	v := n.inner()
	value, ok := scalarValue(v)
	switch {
	case ok:
		return value, true
	case classify(v) == isBool:
		n.Fault("%s: write true or false, or %q if it shall be a string", name, plainText(v))
	case classify(v) == isNone, classify(v) == isNull:
		n.Fault("%s must be a boolean, a number, a string or a list of these, not %s", name, n.kind())
	default:
		n.Fault("%s: write the number in decimal, or %q if it shall be a string%s", name, plainText(v), misread(v))
	}
	return nil, false
}

func (m *Map[T]) decode(n Node, name string) {
	n.eachPair(name, func(key Text, value Node) {
		entry := Entry[T]{Key: key}
		value.decode(reflect.ValueOf(&entry.Value).Elem(), name+"."+key.Value)
		*m = append(*m, entry)
	})
}

// tooMany says that a list or a mapping has more entries than are read; that is
// a fault.
func (n Node) tooMany(entries int, name string) bool {
	if entries > maxEntries {
		n.Fault("%s has too many entries: use at most %d", name, maxEntries)
	}
	return entries > maxEntries
}
