//go:build !wasip1

package renderer

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"windlass.dev/sdk"
)

// Run calls the registered plugin natively. The output of a failed call is returned too; a host would discard it.
//
// Errors: as the plugin's, mapped by [sdk.AsFailure]; a finding of severity Error fails the call as it does in a host.
func Run(facts sdk.Facts) (*sdk.Output, error) {
	sink, output := sdk.NewSink()
	if err := call(sdk.NewRequest(facts), sink); err != nil {
		return output, sdk.AsFailure(err)
	}
	for _, d := range output.Diagnostics {
		if d.Severity == sdk.Error {
			return output, sdk.Invalid(output.Diagnostics...)
		}
	}
	return output, nil
}

// list is a flag that may be given several times.
type list []string

func (l *list) String() string     { return strings.Join(*l, ",") }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

// Main runs the plugin on a local folder, as the command line says, prints the documents, and exits with 0, or with 1
// after printing the findings to the standard error.
func Main() {
	facts, err := parse(os.Args[0], os.Args[1:])
	if err == flag.ErrHelp {
		os.Exit(0)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(2)
	}
	output, err := Run(facts)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for _, d := range output.Diagnostics {
		fmt.Fprintln(os.Stderr, d)
	}
	fmt.Print(output.Text())
}

func parse(program string, args []string) (sdk.Facts, error) {
	var apis, sources list
	facts := sdk.Facts{Now: time.Unix(0, 0).UTC(), Sources: map[string]*sdk.Tree{}}
	flags := flag.NewFlagSet(program, flag.ContinueOnError)
	flags.Usage = func() {
		fmt.Fprintf(flags.Output(), "Renders PATH, a folder or file of the tree, natively, for tests and debugging.\n\nUsage: %s [flags] [PATH]\n", program)
		flags.PrintDefaults()
	}
	tree := flags.String("tree", ".", "the tree's root `folder`")
	config := flags.String("config", "{}", "the plugin's config as `JSON`, or @FILE")
	flags.StringVar(&facts.App.Name, "name", "app", "the app's name")
	flags.StringVar(&facts.App.Namespace, "app-namespace", "", "the app's own namespace")
	flags.StringVar(&facts.App.TargetNamespace, "namespace", "", "the namespace its objects go to")
	flags.StringVar(&facts.KubeVersion, "kube-version", "v1.37.0", "the cluster's version")
	flags.Var(&apis, "api", "an API that the cluster serves, e.g. apps/v1/Deployment (repeatable)")
	flags.Var(&sources, "source", "a further tree as `NAME=FOLDER` (repeatable)")
	if err := flags.Parse(args); err != nil {
		return facts, err
	}
	facts.APIs, facts.Config = apis, *config
	facts.Path = strings.Trim(flags.Arg(0), "/")
	if file, ok := strings.CutPrefix(*config, "@"); ok {
		content, err := os.ReadFile(file)
		if err != nil {
			return facts, err
		}
		facts.Config = string(content)
	}
	for _, s := range sources {
		name, dir, _ := strings.Cut(s, "=")
		opened, err := sdk.OpenDir(dir, name)
		if err != nil {
			return facts, err
		}
		facts.Sources[name] = opened
	}
	var err error
	facts.Tree, err = sdk.OpenDir(*tree, "")
	return facts, err
}
