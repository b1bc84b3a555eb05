//! A strict, small reader of JSON (RFC 8259), for the lines of `windlass run` and for `cargo metadata`.

/// Values nested deeper than this are refused: the reader recurses, and nothing it reads comes near.
const MAX_DEPTH: usize = 64;

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// As written.
    Number(String),
    /// Unescaped.
    String(String),
    /// In order.
    Array(Vec<Self>),
    /// In order; keys are unique.
    Object(Vec<(String, Self)>),
}

impl Json {
    /// Reads one value that fills the text.
    ///
    /// # Errors
    /// What is wrong, and at which byte.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut reader = Reader { text, at: 0 };
        let value = reader.value(0)?;
        reader.skip_space();
        if reader.at == text.len() {
            Ok(value)
        } else {
            Err(reader.problem("text after the value"))
        }
    }

    /// A member of an object.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members.iter().find(|(name, _)| name == key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The text of a string.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The value of a number without sign, fraction and exponent.
    pub(crate) fn count(&self) -> Option<u64> {
        match self {
            Self::Number(digits) => digits.parse().ok(),
            _ => None,
        }
    }

    /// The elements of an array.
    pub(crate) fn items(&self) -> Option<&[Self]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Result<Json, String> {
        if depth > MAX_DEPTH {
            return Err(self.problem("too deeply nested"));
        }
        self.skip_space();
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.string().map(Json::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.word(),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json, String> {
        let mut members: Vec<(String, Json)> = Vec::new();
        self.sequence(b'}', |reader| {
            reader.skip_space();
            let key = reader.string()?;
            if members.iter().any(|(name, _)| *name == key) {
                return Err(reader.problem("a key that was there already"));
            }
            reader.skip_space();
            reader.expect(b':')?;
            let value = reader.value(depth + 1)?;
            members.push((key, value));
            Ok(())
        })?;
        Ok(Json::Object(members))
    }

    fn array(&mut self, depth: usize) -> Result<Json, String> {
        let mut items = Vec::new();
        self.sequence(b']', |reader| reader.value(depth + 1).map(|item| items.push(item)))?;
        Ok(Json::Array(items))
    }

    /// What stands between brackets, separated by commas.
    fn sequence(&mut self, close: u8, mut item: impl FnMut(&mut Self) -> Result<(), String>) -> Result<(), String> {
        self.at += 1;
        self.skip_space();
        if self.accept(close) {
            return Ok(());
        }
        loop {
            item(self)?;
            self.skip_space();
            if self.accept(close) {
                return Ok(());
            }
            self.expect(b',')?;
        }
    }

    fn string(&mut self) -> Result<String, String> {
        self.expect(b'"')?;
        let mut out = String::new();
        loop {
            let Some(next) = self.text[self.at..].chars().next() else {
                return Err(self.problem("a string without end"));
            };
            match next {
                '"' => {
                    self.at += 1;
                    return Ok(out);
                }
                '\\' => out.push(self.escape()?),
                '\0'..='\x1f' => return Err(self.problem("a control character in a string")),
                _ => {
                    out.push(next);
                    self.at += next.len_utf8();
                }
            }
        }
    }

    fn escape(&mut self) -> Result<char, String> {
        let escaped = self.text.as_bytes().get(self.at + 1).copied();
        self.at += 2;
        Ok(match escaped {
            Some(character @ (b'"' | b'\\' | b'/')) => char::from(character),
            Some(b'b') => '\x08',
            Some(b'f') => '\x0c',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(),
            _ => {
                self.at -= 1;
                return Err(self.problem("an unknown escape"));
            }
        })
    }

    /// After `\u`: one unit, or a surrogate pair.
    fn unicode(&mut self) -> Result<char, String> {
        let first = self.unit()?;
        if !(0xd800..0xdc00).contains(&first) {
            return char::from_u32(first).ok_or_else(|| self.problem("half a character"));
        }
        self.expect(b'\\')?;
        self.expect(b'u')?;
        let second = self.unit()?.checked_sub(0xdc00).filter(|low| *low < 0x400);
        let code = second.map(|low| 0x10000 + ((first - 0xd800) << 10) + low);
        code.and_then(char::from_u32)
            .ok_or_else(|| self.problem("half a character"))
    }

    fn unit(&mut self) -> Result<u32, String> {
        let digits = self
            .text
            .get(self.at..self.at + 4)
            .filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let unit = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let unit = unit.ok_or_else(|| self.problem("not four hexadecimal digits"))?;
        self.at += 4;
        Ok(unit)
    }

    fn number(&mut self) -> Result<Json, String> {
        let start = self.at;
        self.accept(b'-');
        let leading_zero = self.peek() == Some(b'0');
        if self.digits()? > 1 && leading_zero {
            return Err(self.problem("a number that starts with 0"));
        }
        if self.accept(b'.') {
            self.digits()?;
        }
        if self.accept(b'e') || self.accept(b'E') {
            let _ = self.accept(b'+') || self.accept(b'-');
            self.digits()?;
        }
        Ok(Json::Number(self.text[start..self.at].to_owned()))
    }

    fn digits(&mut self) -> Result<usize, String> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at > start {
            Ok(self.at - start)
        } else {
            Err(self.problem("a digit is missing"))
        }
    }

    fn word(&mut self) -> Result<Json, String> {
        for (word, value) in [
            ("null", Json::Null),
            ("true", Json::Bool(true)),
            ("false", Json::Bool(false)),
        ] {
            if self.text[self.at..].starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self.problem("not a value"))
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn accept(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn expect(&mut self, byte: u8) -> Result<(), String> {
        if self.accept(byte) {
            Ok(())
        } else {
            Err(self.problem(&format!("no `{}`", char::from(byte))))
        }
    }

    fn problem(&self, what: &str) -> String {
        format!("{what} at byte {}", self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_kind_of_value() {
        let json =
            Json::parse(r#" {"a":[1,-2.5e3,true,false,null],"b":{"c":"x\"\\\/\n\u00e9\ud83d\ude00é"},"d":[],"e":{}} "#)
                .unwrap();
        assert_eq!(json.get("a").unwrap().items().unwrap()[0].count(), Some(1));
        assert_eq!(
            json.get("a").unwrap().items().unwrap()[1],
            Json::Number("-2.5e3".to_owned())
        );
        assert_eq!(json.get("b").unwrap().get("c").unwrap().text(), Some("x\"\\/\né😀é"));
        assert_eq!(json.get("d"), Some(&Json::Array(Vec::new())));
        assert_eq!(json.get("f"), None);
    }

    #[test]
    fn refuses_what_is_not_json() {
        for text in [
            "",
            " ",
            "nul",
            "{",
            "[",
            "[1,]",
            "{\"a\":1,}",
            "{\"a\" 1}",
            "{a:1}",
            "01",
            "-",
            "1.",
            "1e",
            "+1",
            "\"",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\ud800\"",
            "\"\\ud800\\u0041\"",
            "\"\n\"",
            "1 2",
            "{\"a\":1,\"a\":2}",
            "'a'",
            "\"\\",
            "\"\\u12é\"",
        ] {
            assert!(Json::parse(text).is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn refuses_deep_nesting() {
        assert!(Json::parse(&("[".repeat(60) + &"]".repeat(60))).is_ok());
        assert!(Json::parse(&"[".repeat(100_000)).unwrap_err().contains("nested"));
    }
}
