//! What plugins say, on its way to a person.

use windlass_core::render::{Diagnostic, FileAt, Location, Severity, Span, attribute};

/// Texts and numbers of any kind are shown, and nothing in them acts on a terminal.
pub(crate) fn findings(bytes: &[u8]) {
    let (numbers, texts) = bytes.split_at(bytes.len().min(8));
    let number = |at: usize| u32::from_le_bytes(std::array::from_fn(|n| *numbers.get(at + n).unwrap_or(&0)));
    let text = String::from_utf8_lossy(texts);
    let mut parts = text.split('\0').map(str::to_owned);
    let mut part = || parts.next().unwrap_or_default();
    let small = |at: usize| u32::from(*numbers.get(at).unwrap_or(&0));
    let span = Span {
        line: small(0),
        column: if small(1) == 255 { number(1) } else { small(1) },
        end_line: small(2),
        end_column: if small(3) == 255 { number(3) } else { small(3) },
    };
    let at = Location::File(FileAt {
        source: part(),
        path: part(),
        span: Some(span),
    });
    let finding = Diagnostic {
        severity: Severity::Warning,
        code: part(),
        message: part(),
        at: at.clone(),
        related: vec![(at, part())],
        help: Some(part()),
        extra: vec![(attribute::LINE.to_owned(), part())],
    };
    let shown = windlass::fuzz::finding(&finding);
    assert!(!shown.chars().any(acts), "{shown:?}");
    let short = finding.clone().shortened(numbers.len() * 40);
    assert!(short.bytes() <= finding.bytes().max(numbers.len() * 40 + 64));
}

const fn acts(c: char) -> bool {
    matches!(c, '\0'..='\u{8}' | '\u{b}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
