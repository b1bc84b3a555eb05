package main

import "testing"

func TestWordsAreFoundWhole(t *testing.T) {
	w := wordsOf("tpl", "randInt")
	for text, want := range map[string]bool{
		"": false, "tpl": true, "{{ tpl .x . }}": true, "x.tpl": true, "mytpl": false, "tplx": false, "mytpl tpl": true, "(randInt 1 2)": true,
		"randInteger": false,
	} {
		if w.MatchString(text) != want {
			t.Errorf("%q: want %v", text, want)
		}
	}
}
