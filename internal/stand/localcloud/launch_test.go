package localcloud

import (
	"errors"
	"net"
	"net/url"
	"syscall"
	"testing"
)

// Another process wants the cloud's port as soon as it is known, before the
// cloud listens there.
func TestNoOtherProcessCanTakeThePort(t *testing.T) {
	cloud, exited := launch(t, Options{})
	endpoint, err := url.Parse(cloud.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", endpoint.Host)
	if err == nil {
		_ = l.Close()
	}
	if !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("listening on %s gave %v, want %v", endpoint.Host, err, syscall.EADDRINUSE)
	}
	if err := cloud.ready(t.Context(), exited); err != nil {
		t.Fatalf("the cloud does not answer on its port: %v", err)
	}
}
