package main

import (
	"maps"
	"reflect"
	"sync"
	"text/template"
	"time"

	"github.com/Masterminds/sprig/v3"

	"windlass.dev/sdk"
)

// randomFunctions are the functions that draw random values, by crypto/rand or math/rand.
var randomFunctions = []string{
	"randAlphaNum", "randAlpha", "randAscii", "randNumeric", "randBytes", "randInt", "shuffle", "uuidv4", "bcrypt", "htpasswd",
	"encryptAES", "genPrivateKey", "genCA", "genCAWithKey", "genSelfSignedCert", "genSelfSignedCertWithKey", "genSignedCert",
	"genSignedCertWithKey",
}

// clockFunctions read the clock whenever they are called; dateFunctions only when they are given no date.
var (
	clockFunctions = []string{
		"ago", "durationRound", "genCA", "genCAWithKey", "genSelfSignedCert", "genSelfSignedCertWithKey", "genSignedCert",
		"genSignedCertWithKey",
	}
	dateFunctions = []string{"date", "dateInZone", "date_in_zone", "htmlDate", "htmlDateInZone"}
)

// templateFunctions replaces the functions that depend on more than their arguments. They do what they did, but for
//
//   - random values: every call draws from a stream of its own, see streams. crypto/rand draws from it by itself;
//     math/rand is seeded from it.
//   - the time: it is that of the request, also in certificates, and asked for only when a template uses it.
//   - lookup: it finds nothing, as in `helm template`.
//   - the order of a map: see orderedFunctions.
func templateFunctions(request *sdk.Request, drawn *streams) template.FuncMap {
	original := sprig.TxtFuncMap()
	now := sync.OnceValue(func() time.Time {
		t := request.Now()
		sdk.SetNow(t)
		return t.Local()
	})
	functions := drawn.functions()
	functions["now"] = func() time.Time {
		drawn.values.note(drawn.current.file, nil)
		return now()
	}
	functions["lookup"] = func(string, string, string, string) (map[string]any, error) { return map[string]any{}, nil }
	maps.Copy(functions, orderedFunctions)
	replace := func(name string, with wrapper) {
		current, ok := functions[name]
		if !ok {
			current = original[name]
		}
		functions[name] = wrapped(current, with)
	}
	for _, name := range clockFunctions {
		replace(name, before(func([]reflect.Value) { now() }))
	}
	for _, name := range dateFunctions {
		replace(name, before(func(arguments []reflect.Value) {
			if !holdDate(arguments) {
				now()
			}
		}))
	}
	for _, name := range randomFunctions {
		replace(name, func(call func() []reflect.Value, arguments []reflect.Value) []reflect.Value {
			drawn.fork(name, arguments)
			results := call()
			drawn.values.note(drawn.current.file, results)
			return results
		})
	}
	return functions
}

// wrapper does something around a call.
type wrapper func(call func() []reflect.Value, arguments []reflect.Value) []reflect.Value

func before(first func(arguments []reflect.Value)) wrapper {
	return func(call func() []reflect.Value, arguments []reflect.Value) []reflect.Value {
		first(arguments)
		return call()
	}
}

// wrapped is a function of the same type.
func wrapped(function any, with wrapper) any {
	f := reflect.ValueOf(function)
	return reflect.MakeFunc(f.Type(), func(arguments []reflect.Value) []reflect.Value {
		call := f.Call
		if f.Type().IsVariadic() {
			call = f.CallSlice
		}
		return with(func() []reflect.Value { return call(arguments) }, arguments)
	}).Interface()
}

// holdDate is whether sprig would find a date among the arguments instead of taking the time of day.
func holdDate(arguments []reflect.Value) bool {
	for _, argument := range arguments {
		if argument.Kind() != reflect.Interface || argument.IsNil() {
			continue
		}
		switch argument.Interface().(type) {
		case time.Time, *time.Time, int64, int, int32:
			return true
		}
	}
	return false
}
