package html_test

import (
	"bytes"
	"reflect"
	"testing"

	"ptcaudit/internal/render/html"
	"ptcaudit/internal/report"
)

func render(t testing.TB, r report.Report, o html.Options) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := html.Render(&b, r, o); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// fill changes every text of a report, but for those that have a few values
// only. It numbers them.
func fill(r *report.Report, change func(i int, s string) string) {
	n := 0
	var walk func(v reflect.Value)
	walk = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.Pointer:
			if !v.IsNil() {
				walk(v.Elem())
			}
		case reflect.Struct:
			for i := range v.NumField() {
				if v.Field(i).CanSet() {
					walk(v.Field(i))
				}
			}
		case reflect.Slice:
			for i := range v.Len() {
				walk(v.Index(i))
			}
		case reflect.String:
			if t := v.Type(); t != reflect.TypeFor[report.Severity]() && t != reflect.TypeFor[report.Outcome]() {
				v.SetString(change(n, v.String()))
				n++
			}
		}
	}
	walk(reflect.ValueOf(r).Elem())
}
