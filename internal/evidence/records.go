package evidence

import (
	"context"
	"iter"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"ptcaudit/internal/blob"
	"ptcaudit/internal/ptc"
)

// readsAtOnce is how many objects are read at the same time. A call takes
// some 20 ms, and a year has thousands of records.
const readsAtOnce = 8

// Reports is Records without changes. A damaged object counts as a report if its key
// is a report's.
func Reports(ctx context.Context, s blob.Store, reg ptc.Registry, from, to time.Time) iter.Seq2[Record, error] {
	return query{s, from, to, func(p place) bool { return !p.changes }}.records(ctx, reg)
}

// Records reads the evidence of a registry, or of all registries if reg is zero. It
// includes the time from and excludes the time to; a zero time is no limit. The
// time of a record is Record.At. Records are ordered by registry and then by time.
// A record that cannot be read has its Key and an error, and the next ones follow.
// An error without a Key ends the sequence. Errors are *ptc.Fault, or
// blob.ErrNotFound if an object was deleted meanwhile. Objects that are not
// evidence are skipped.
func Records(ctx context.Context, s blob.Store, reg ptc.Registry, from, to time.Time) iter.Seq2[Record, error] {
	return query{s, from, to, func(place) bool { return true }}.records(ctx, reg)
}

// query selects evidence.
type query struct {
	store    blob.Store
	from, to time.Time
	wanted   func(place) bool
}

func (q query) records(ctx context.Context, reg ptc.Registry) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		if reg != (ptc.Registry{}) {
			q.registry(ctx, reg, yield)
			return
		}
		for after := ""; ; {
			reg, found, err := q.next(ctx, after)
			switch {
			case err != nil:
				yield(Record{}, err)
				return
			case !found || !q.registry(ctx, reg, yield):
				return
			}
			after = registryPrefix(reg) + beyond
		}
	}
}

// beyond sorts after every name that a key of evidence can have.
const beyond = "~"

// next finds the first registry that has evidence after a key. So the keys of other
// days are not listed.
func (q query) next(ctx context.Context, after string) (reg ptc.Registry, found bool, err error) {
	for key, err := range q.store.List(ctx, "", after) {
		if err != nil {
			return ptc.Registry{}, false, err
		}
		if p, ok := parseKey(key); ok {
			return p.registry, true, nil
		}
	}
	return ptc.Registry{}, false, nil
}

// registry reads the evidence of one, day by day: within a day, keys say
// nothing of the order. It says whether to go on.
func (q query) registry(ctx context.Context, reg ptc.Registry, yield func(Record, error) bool) bool {
	prefix := registryPrefix(reg)
	first, last := "", "9999/12/31"
	if !q.from.IsZero() {
		first = q.from.UTC().Format(dayLayout)
	}
	if !q.to.IsZero() {
		last = q.to.UTC().Format(dayLayout)
	}
	var (
		day  string
		keys []string
	)
	for key, err := range q.store.List(ctx, prefix, prefix+first) {
		if err != nil {
			yield(Record{}, err)
			return false
		}
		p, ok := parseKey(key)
		if !ok || !q.wanted(p) {
			continue
		}
		if p.day > last {
			break
		}
		if p.day != day {
			if !q.day(ctx, keys, yield) {
				return false
			}
			day, keys = p.day, nil
		}
		keys = append(keys, key)
	}
	return q.day(ctx, keys, yield)
}

// day reads the evidence of one day. It reports whether to continue.
func (q query) day(ctx context.Context, keys []string, yield func(Record, error) bool) bool {
	type result struct {
		record Record
		err    error
	}
	results := make([]result, len(keys))
	var reads errgroup.Group
	reads.SetLimit(readsAtOnce)
	for i, key := range keys {
		reads.Go(func() error {
			results[i].record, results[i].err = get(ctx, q.store, key)
			return nil
		})
	}
	_ = reads.Wait() // each record has its own error
	slices.SortFunc(results, func(a, b result) int { return compare(a.record, b.record) })
	for _, r := range results {
		at := r.record.At()
		outside := !q.from.IsZero() && at.Before(q.from) || !q.to.IsZero() && !at.Before(q.to)
		if r.err == nil && outside {
			continue
		}
		if !yield(r.record, r.err) {
			return false
		}
	}
	return true
}
