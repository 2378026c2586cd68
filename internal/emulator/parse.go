package emulator

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// ParseFixture reads a fixture in JSON. It is strict: a key that a fixture
// does not have is an error that names it.
func ParseFixture(data []byte) (Fixture, error) {
	var tree any
	if err := decodeOne(data, &tree); err != nil {
		return Fixture{}, fmt.Errorf("read fixture: %w", err)
	}
	if err := unknownKeys(tree, reflect.TypeFor[Fixture](), ""); err != nil {
		return Fixture{}, fmt.Errorf("read fixture: %w", err)
	}
	var f Fixture
	if err := json.Unmarshal(data, &f); err != nil {
		return Fixture{}, fmt.Errorf("read fixture: %w", err)
	}
	if err := f.check(); err != nil {
		return Fixture{}, fmt.Errorf("read fixture: %w", err)
	}
	return f, nil
}

// FromDescribe makes a fixture of the answer of `aws ecr
// describe-pull-through-cache-rules` in a Region. The account is that of the
// rules' registryId, DefaultAccount where there are no rules. Keys that are
// unknown are left aside, because AWS may add some.
func FromDescribe(data []byte, region string) (Fixture, error) {
	var answer struct {
		Rules     []Rule `json:"pullThroughCacheRules"`
		NextToken string `json:"nextToken"`
	}
	if err := decodeOne(data, &answer); err != nil {
		return Fixture{}, fmt.Errorf("read rules: %w", err)
	}
	if answer.Rules == nil {
		return Fixture{}, errors.New("read rules: pullThroughCacheRules is missing")
	}
	if answer.NextToken != "" {
		return Fixture{}, errors.New("read rules: this is one page of several: list all pages")
	}
	account := ""
	for _, ru := range answer.Rules {
		if ru.RegistryID != "" && account != "" && ru.RegistryID != account {
			return Fixture{}, fmt.Errorf("read rules: they belong to two registries, %s and %s", account, ru.RegistryID)
		}
		account = cmp.Or(account, ru.RegistryID)
	}
	f := Fixture{Registries: []Registry{{
		Account: cmp.Or(account, DefaultAccount),
		Region:  region,
		Rules:   answer.Rules,
	}}}
	if err := f.check(); err != nil {
		return Fixture{}, fmt.Errorf("read rules: %w", err)
	}
	return f, nil
}

// decodeOne reads exactly one JSON value.
func decodeOne(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more text after the first JSON value")
	}
	return nil
}

// unknownKeys finds the keys of a JSON tree that t has no field for.
// encoding/json can refuse them, too, but it ignores the case of keys and does
// not report the path.
func unknownKeys(tree any, t reflect.Type, at string) error {
	var errs []error
	switch t.Kind() {
	case reflect.Pointer:
		return unknownKeys(tree, t.Elem(), at)
	case reflect.Slice:
		list, _ := tree.([]any)
		for i, v := range list {
			errs = append(errs, unknownKeys(v, t.Elem(), fmt.Sprintf("%s[%d]", at, i)))
		}
	case reflect.Struct:
		fields := map[string]reflect.Type{}
		for _, f := range reflect.VisibleFields(t) {
			if tag, ok := f.Tag.Lookup("json"); ok {
				fields[tag] = f.Type
			}
		}
		members, _ := tree.(map[string]any)
		for _, key := range slices.Sorted(maps.Keys(members)) {
			path := strings.TrimPrefix(at+"."+key, ".")
			if field, ok := fields[key]; ok {
				errs = append(errs, unknownKeys(members[key], field, path))
			} else {
				errs = append(errs, fmt.Errorf("%s: unknown key %q", path, key))
			}
		}
	default:
	}
	return errors.Join(errs...)
}
