package expr

import (
	"fmt"
	"reflect"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// shape is an object type of the vocabulary: its fields, and how to read them.
type shape struct {
	typ    *types.Type
	names  []string
	reads  []func(*facts) ref.Val
	fields map[string]*types.FieldType
}

// value is an object of the vocabulary with the values of all its fields. An
// expression reads a field by its index, without reflection or allocation.
type value struct {
	shape  *shape
	fields []ref.Val
}

// schema has the shape of every object by its name in the vocabulary.
var schema = shapes(vocabulary)

func shapes(table []entry) map[string]*shape {
	out := map[string]*shape{}
	for _, e := range table {
		if e.typ != nil && e.typ.Kind() == types.StructKind {
			s := &shape{typ: e.typ, fields: map[string]*types.FieldType{}}
			out[e.name] = s
			e.read = s.read
		}
		parent, name := "", e.name
		if dot := strings.LastIndexByte(e.name, '.'); dot >= 0 {
			parent, name = e.name[:dot], e.name[dot+1:]
		}
		if s := out[parent]; s != nil {
			s.add(name, e.typ, e.read)
		}
	}
	return out
}

func (s *shape) add(name string, typ *types.Type, read func(*facts) ref.Val) {
	i := len(s.names)
	s.names = append(s.names, name)
	s.reads = append(s.reads, read)
	s.fields[name] = &types.FieldType{
		Type:    typ,
		IsSet:   func(any) bool { return true },
		GetFrom: func(target any) (any, error) { return target.(*value).fields[i], nil },
	}
}

func (s *shape) read(f *facts) ref.Val {
	v := &value{shape: s, fields: make([]ref.Val, len(s.reads))}
	for i, read := range s.reads {
		v.fields[i] = read(f)
	}
	return v
}

// ConvertToNative implements ref.Val. Objects do not leave expressions.
func (v *value) ConvertToNative(t reflect.Type) (any, error) {
	return nil, fmt.Errorf("a %s is not a %v", v.shape.typ, t)
}

// ConvertToType implements ref.Val.
func (v *value) ConvertToType(t ref.Type) ref.Val {
	switch t {
	case types.TypeType:
		return v.shape.typ
	case v.shape.typ:
		return v
	}
	return types.NewErr("a %s is not a %s", v.shape.typ, t.TypeName())
}

// Equal implements ref.Val. No expression compares objects, see pitfalls.
func (v *value) Equal(other ref.Val) ref.Val { return types.Bool(v == other) }

// Type implements ref.Val.
func (v *value) Type() ref.Type { return v.shape.typ }

// Value implements ref.Val.
func (v *value) Value() any { return v }

// provider provides the types of the vocabulary to CEL, and all other types
// from the standard provider.
type provider struct{ types.Provider }

func (p provider) FindStructType(name string) (*types.Type, bool) {
	if s, ok := shapeOf(name); ok {
		return types.NewTypeTypeWithParam(s.typ), true
	}
	return p.Provider.FindStructType(name)
}

func (p provider) FindStructFieldNames(name string) ([]string, bool) {
	if s, ok := shapeOf(name); ok {
		return s.names, true
	}
	return p.Provider.FindStructFieldNames(name)
}

func (p provider) FindStructFieldType(name, field string) (*types.FieldType, bool) {
	if s, ok := shapeOf(name); ok {
		t, found := s.fields[field]
		return t, found
	}
	return p.Provider.FindStructFieldType(name, field)
}

func shapeOf(typeName string) (*shape, bool) {
	name, ok := strings.CutPrefix(typeName, objectPrefix)
	return schema[name], ok
}

// withVocabulary installs the provider.
func withVocabulary(e *cel.Env) (*cel.Env, error) {
	return cel.CustomTypeProvider(provider{e.CELTypeProvider()})(e)
}
