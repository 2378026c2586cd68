package emulator_test

import (
	"fmt"
	"net/http/httptest"

	"ptcaudit/internal/emulator"
)

// An emulator behind its own server. Clients find it by their endpoint:
// AWS_ENDPOINT_URL, --endpoint-url, or BaseEndpoint.
func Example() {
	fixture, err := emulator.ParseFixture([]byte(`{
	  "registries": [{
	    "account": "111122223333", "region": "eu-west-1",
	    "rules": [{"ecrRepositoryPrefix": "quay", "upstreamRegistryUrl": "quay.io"}]
	  }],
	  "faults": [{"operation": "ValidatePullThroughCacheRule", "code": "ThrottlingException", "times": 2}]
	}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	api, err := emulator.New(fixture)
	if err != nil {
		fmt.Println(err)
		return
	}
	server := httptest.NewServer(api)
	defer server.Close()
	fmt.Println(api.Count("ValidatePullThroughCacheRule"), "validations so far")
	// Output: 0 validations so far
}
