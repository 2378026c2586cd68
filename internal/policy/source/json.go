package source

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// Part is a value of JSON that was made from a file.
type Part struct {
	// Path is that of the value: registries[0].rules[2].customRoleArn.
	Path string
	// Key is the key before the value. Items of a list and the root have none.
	Key   Node
	Value Node
	// End is the offset in the JSON just behind the value.
	End int
}

// JSON is the node as JSON, and its parts in the order in which they end. A
// fault is added for each value that YAML readers take for different things.
func (n Node) JSON() ([]byte, []Part) {
	var w jsonWriter
	w.write(Part{Value: n})
	return w.out.Bytes(), w.parts
}

type jsonWriter struct {
	out   bytes.Buffer
	parts []Part
}

// write writes a value. A faulty one becomes null.
func (w *jsonWriter) write(p Part) {
	n := p.Value
	name := p.Path
	if name == "" {
		name = "the file"
	}
	if items, ok := n.items(); ok {
		w.out.WriteByte('[')
		for i, item := range items {
			w.separate()
			w.write(Part{Path: fmt.Sprintf("%s[%d]", p.Path, i), Value: item})
		}
		w.out.WriteByte(']')
	} else if n.IsMapping() {
		w.out.WriteByte('{')
		n.eachPair(name, func(key Text, value Node) {
			w.separate()
			w.marshal(key.Value)
			w.out.WriteByte(':')
			w.write(Part{Path: strings.TrimPrefix(p.Path+"."+key.Value, "."), Key: key.Node, Value: value})
		})
		w.out.WriteByte('}')
	} else {
		w.marshal(n.plainValue(name))
	}
	p.End = w.out.Len()
	w.parts = append(w.parts, p)
}

// plainValue is the value of a scalar, and nil for null and what is faulty.
func (n Node) plainValue(name string) any {
	if _, isAlias := n.inner().(*ast.AliasNode); isAlias || n.kind() == "nothing" {
		return nil // an alias was found faulty already
	}
	value, _ := n.scalar(name)
	return value
}

// separate writes a comma before every entry but the first.
func (w *jsonWriter) separate() {
	if b := w.out.Bytes(); b[len(b)-1] != '[' && b[len(b)-1] != '{' {
		w.out.WriteByte(',')
	}
}

func (w *jsonWriter) marshal(value any) {
	text, err := json.Marshal(value)
	if err != nil { // not for strings, booleans and finite numbers
		panic(err)
	}
	w.out.Write(text)
}
