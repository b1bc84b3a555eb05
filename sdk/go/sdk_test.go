package sdk

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestErrorsBecomeFailures(t *testing.T) {
	finding := Diagnostic{Code: "bad", Message: "no", At: At("a.yaml", 3, 4), Help: "try b"}
	for _, c := range []struct {
		err  error
		want string
	}{
		{fmt.Errorf("outer: %w", Invalid(finding)), "*sdk.InvalidError a.yaml:3:4: error[bad]: no (try b)"},
		{fmt.Errorf("outer: %w", Unsupported("no %d", 9)), "*sdk.UnsupportedError no 9"},
		{&OtherError{"odd", "very"}, "*sdk.OtherError odd: very"},
		{errors.New("plain"), "*sdk.InternalError plain"},
	} {
		failure := AsFailure(c.err)
		if got := fmt.Sprintf("%T %v", failure, failure); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
	if AsFailure(nil) != nil {
		t.Error("no error must be no failure")
	}
}

func TestLocationsInWords(t *testing.T) {
	for want, d := range map[string]Diagnostic{
		"$values/v.yaml:1: warning[w]: m": {Severity: Warning, Code: "w", Message: "m", At: FileAt{"values", "v.yaml", &Span{Line: 1}}},
		"config /a: error[e]: m":          {Code: "e", Message: "m", At: ConfigAt("/a")},
		"document 2 /x: info[i]: m":       {Severity: Info, Code: "i", Message: "m", At: ObjectAt{2, "/x"}},
		"error[e]: m":                     {Code: "e", Message: "m"},
		"f: error[e]: m":                  {Code: "e", Message: "m", At: At("f", 0, 0)},
	} {
		if got := d.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestConfigIsDecodedStrictly(t *testing.T) {
	var into struct{ A int }
	if err := NewRequest(Facts{Config: `{"a": 3}`}).DecodeConfig(&into); err != nil || into.A != 3 {
		t.Errorf("%v %v", into, err)
	}
	err := NewRequest(Facts{Config: `{"b": 3}`}).DecodeConfig(&into)
	var invalid *InvalidError
	if !errors.As(err, &invalid) || invalid.Diagnostics[0].At != ConfigAt("") {
		t.Errorf("an unknown key gave %v", err)
	}
}

func TestAskedFactsAreKept(t *testing.T) {
	request := NewRequest(Facts{APIs: []string{"v1"}})
	if !request.HasAPI("v1") || request.HasAPI("v2") || request.KubeVersion() == "" {
		t.Error("wrong facts")
	}
	if got := Asked(request); !slices.Equal(got, []string{"has-api v1", "has-api v2", "kube-version"}) {
		t.Errorf("asked %v", got)
	}
}

func TestObjectsByIndex(t *testing.T) {
	set := NewObjectSet([]string{
		`{"kind":"Deployment","apiVersion":"apps/v1","metadata":{"name":"a","namespace":"n"},"spec":{"x":[10000000000000001,{"a/b":"<"}]}}`,
		`{"apiVersion":"v1","kind":"Service","metadata":{"name":"b"}}`,
	})
	heads := set.Heads()
	if want := (ObjectRef{"apps", "v1", "Deployment", "n", "a"}); heads[0] != want || heads[1].Group != "" || len(heads) != 2 {
		t.Errorf("heads %v", heads)
	}
	if got := set.Select("", "Service"); !slices.Equal(got, []uint32{1}) {
		t.Errorf("select %v", got)
	}
	for pointer, want := range map[string]string{"/spec/x/0": "10000000000000001", "/spec/x/1/a~1b": `"<"`, "/metadata": `{"name":"a","namespace":"n"}`} {
		if got, ok := set.Field(0, pointer); !ok || got != want {
			t.Errorf("%s: %s %v", pointer, got, ok)
		}
	}
	if _, ok := set.Field(0, "/spec/x/2"); ok {
		t.Error("an index out of range was found")
	}
	if bodies := set.Bodies(); len(bodies) != 2 || bodies[1] != set.Body(1) {
		t.Errorf("bodies %v", bodies)
	}
}

func TestStreamsRestartUnderALabel(t *testing.T) {
	SeedEntropy("test")
	var e Entropy
	e.Fork("a")
	first, second := e.Uint64(), e.Uint64()
	e.Fork("b")
	other := e.Uint64()
	e.Fork("a")
	again := make([]byte, 8)
	if n, err := e.Read(again); n != 8 || err != nil {
		t.Fatal(n, err)
	}
	if first == second || first == other || again[0] != byte(first) || again[7] != byte(first>>56) {
		t.Error("streams do not restart, or are not distinct")
	}
	long := strings.Repeat("ä", maxForkLabel)
	if a, b := boundedLabel(long+"1"), boundedLabel(long+"2"); a == b || len(a) > maxForkLabel {
		t.Error("long labels collide or stay too long")
	}
}

func TestPositionsInTexts(t *testing.T) {
	for text, want := range map[string]string{
		"a/b.yaml:3:14: oops":    "{a/b.yaml 3 14} oops",
		"a/b.yaml:3: oops: more": "{a/b.yaml 3 0} oops: more",
		"dir with space/x:7":     "{dir with space/x 7 0} ",
	} {
		at, rest, ok := CutPosition(text)
		if got := fmt.Sprint(at, " ", rest); !ok || got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
	for _, text := range []string{"no position", "http://x:80/y", "a: b: c", "a:99999999999: x"} {
		if _, rest, ok := CutPosition(text); ok || rest != text {
			t.Errorf("%q has no position", text)
		}
	}
	line, rest, ok := CutYAML("cannot load values.yaml: error converting YAML to JSON: yaml: line 12: did not find expected key")
	if line != 12 || rest != "did not find expected key" || !ok {
		t.Errorf("%d %q %v", line, rest, ok)
	}
}

func TestYAMLIsLocatedAtTheFirstBadToken(t *testing.T) {
	content := []byte("a: 1\nb:\n  c: !bad\nd: 2\n")
	parse := func(b []byte) error {
		if strings.Contains(string(b), "!bad") {
			return errors.New("yaml: line 2: bad")
		}
		return nil
	}
	if line, column := LocateYAML(content, parse); line != 3 || column != 9 {
		t.Errorf("located at %d:%d", line, column)
	}
	if line, _ := LocateYAML(content[:5], parse); line != 0 {
		t.Errorf("a good content was located at %d", line)
	}
}
