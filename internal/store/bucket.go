package store

import (
	"context"
	"iter"

	"github.com/aws/aws-sdk-go-v2/aws"
)

type bucket struct{ name, prefix string }

func newBucket(aws.Config, string, string) *bucket { return &bucket{} }

func (b *bucket) Get(context.Context, string) ([]byte, string, error) { return nil, "", ErrNotFound }

func (b *bucket) Put(context.Context, string, []byte, string) (string, error) {
	return "", ErrConflict
}

func (b *bucket) List(context.Context, string, string) iter.Seq2[string, error] {
	return func(func(string, error) bool) {}
}

func (b *bucket) Place(key string) string { return "s3://" + b.name + "/" + key }
