package ecrapi

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestCheckAnswer(t *testing.T) {
	tests := []struct{ name, key, body, want string }{
		{"an object", "", `{"pullThroughCacheRules":[{"createdAt":1.7e9,"updatedAt":null}],"nextToken":null}`, ""},
		{"a verdict", "", `{"isValid":false,"failure":"x"}`, ""},
		{"the same key in two objects", "", `{"a":{"x":1},"b":{"x":1},"c":[{"x":1},{"x":1}]}`, ""},
		{"space around it", "", " {} \n", ""},
		{"the key that it must have", "isValid", `{"isValid":true}`, ""},
		{"without the key that it must have", "isValid", `{"a":{"isValid":true}}`, "no isValid in the answer"},
		{"the key in another case", "isValid", `{"IsValid":true}`, "no isValid in the answer"},
		{"nothing", "", ``, "an empty answer"},
		{"a list", "", `[]`, "not a JSON object"},
		{"null", "", `null`, "not a JSON object"},
		{"HTML", "", `<html>`, "not JSON"},
		{"half an object", "", `{"a":[`, "not JSON"},
		{"no closing brace", "", `{"a":1`, "not JSON"},
		{"two objects", "", `{}{}`, "more than one JSON value"},
		{"text behind", "", `{} x`, "more than one JSON value"},
		{"a key twice", "", `{"a":1,"a":2}`, `the key "a" twice`},
		{"a key in two cases", "", `{"Rules":1,"rules":2}`, `the key "rules" twice`},
		{"a key twice deep inside", "", `{"a":[{"b":{"c":1,"c":1}}]}`, `the key "c" twice`},
		{"an error's name", "", `{"__type":"X"}`, "an error's name"},
		{"a verdict that is a text", "", `{"isValid":"true"}`, "isValid is true: want"},
		{"a verdict that is null", "", `{"isValid":null}`, "isValid is <nil>: want"},
		{"a verdict that is a list", "", `{"isValid":[]}`, "want true or false"},
		{"a time that is a text", "", `{"a":[{"createdAt":"NaN"}]}`, "createdAt is NaN: want"},
		{"a time before 1970", "", `{"updatedAt":-1}`, "updatedAt is -1: want"},
		{"a time too late", "", `{"updatedAt":1e14}`, "want seconds since 1970"},
		{"a time too large", "", `{"updatedAt":1e999}`, "want seconds since 1970"},
		{"a time that is an object", "", `{"createdAt":{}}`, "want seconds since 1970"},
		{"too deep", "", `{"a":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`, "nests too deep"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := checkAnswer([]byte(tt.body), tt.key)
			if got := text(err); (tt.want == "") != (got == "") || !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// What passes is one JSON object for every reader of JSON.
func FuzzCheckAnswer(f *testing.F) {
	f.Add([]byte(`{"pullThroughCacheRules":[{"ecrRepositoryPrefix":"quay","createdAt":1.7e9}]}`))
	f.Add([]byte(`{"isValid":true}{}`))
	f.Add([]byte(`{"a":1,"A":2}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if checkAnswer(body, "") != nil {
			return
		}
		var object map[string]any
		if err := json.Unmarshal(body, &object); err != nil {
			t.Errorf("%q passes, and is no object: %v", body, err)
		}
	})
}
