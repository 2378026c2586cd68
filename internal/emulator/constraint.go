package emulator

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// member is one member of an operation's input with what AWS demands of it.
// Where a member is a list, min and max count its items and of constrains
// each.
type member struct {
	name     string
	kind     kind
	required bool
	min, max int // characters, items, or the number itself; 0: no such limit
	pattern  *regexp.Regexp
	enum     []string
	of       *member
}

// optional and mandatory give a shape the name that it has in an operation.
func (m member) optional(name string) member {
	m.name = name
	return m
}

func (m member) mandatory(name string) member {
	m.name, m.required = name, true
	return m
}

// check refuses an input that breaks a constraint of the API's model, in the
// words that ECR has for it.
func (c *call) check() *apiError {
	for _, m := range c.operation.input {
		v, ok := c.input[m.name]
		if !ok {
			if m.required {
				return c.invalid(m.name, "must not be null")
			}
			continue
		}
		if complaint := m.complain(v); complaint != "" {
			return c.invalid(m.name, complaint)
		}
	}
	return nil
}

// invalid is the error of a service for a constraint that is broken.
func (c *call) invalid(name, complaint string) *apiError {
	code := "InvalidParameterException"
	if c.service == stsService {
		code = "ValidationError"
	}
	return errorf(code, "Invalid parameter at '%s' failed to satisfy constraint: '%s'", name, complaint)
}

// complain describes the constraint that v violates; empty if it meets all.
func (m member) complain(v any) string {
	switch v := v.(type) {
	case string:
		return m.complainText(v)
	case int64:
		if m.min != 0 && v < int64(m.min) {
			return fmt.Sprintf("must have value greater than or equal to %d", m.min)
		}
		if m.max != 0 && v > int64(m.max) {
			return fmt.Sprintf("must have value less than or equal to %d", m.max)
		}
	case []string:
		if complaint := m.complainLength(len(v)); complaint != "" {
			return complaint
		}
		for _, item := range v {
			if complaint := m.of.complainText(item); complaint != "" {
				return complaint
			}
		}
	}
	return ""
}

func (m member) complainText(s string) string {
	if complaint := m.complainLength(utf8.RuneCountInString(s)); complaint != "" {
		return complaint
	}
	if m.pattern != nil && !m.pattern.MatchString(s) {
		return fmt.Sprintf("must satisfy regular expression '%s'", m.pattern)
	}
	if m.enum != nil && !slices.Contains(m.enum, s) {
		return fmt.Sprintf("must satisfy enum value set: [%s]", strings.Join(m.enum, ", "))
	}
	return ""
}

func (m member) complainLength(n int) string {
	if n < m.min {
		return fmt.Sprintf("must have length greater than or equal to %d", m.min)
	}
	if m.max != 0 && n > m.max {
		return fmt.Sprintf("must have length less than or equal to %d", m.max)
	}
	return ""
}
