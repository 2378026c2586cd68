package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"ptcaudit/internal/cli/awsjson"
)

// service is how the AWS CLI's words become a call of the JSON protocol:
// https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
type service struct {
	target string
	// member makes a member's name of the words of an option.
	member func(words []string) string
}

var services = map[string]service{
	"ecr":            {"AmazonEC2ContainerRegistry_V20150921", func(words []string) string { return words[0] + camel(words[1:]) }},
	"secretsmanager": {"secretsmanager", camel},
}

// call makes the API call of a command line of the AWS CLI, so that the demo does
// not need the AWS CLI, and returns the answer. The value of an option is text, or
// a file in dir.
func call(ctx context.Context, cfg aws.Config, command, dir string) ([]byte, error) {
	words, err := split(command)
	if err != nil {
		return nil, err
	}
	if len(words) < 3 || len(words)%2 == 0 || words[0] != "aws" {
		return nil, errors.New("no command of the form: aws SERVICE OPERATION --OPTION VALUE …")
	}
	api, ok := services[words[1]]
	if !ok {
		return nil, fmt.Errorf("unknown service %s", words[1])
	}
	region, input := cfg.Region, map[string]string{}
	for i := 3; i < len(words); i += 2 {
		option, ok := strings.CutPrefix(words[i], "--")
		value := words[i+1]
		if name, isFile := strings.CutPrefix(value, "file://"); isFile {
			content, err := os.ReadFile(filepath.Join(dir, filepath.Base(name))) //nolint:gosec // in the demo's own folder
			if err != nil {
				return nil, err
			}
			value = string(content)
		}
		switch {
		case !ok:
			return nil, fmt.Errorf("%s is no option", words[i])
		case option == "region":
			region = value
		default:
			input[api.member(strings.Split(option, "-"))] = value
		}
	}
	body, err := json.Marshal(input)
	if err != nil {
		return nil, err
	}
	caller, err := cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, err
	}
	return awsjson.Do(ctx, http.DefaultClient, caller, awsjson.Call{
		Endpoint: aws.ToString(cfg.BaseEndpoint),
		Service:  words[1],
		Region:   region,
		Target:   api.target + "." + camel(strings.Split(words[2], "-")),
		Body:     body,
	})
}

// camel joins words, each with a capital letter.
func camel(words []string) string {
	var b strings.Builder
	for _, word := range words {
		if word != "" {
			b.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return b.String()
}

// split cuts a command line into words as a shell does, as far as quotes and
// backslashes go.
func split(command string) ([]string, error) {
	var (
		words   []string
		word    strings.Builder
		within  bool // a word has begun, even if it is empty
		quote   rune
		escaped bool
	)
	for _, r := range command {
		switch {
		case escaped:
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			escaped, within = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, within = r, true
		case r == ' ':
			if within {
				words = append(words, word.String())
				word.Reset()
			}
			within = false
		default:
			word.WriteRune(r)
			within = true
		}
	}
	if quote != 0 || escaped {
		return nil, fmt.Errorf("a quote is not closed: %s", command)
	}
	if within {
		words = append(words, word.String())
	}
	return words, nil
}
