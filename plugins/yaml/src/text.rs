//! Bytes to text, with a place when they aren't.

use windlass_sdk::{Diagnostic, Location, Span};

const UTF8_BOM: &[u8] = b"\xef\xbb\xbf";

/// `bytes`, the contents of `path`, as text without a byte order mark.
pub(crate) fn decode<'a>(path: &str, bytes: &'a [u8]) -> Result<&'a str, Box<Diagnostic>> {
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(Box::new(
            Diagnostic::error("not-utf8", format!("`{path}` is UTF-16, but manifests are UTF-8"))
                .at(Location::point(path, 1, 1))
                .help("save the file as UTF-8 (in PowerShell: `Out-File -Encoding utf8`)"),
        ));
    }
    let (mark, rest) = match bytes.strip_prefix(UTF8_BOM) {
        Some(rest) => (UTF8_BOM.len(), rest),
        None => (0, bytes),
    };
    std::str::from_utf8(rest).map_err(|error| {
        let start = mark + error.valid_up_to();
        let end = start + error.error_len().unwrap_or(bytes.len() - start);
        let message = format!("`{path}` isn't UTF-8: byte 0x{:02x} at offset {start}", bytes[start]);
        Box::new(
            Diagnostic::error("not-utf8", message)
                .at(Location::span(path, Span::of(bytes, start, end)))
                .help("save the file as UTF-8; binary data belongs into `binaryData`, base64-encoded"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_is_dropped() {
        assert_eq!(decode("a", b"\xef\xbb\xbfa: 1\n").unwrap(), "a: 1\n");
        assert_eq!(decode("a", b"").unwrap(), "");
    }

    #[test]
    fn bad_bytes_are_told_with_their_place() {
        let diagnostic = decode("x/a.yaml", b"a: 1\nb: \xff2\n").unwrap_err();
        assert!(
            diagnostic.message.contains("0xff at offset 8"),
            "{}",
            diagnostic.message
        );
        let span = Span {
            line: 2,
            column: 4,
            end_line: 2,
            end_column: 5,
        };
        assert_eq!(diagnostic.at, Location::span("x/a.yaml", span));
    }

    #[test]
    fn a_character_cut_off_at_the_end_is_told_too() {
        let diagnostic = decode("a", b"\xef\xbb\xbfa\xe2\x82").unwrap_err();
        assert!(
            diagnostic.message.contains("0xe2 at offset 4"),
            "{}",
            diagnostic.message
        );
    }

    #[test]
    fn utf16_is_named() {
        for bytes in [b"\xff\xfea\0", b"\xfe\xff\0a"] {
            assert!(decode("a", bytes).unwrap_err().message.contains("UTF-16"));
        }
    }
}
