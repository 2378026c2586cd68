package app

import (
	"context"
	"io"
	"log/slog"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

// newLog writes JSON lines. Each has the request id of its invocation. The time is
// under the key that Lambda reads: it treats a line without a valid timestamp as
// INFO, whatever its level is.
// https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
func newLog(w io.Writer, level slog.Level) *slog.Logger {
	return slog.New(invocationLog{slog.NewJSONHandler(w, &slog.HandlerOptions{
		Level: level,
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && a.Key == slog.TimeKey {
				a.Key = "timestamp"
			}
			return a
		},
	})})
}

// invocationLog adds Lambda's request id from the context. It differs from the
// request ids of API calls.
type invocationLog struct{ slog.Handler }

func (l invocationLog) Handle(ctx context.Context, r slog.Record) error {
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		r = r.Clone()
		r.AddAttrs(slog.String("lambda_request_id", lc.AwsRequestID))
	}
	return l.Handler.Handle(ctx, r)
}

func (l invocationLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return invocationLog{l.Handler.WithAttrs(attrs)}
}

func (l invocationLog) WithGroup(name string) slog.Handler {
	return invocationLog{l.Handler.WithGroup(name)}
}
