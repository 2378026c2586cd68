package delivery_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"golang.org/x/sync/errgroup"

	"ptcaudit/internal/delivery"
	"ptcaudit/internal/stand/localcloud"
)

// cloud is a local S3.
type cloud struct{ cfg aws.Config }

func newCloud(t *testing.T) *cloud {
	t.Helper()
	return &cloud{localcloud.Config(localcloud.Start(t).Endpoint, home.Account, home.Region)}
}

// bucket creates a bucket and returns its URL.
func (c *cloud) bucket(t *testing.T) string { t.Helper(); return localcloud.NewBucket(t, c.cfg) }

// Several audits of one registry end at the same time with the same findings:
// one of them publishes, once.
func TestAtOnce(t *testing.T) {
	c := newCloud(t)
	kinds := map[string]func(t *testing.T) *world{
		"folder": inFolders,
		"bucket": func(t *testing.T) *world { t.Helper(); return newWorld(t, c.bucket(t), c.bucket(t), c.cfg) },
	}
	for kind, newWorld := range kinds {
		for n := 2; n <= 8; n++ {
			t.Run(fmt.Sprint(kind, " ", n), func(t *testing.T) {
				w := newWorld(t)
				// Publishing ends after another audit has read the ledger, so that
				// there is always one that meets the lease.
				reads := make(chan struct{})
				w.state.fail = func(call, _ string) error {
					if call == "get" {
						select {
						case reads <- struct{}{}:
						default:
						}
					}
					return nil
				}
				w.topic.during = func(context.Context) { <-reads }
				var group errgroup.Group
				published := 0
				results := make([]delivery.Result, n)
				for i := range n {
					r := audited(fmt.Sprint("audit", i), "hub", "quay")
					group.Go(func() error {
						var err error
						results[i], err = w.Turn(home).Deliver(t.Context(), r, false)
						return err
					})
				}
				if err := group.Wait(); err != nil {
					t.Fatal(err)
				}
				for _, r := range results {
					if r.Message != nil {
						published++
					}
				}
				is(t, "published", w.topic.statuses(), []string{"FAILED"})
				l := w.ledger(t)
				if published != 1 || l.Seq != 1 || l.Lease != nil || len(w.records(t)) != n {
					t.Errorf("%d results with a message; seq %d, lease %v, evidence %v", published, l.Seq, l.Lease, w.records(t))
				}
			})
		}
	}
}
