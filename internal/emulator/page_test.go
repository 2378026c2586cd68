package emulator_test

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/emulator"
)

func TestPages(t *testing.T) {
	var rules []emulator.Rule
	var want []string
	for i := range 120 {
		prefix := fmt.Sprintf("p%03d", i)
		want = append(want, prefix)
		rules = append(rules, emulator.Rule{EcrRepositoryPrefix: prefix, UpstreamRegistryURL: "quay.io"})
	}
	tests := []struct {
		name               string
		pageSize           int
		maxResults, wanted int32
		pages              int
	}{
		{"the API's own size", 0, 0, 120, 2},
		{"small pages", 2, 0, 120, 60},
		{"maxResults", 0, 50, 120, 3},
		{"maxResults below the page size", 7, 5, 120, 24},
		{"maxResults above the page size", 5, 7, 120, 24},
		{"everything", 0, 1000, 120, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e, url := serve(t, one(emulator.Registry{PageSize: tt.pageSize, Rules: rules}))
			in := &ecr.DescribePullThroughCacheRulesInput{}
			if tt.maxResults > 0 {
				in.MaxResults = aws.Int32(tt.maxResults)
			}
			var got []string
			p := ecr.NewDescribePullThroughCacheRulesPaginator(client(url), in, func(o *ecr.DescribePullThroughCacheRulesPaginatorOptions) { o.Limit = tt.maxResults })
			for p.HasMorePages() {
				page, err := p.NextPage(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range page.PullThroughCacheRules {
					got = append(got, *r.EcrRepositoryPrefix)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if got := e.Count("DescribePullThroughCacheRules"); got != tt.pages {
				t.Errorf("%d pages, want %d", got, tt.pages)
			}
		})
	}
	t.Run("a rule deleted and one created between pages", func(t *testing.T) {
		_, url := serve(t, one(emulator.Registry{PageSize: 60, Rules: rules}))
		c := client(url)
		first, err := c.DescribePullThroughCacheRules(t.Context(), &ecr.DescribePullThroughCacheRulesInput{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.DeletePullThroughCacheRule(t.Context(), &ecr.DeletePullThroughCacheRuleInput{EcrRepositoryPrefix: aws.String("p059")}); err != nil {
			t.Fatal(err)
		}
		second, err := c.DescribePullThroughCacheRules(t.Context(), &ecr.DescribePullThroughCacheRulesInput{NextToken: first.NextToken})
		if err != nil {
			t.Fatal(err)
		}
		if got := *second.PullThroughCacheRules[0].EcrRepositoryPrefix; got != "p060" || len(second.PullThroughCacheRules) != 60 || second.NextToken != nil {
			t.Errorf("second page: %d rules from %s", len(second.PullThroughCacheRules), got)
		}
	})
	t.Run("of named rules", func(t *testing.T) {
		_, url := serve(t, one(emulator.Registry{PageSize: 2, Rules: rules}))
		a := ask(t, url, "DescribePullThroughCacheRules", `{"ecrRepositoryPrefixes":["p007","p001/","p003","p001"]}`).members(t)
		items, _ := a["pullThroughCacheRules"].([]any)
		if len(items) != 2 || a["nextToken"] == nil {
			t.Errorf("%v", a)
		}
	})
}
