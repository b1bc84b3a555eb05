//go:build wasip1

package sdk

// Conversions between the package's types and their layouts. Lowering may be done between enter and leave only.

func lowerPairs(pairs []Pair) lowered {
	out := make([]loweredPair, len(pairs))
	for i, p := range pairs {
		out[i] = loweredPair{name: lowerString(p.Name), value: lowerString(p.Value)}
	}
	return lowerList(out)
}

func liftPairs(l lowered) []Pair {
	raw := view[loweredPair](l)
	out := make([]Pair, len(raw))
	for i, r := range raw {
		out[i] = Pair{r.name.text(), r.value.text()}
	}
	return out
}

func lowerSpan(s Span) loweredSpan {
	return loweredSpan{line: s.Line, column: s.Column, endLine: s.EndLine, endColumn: s.EndColumn}
}

func liftSpan(s loweredSpan) Span { return Span{s.line, s.column, s.endLine, s.endColumn} }

func lowerFileAt(f FileAt) loweredFileAt {
	out := loweredFileAt{source: lowerString(f.Source), path: lowerString(f.Path)}
	if f.Span != nil {
		out.hasSpan, out.span = 1, lowerSpan(*f.Span)
	}
	return out
}

func liftFileAt(f loweredFileAt) FileAt {
	out := FileAt{Source: f.source.text(), Path: f.path.text()}
	if f.hasSpan&0xff != 0 {
		span := liftSpan(f.span)
		out.Span = &span
	}
	return out
}

func lowerLocation(l Location) loweredLocation {
	switch at := l.(type) {
	case FileAt:
		return loweredLocation{tag: locationFile, file: lowerFileAt(at)}
	case *FileAt:
		return loweredLocation{tag: locationFile, file: lowerFileAt(*at)}
	case ObjectAt:
		pointer := lowerString(at.Pointer)
		return loweredLocation{tag: locationObject, file: loweredFileAt{
			source: lowered{data: at.Index, length: pointer.data},
			path:   lowered{data: pointer.length},
		}}
	case ConfigAt:
		return loweredLocation{tag: locationConfig, file: loweredFileAt{source: lowerString(string(at))}}
	}
	return loweredLocation{tag: locationNone}
}

func liftLocation(l loweredLocation) Location {
	switch l.tag & 0xff {
	case locationFile:
		return liftFileAt(l.file)
	case locationObject:
		pointer := lowered{data: l.file.source.length, length: l.file.path.data}
		return ObjectAt{Index: l.file.source.data, Pointer: pointer.text()}
	case locationConfig:
		return ConfigAt(l.file.source.text())
	}
	return nil
}

func lowerDiagnostic(d Diagnostic) loweredDiagnostic {
	related := make([]loweredRelated, len(d.Related))
	for i, r := range d.Related {
		related[i] = loweredRelated{at: lowerLocation(r.At), text: lowerString(r.Text)}
	}
	out := loweredDiagnostic{
		severity: uint32(d.Severity),
		code:     lowerString(d.Code),
		message:  lowerString(d.Message),
		at:       lowerLocation(d.At),
		related:  lowerList(related),
		extra:    lowerPairs(d.Extra),
	}
	if d.Help != "" {
		out.hasHelp, out.help = 1, lowerString(d.Help)
	}
	return out
}

func liftDiagnostic(d loweredDiagnostic) Diagnostic {
	out := Diagnostic{
		Severity: Severity(d.severity),
		Code:     d.code.text(),
		Message:  d.message.text(),
		At:       liftLocation(d.at),
		Extra:    liftPairs(d.extra),
	}
	for _, r := range view[loweredRelated](d.related) {
		out.Related = append(out.Related, Related{At: liftLocation(r.at), Text: r.text.text()})
	}
	if d.hasHelp&0xff != 0 {
		out.Help = d.help.text()
	}
	return out
}

func lowerDiagnostics(diagnostics []Diagnostic) lowered {
	out := make([]loweredDiagnostic, len(diagnostics))
	for i, d := range diagnostics {
		out[i] = lowerDiagnostic(d)
	}
	return lowerList(out)
}

func lowerFailure(failure error) loweredFailure {
	switch f := failure.(type) {
	case *InvalidError:
		return loweredFailure{tag: failureInvalid, first: lowerDiagnostics(f.Diagnostics)}
	case *UnsupportedError:
		return loweredFailure{tag: failureUnsupported, first: lowerString(f.Message)}
	case *OtherError:
		return loweredFailure{tag: failureOther, first: lowerString(f.Code), second: lowerString(f.Message)}
	}
	return loweredFailure{tag: failureInternal, first: lowerString(failure.Error())}
}

func liftFailure(f loweredFailure) error {
	switch f.tag & 0xff {
	case failureInvalid:
		var diagnostics []Diagnostic
		for _, d := range view[loweredDiagnostic](f.first) {
			diagnostics = append(diagnostics, liftDiagnostic(d))
		}
		return &InvalidError{Diagnostics: diagnostics}
	case failureUnsupported:
		return &UnsupportedError{Message: f.first.text()}
	case failureOther:
		return &OtherError{Code: f.first.text(), Message: f.second.text()}
	}
	return &InternalError{Message: f.first.text()}
}

func lowerDocument(d Document) loweredDocument {
	lines := make([]loweredMapping, len(d.Lines))
	for i, m := range d.Lines {
		lines[i] = loweredMapping{output: lowerSpan(m.Output), origin: lowerFileAt(m.Origin)}
	}
	out := loweredDocument{
		format:     uint32(d.Format),
		content:    lowerList(d.Content),
		lines:      lowerList(lines),
		attributes: lowerPairs(d.Attributes),
	}
	if d.Origin != nil {
		out.hasOrigin, out.origin = 1, lowerFileAt(*d.Origin)
	}
	return out
}

func liftDocument(d loweredDocument) Document {
	out := Document{Format: Format(d.format), Content: d.content.bytes(), Attributes: liftPairs(d.attributes)}
	if d.hasOrigin&0xff != 0 {
		origin := liftFileAt(d.origin)
		out.Origin = &origin
	}
	for _, m := range view[loweredMapping](d.lines) {
		out.Lines = append(out.Lines, Mapping{Output: liftSpan(m.output), Origin: liftFileAt(m.origin)})
	}
	return out
}
