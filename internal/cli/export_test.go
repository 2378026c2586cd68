package cli

import (
	"context"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/aws/aws-sdk-go-v2/aws"
)

// OnDemo runs command lines as the demo does.
func OnDemo() func(ctx context.Context, cfg aws.Config, env []string, out io.Writer, args ...string) int {
	return newCommand(nil, strings.NewReader(""), io.Discard, io.Discard).on
}

// WriteFile writes a file that --output names.
var WriteFile = writeFile

// Process runs a command line as the demo does, to kill it.
var Process = process

// Commands are the words of every command and group of commands.
func Commands() [][]string {
	var out [][]string
	var walk func(n *kong.Node, words []string)
	walk = func(n *kong.Node, words []string) {
		out = append(out, words)
		for _, child := range n.Children {
			if !child.Hidden {
				walk(child, append(slices.Clip(words), child.Name))
			}
		}
	}
	walk(kong.Must(&grammar{}, kong.Vars{"formats": ""}).Model.Node, nil)
	return out
}
