package main

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"
)

var update = flag.Bool("update", false, "rewrite golden files")

// assemblies is the folder for the cloud assemblies of the tests.
var assemblies string

func TestMain(m *testing.M) {
	var err error
	assemblies, err = os.MkdirTemp("", "ptcaudit-infra-")
	try(err)
	code := m.Run()
	jsii.Close()
	try(os.RemoveAll(assemblies))
	os.Exit(code)
}

const tickets = "arn:aws:sqs:eu-west-1:111122223333:tickets"

// everything is a context that enables every option.
var everything = map[string]any{
	"policy":                "strict",
	"email":                 "ops@example.com; lead@example.com severity=critical",
	"https":                 "https://hooks.example.com/ptc status=FAILED,COULD_NOT_AUDIT",
	"sqs":                   tickets + " severity=high",
	"chat":                  true,
	"alarms":                "oncall@example.com; https://hooks.example.com/alarms",
	"schedule":              "cron(0 6 ? * * *)",
	"timeZone":              "Europe/Vienna",
	"readSecrets":           true,
	"createTrail":           true,
	"evidenceDays":          2555,
	"evidenceLock":          "compliance 365 days",
	"tags":                  "team=build",
	"terminationProtection": true,
}

// companyContext has the settings of a company that limits roles and keys.
var companyContext = map[string]any{
	"permissionsBoundary": "arn:aws:iam::111122223333:policy/boundary",
	"rolePath":            "/auditors/",
	"findingsKey":         "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
	"alarmsKey":           "arn:aws:kms:eu-west-1:111122223333:key/4321abcd-12ab-34cd-56ef-1234567890ab",
	"callTimeout":         "20s",
	"concurrency":         "2",
	"logLevel":            "debug",
	"scheduleWindow":      "60",
}

// The deployments that tests check, each synthesized once. Most tests check plain
// and full.
var (
	plain = sync.OnceValue(func() deployment { return synthesize(map[string]any{}) })
	full  = sync.OnceValue(func() deployment { return synthesize(everything) })
	other = sync.OnceValue(func() deployment {
		return synthesize(map[string]any{"dashboard": false, "evidenceDays": "40", "evidenceLock": "governance 40 days", "logLevel": "error"})
	})
	company = sync.OnceValue(func() deployment { return synthesize(companyContext) })
)

// deployment is the result of one run of the app.
type deployment struct {
	err      error
	folder   string // of the cloud assembly
	template template
	nag      []string // findings of cdk-nag
}

// template has the parts of a CloudFormation template that tests check.
type template struct {
	Resources map[string]resource
	Outputs   map[string]struct{ Value any }
}

type resource struct {
	Type                string
	Properties          map[string]any
	DependsOn           []string
	DeletionPolicy      string
	UpdateReplacePolicy string
}

// synthesize runs the app as the CDK's CLI does, with the context of cdk.json and
// the given one.
func synthesize(context map[string]any) deployment {
	return synthesizeWith(context, bootstrapFor(elf.EM_AARCH64))
}

func synthesizeWith(context map[string]any, bootstrap []byte) deployment {
	var file struct{ Context map[string]any }
	try(json.Unmarshal(read("../cdk.json"), &file))
	maps.Copy(file.Context, withoutFile(context))
	// Findings of cdk-nag are read below. They do not stop the synthesis.
	file.Context["@aws-cdk/core:annotationsInValidationReport"] = false

	folder, err := os.MkdirTemp(assemblies, "")
	try(err)
	path := filepath.Join(folder, "bootstrap")
	if bootstrap != nil {
		try(os.WriteFile(path, bootstrap, 0o755))
	}
	app := awscdk.NewApp(&awscdk.AppProps{Context: &file.Context, Outdir: jsii.String(filepath.Join(folder, "cdk.out"))})
	awscdk.Aspects_Of(app).Add(cdknag.NewAwsSolutionsChecks(&cdknag.NagPackProps{Reports: jsii.Bool(false)}), nil)
	d := deployment{folder: filepath.Join(folder, "cdk.out")}
	if d.err = run(app, path); d.err != nil {
		return d
	}
	try(json.Unmarshal(read(filepath.Join(d.folder, "ptcaudit.template.json")), &d.template))
	// Annotations are in a file beside the template.
	var notes map[string][]struct {
		Type string
		Data any
	}
	try(json.Unmarshal(read(filepath.Join(d.folder, "ptcaudit.metadata.json")), &notes))
	for where, list := range notes {
		for _, note := range list {
			if note.Type == "aws:cdk:error" || note.Type == "aws:cdk:warning" {
				d.nag = append(d.nag, fmt.Sprint(where, " ", note.Data))
			}
		}
	}
	slices.Sort(d.nag)
	return d
}

// bootstrapFor returns the header of an executable, which is all that the app reads.
func bootstrapFor(machine elf.Machine) []byte {
	var b bytes.Buffer
	header := elf.Header64{
		Ident:   [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:    uint16(elf.ET_EXEC),
		Machine: uint16(machine),
		Version: uint32(elf.EV_CURRENT),
		Ehsize:  64,
	}
	try(binary.Write(&b, binary.LittleEndian, header))
	return b.Bytes()
}

func read(path string) []byte {
	data, err := os.ReadFile(path)
	try(err)
	return data
}

// try panics if the preparation of the tests fails.
func try(err error) {
	if err != nil {
		panic(err)
	}
}

// of returns the resources of a type, by logical ID.
func (t template) of(kind string) map[string]resource {
	out := map[string]resource{}
	for id, r := range t.Resources {
		if r.Type == kind {
			out[id] = r
		}
	}
	return out
}

// one returns the only resource of a type whose logical ID begins with id.
func (t template) one(tb testing.TB, kind, id string) resource {
	tb.Helper()
	var found []resource
	for name, r := range t.of(kind) {
		if strings.HasPrefix(name, id) {
			found = append(found, r)
		}
	}
	if len(found) != 1 {
		tb.Fatalf("%d resources %s* of type %s, want 1", len(found), id, kind)
	}
	return found[0]
}
