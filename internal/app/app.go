// Package app builds all objects from a configuration, for the Lambda functions
// and the command. It only connects them. It reads no flags, and no file except
// the policy. It prints nothing.
package app

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"ptcaudit/internal/audit"
	"ptcaudit/internal/aws/ecrapi"
	"ptcaudit/internal/aws/snspub"
	"ptcaudit/internal/aws/store"
	"ptcaudit/internal/blob"
	"ptcaudit/internal/config"
	"ptcaudit/internal/delivery"
	"ptcaudit/internal/handler"
	"ptcaudit/internal/notify"
	"ptcaudit/internal/ptc"
)

// Version is the version of the tool, as reports have it.
const Version = "0.1.0"

// Options are what differs between a function, the command and a test. The zero
// value is ready to use.
type Options struct {
	// Account gives the account of the configuration's credentials, for the
	// Handler. If it is nil, STS is asked once.
	Account func(ctx context.Context) (string, error)
	// Log and Metrics may be nil.
	Log     *slog.Logger
	Metrics io.Writer
	// Function is the name of the Lambda function. It is required with Metrics.
	Function string
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// App is an auditor whose parts are connected.
type App struct {
	Engine *audit.Engine
	// Handler publishes to the configuration's topics.
	Handler *handler.Handler
}

// New builds an auditor. It makes no call.
func New(c config.Config, cfg aws.Config, p audit.Policy, o Options) App {
	engine := &audit.Engine{
		ECR:         ecrapi.New(cfg, ecrapi.Options{CallTimeout: c.CallTimeout}),
		Policy:      p,
		Concurrency: c.Concurrency,
		Now:         o.Now,
		Version:     Version,
		Log:         o.Log,
	}
	h := newHandler(c, cfg, o)
	h.Auditor = engine
	return App{Engine: engine, Handler: h}
}

// newHandler builds a Handler that lacks only its Auditor. A store that cannot be
// opened becomes a fault of the Handler, which then does not audit.
func newHandler(c config.Config, cfg aws.Config, o Options) *handler.Handler {
	s := &delivery.Deliverer{
		MinSeverity: c.MinSeverity,
		RemindAfter: c.RemindAfter,
		Settle:      config.SettleTime,
		Now:         o.Now,
	}
	for _, form := range notify.Forms() { // people first
		arn := map[notify.Form]string{
			notify.ForPeople: c.TopicARN, notify.ForPrograms: c.RecordsTopicARN, notify.ForChat: c.ChatTopicARN,
		}[form]
		if arn != "" {
			s.Topics = append(s.Topics, snspub.New(cfg, arn, form, snspub.Options{}))
		}
	}
	h := &handler.Handler{
		Account:     o.Account,
		Delivery:    s,
		Version:     Version,
		MaxReceives: c.MaxReceives,
		Now:         o.Now,
		Log:         o.Log,
		Metrics:     o.Metrics,
		Function:    o.Function,
	}
	if h.Account == nil {
		h.Account = onceIdentity(cfg)
	}
	for _, place := range []struct {
		key, url string
		store    *blob.Store
	}{
		{config.KeyState, c.State, &s.State},
		{config.KeyEvidence, c.Evidence, &s.Evidence},
	} {
		if place.url == "" {
			continue
		}
		opened, err := store.Open(place.url, cfg)
		if err != nil {
			h.Faults = append(h.Faults, ptc.Fault{Operation: ptc.OpLoadConfig, Kind: ptc.FaultMalformed, Message: place.key + ": " + err.Error()})
			continue
		}
		*place.store = opened
	}
	return h
}
