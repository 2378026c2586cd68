package app

import (
	"context"
	"io"
	"log/slog"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

// newLog writes JSON lines. Each has the request id of its invocation.
func newLog(w io.Writer, level slog.Level) *slog.Logger {
	return slog.New(invocationLog{slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level})})
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
