package ecrapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"ptcaudit/internal/ptc"
)

const (
	// maxAnswerLength bounds an answer, in bytes. A page of 50 rules has some
	// 50 kB.
	maxAnswerLength = 4 << 20
	// maxDepth bounds how deep an answer may nest. ECR's have three levels.
	maxDepth = 32
	// maxEpoch is the last second, since 1970 in UTC, that a report can write:
	// the end of the year 9999.
	maxEpoch = 253402300799
)

// strictAnswers makes a client refuse every answer that can be read in two
// ways, before the SDK reads it in one. The SDK ignores keys that it does not
// know, takes the last of two equal keys, and stops at the end of the first
// value: each has made a registry with rules look empty.
func strictAnswers(stack *middleware.Stack) error {
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("StrictAnswers",
		func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
			out, metadata, err := next.HandleDeserialize(ctx, in)
			response, ok := out.RawResponse.(*smithyhttp.Response)
			if err != nil || !ok || response.StatusCode < http.StatusOK || response.StatusCode >= http.StatusMultipleChoices {
				return out, metadata, err // the SDK reads errors
			}
			body, err := readAnswer(response, awsmiddleware.GetOperationName(ctx))
			if err != nil {
				return out, metadata, &smithy.DeserializationError{Err: err}
			}
			response.Body = io.NopCloser(bytes.NewReader(body))
			return out, metadata, nil
		}), middleware.After)
}

// readAnswer reads the body of a good answer and checks it. Errors of the
// connection are returned as they are.
func readAnswer(response *smithyhttp.Response, operation string) ([]byte, error) {
	defer response.Body.Close() //nolint:errcheck // it was read to its end, or is not wanted
	switch {
	case response.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("HTTP status %d, which ECR does not use", response.StatusCode)
	case response.Header.Get("Content-Encoding") != "":
		return nil, errors.New("a compressed answer, which was not asked for")
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswerLength+1))
	switch {
	case err != nil:
		return nil, err
	case len(body) > maxAnswerLength:
		return nil, fmt.Errorf("an answer of more than %d MiB", maxAnswerLength>>20)
	}
	return body, checkAnswer(body, required[operation])
}

// required is the key that an operation's answer must have. Without this check the
// SDK would read a missing isValid as false.
var required = map[string]string{
	ptc.OpDescribeRules: "pullThroughCacheRules",
	ptc.OpValidateRule:  "isValid",
}

// checkAnswer refuses a body that is not exactly one JSON object with each key
// once, that lacks the key, that names an error, or that has a value which the
// SDK would panic on or replace by a zero.
func checkAnswer(body []byte, key string) error {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	token, err := dec.Token()
	switch {
	case errors.Is(err, io.EOF):
		return errors.New("an empty answer")
	case err != nil:
		return fmt.Errorf("not JSON: %w", err)
	case token != json.Delim('{'):
		return errors.New("not a JSON object")
	}
	keys, err := checkObject(dec, 1)
	if err != nil {
		return err
	}
	if key != "" && !keys[key] {
		return fmt.Errorf("no %s in the answer", key)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one JSON value")
	}
	return nil
}

// checkObject reads an object to its end, and returns its keys. Keys that differ
// only in case count as equal, because clients choose different ones of them.
func checkObject(dec *json.Decoder, depth int) (keys map[string]bool, err error) {
	keys, folded := map[string]bool{}, map[string]bool{}
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return nil, fmt.Errorf("not JSON: %w", err)
		}
		key, _ := token.(string) // a key can be nothing else
		if folded[strings.ToLower(key)] {
			return nil, fmt.Errorf("the key %q twice in one object", key)
		}
		keys[key], folded[strings.ToLower(key)] = true, true
		value, err := checkValue(dec, depth)
		if err != nil {
			return nil, err
		}
		if err := checkField(key, value, depth); err != nil {
			return nil, err
		}
	}
	if _, err := dec.Token(); err != nil { // the closing brace
		return nil, fmt.Errorf("not JSON: %w", err)
	}
	return keys, nil
}

// checkField checks the values that the SDK does not: an error's name in a
// successful answer, an isValid that is not a boolean, and times.
func checkField(key string, value json.Token, depth int) error {
	switch key {
	case "__type":
		if depth == 1 {
			return errors.New("an error's name in an answer with HTTP status 200")
		}
	case "isValid":
		if _, ok := value.(bool); !ok {
			return fmt.Errorf("isValid is %v: want true or false", value)
		}
	case "createdAt", "updatedAt":
		if value == nil {
			return nil
		}
		number, _ := value.(json.Number)
		seconds, err := number.Float64()
		if err != nil || math.IsNaN(seconds) || seconds < 0 || seconds > maxEpoch {
			return fmt.Errorf("%s is %v: want seconds since 1970", key, value)
		}
	}
	return nil
}

// checkValue reads one value. It returns the value of a scalar, and a delimiter
// for an object or a list.
func checkValue(dec *json.Decoder, depth int) (json.Token, error) {
	token, err := dec.Token()
	if err != nil {
		return nil, fmt.Errorf("not JSON: %w", err)
	}
	if depth == maxDepth {
		return nil, errors.New("an answer that nests too deep")
	}
	switch token {
	case json.Delim('{'):
		_, err := checkObject(dec, depth+1)
		return token, err
	case json.Delim('['):
		for dec.More() {
			if _, err := checkValue(dec, depth+1); err != nil {
				return nil, err
			}
		}
		if _, err := dec.Token(); err != nil {
			return nil, fmt.Errorf("not JSON: %w", err)
		}
	}
	return token, nil
}
