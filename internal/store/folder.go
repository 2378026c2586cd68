package store

import (
	"context"
	"iter"
)

type folder struct{ root string }

func (f *folder) Get(context.Context, string) ([]byte, string, error) { return nil, "", ErrNotFound }

func (f *folder) Put(context.Context, string, []byte, string) (string, error) {
	return "", ErrConflict
}

func (f *folder) List(context.Context, string, string) iter.Seq2[string, error] {
	return func(func(string, error) bool) {}
}

func (f *folder) Place(key string) string { return "file://" + f.root + "/" + key }
