package wire

import (
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go/logging"

	"ptcaudit/internal/aws/fault"
)

// Config prepares a configuration for a client of an adapter. Its HTTP client
// is that of Client, the errors of its credentials are marked for package
// fault, and nothing is logged: every error is returned.
func Config(cfg aws.Config, timeout time.Duration, options ...func(*http.Transport)) aws.Config {
	cfg.Logger = logging.Nop{}
	cfg.HTTPClient = Client(cfg.HTTPClient, timeout, options...)
	cfg.Credentials = fault.Credentials(cfg.Credentials)
	return cfg
}
