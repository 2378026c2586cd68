package localcloud_test

import (
	"net/http"
	"testing"

	"ptcaudit/internal/stand/localcloud"
)

// The cloud answers while its test runs, and not after.
func TestStartAndStop(t *testing.T) {
	var endpoint string
	ask := func() error {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, endpoint+"/_ministack/health", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			_ = resp.Body.Close()
		}
		return err
	}
	t.Run("run", func(t *testing.T) {
		endpoint = localcloud.Start(t).Endpoint
		if err := ask(); err != nil {
			t.Error(err)
		}
	})
	if endpoint != "" && ask() == nil {
		t.Error("the cloud still answers after its test")
	}
}
