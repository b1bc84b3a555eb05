//! What keeps a text from being Jsonnet, in words.

use rsjsonnet_lang::lexer::LexError;
use rsjsonnet_lang::parser::{ActualToken, ExpectedToken, ParseError};
use rsjsonnet_lang::program::{AnalyzeError, LoadError};
use rsjsonnet_lang::span::SpanId;
use rsjsonnet_lang::token::STokenKind as Token;

/// Tokens named in "expected …". After an expression nearly every operator is possible, and nobody reads thirty: then
/// only those are named that end or separate something, for one of these is what was forgotten.
const MAX_EXPECTED: usize = 6;

/// The place and the message.
pub(crate) fn describe(error: &LoadError) -> (SpanId, String) {
    match error {
        LoadError::Lex(error) => lexical(error),
        LoadError::Parse(ParseError::Expected {
            span,
            expected,
            instead,
        }) => {
            let mut names: Vec<String> = expected
                .iter()
                .filter(|token| ends_something(token))
                .map(expected_token)
                .collect();
            if names.is_empty() || expected.len() <= MAX_EXPECTED {
                names = expected.iter().take(MAX_EXPECTED).map(expected_token).collect();
            }
            let wanted = names.join(" or ");
            (
                *span,
                format!("unexpected {}; expected {wanted}", actual_token(instead)),
            )
        }
        LoadError::Analyze(error) => analysis(error),
    }
}

/// The other place that explains it.
pub(crate) const fn related(error: &LoadError) -> Option<(SpanId, &'static str)> {
    match error {
        LoadError::Analyze(
            AnalyzeError::RepeatedLocalName { original_span, .. }
            | AnalyzeError::RepeatedFieldName { original_span, .. }
            | AnalyzeError::RepeatedParamName { original_span, .. },
        ) => Some((*original_span, "first here")),
        _ => None,
    }
}

fn lexical(error: &LexError) -> (SpanId, String) {
    match error {
        LexError::InvalidChar { span, chr } => (*span, format!("`{}` is no part of Jsonnet", chr.escape_debug())),
        LexError::InvalidUtf8 { span, .. } => (*span, "the file isn't UTF-8".to_owned()),
        LexError::UnfinishedMultilineComment { span } => (*span, "the comment has no `*/`".to_owned()),
        LexError::LeadingZeroInNumber { span } => (*span, "a number has no leading zero".to_owned()),
        LexError::MissingFracDigits { span } => (*span, "digits are missing after the point".to_owned()),
        LexError::MissingExpDigits { span } => (*span, "digits are missing in the exponent".to_owned()),
        LexError::MissingDigitAfterUnderscore { span } => (*span, "a digit is missing after `_`".to_owned()),
        LexError::ExpOverflow { span } => (*span, "the exponent is too large".to_owned()),
        LexError::InvalidEscapeInString { span, chr } => (*span, format!("`\\{}` is no escape", chr.escape_debug())),
        LexError::IncompleteUnicodeEscape { span } => (*span, "`\\u` takes four hexadecimal digits".to_owned()),
        LexError::InvalidUtf16EscapeSequence { span, .. } => (*span, "the escape is no character".to_owned()),
        LexError::UnfinishedString { span } => (*span, "the string has no end".to_owned()),
        LexError::MissingLineBreakAfterTextBlockStart { span } => {
            (*span, "a text block begins on the line after `|||`".to_owned())
        }
        LexError::MissingWhitespaceTextBlockStart { span } => {
            (*span, "the first line of a text block is to be indented".to_owned())
        }
        LexError::InvalidTextBlockTermination { span } => (
            *span,
            "the text block has no `|||` at the end, or a line that is indented less".to_owned(),
        ),
    }
}

fn analysis(error: &AnalyzeError) -> (SpanId, String) {
    match error {
        AnalyzeError::UnknownVariable { span, name } => (*span, format!("there is no variable `{name}`")),
        AnalyzeError::SelfOutsideObject { self_span } => (*self_span, "`self` stands outside of an object".to_owned()),
        AnalyzeError::SuperOutsideObject { super_span } => {
            (*super_span, "`super` stands outside of an object".to_owned())
        }
        AnalyzeError::DollarOutsideObject { dollar_span } => {
            (*dollar_span, "`$` stands outside of an object".to_owned())
        }
        AnalyzeError::RepeatedLocalName {
            repeated_span, name, ..
        } => (*repeated_span, format!("the variable `{name}` is defined twice")),
        AnalyzeError::RepeatedFieldName {
            repeated_span, name, ..
        } => (*repeated_span, format!("the object has the field `{name}` twice")),
        AnalyzeError::RepeatedParamName {
            repeated_span, name, ..
        } => (*repeated_span, format!("the function has the parameter `{name}` twice")),
        AnalyzeError::PositionalArgAfterNamed { arg_span } => (
            *arg_span,
            "an argument without a name stands after one with a name".to_owned(),
        ),
        AnalyzeError::TextBlockAsImportPath { span } => {
            (*span, "an import takes a plain string, no text block".to_owned())
        }
        AnalyzeError::ComputedImportPath { span } => {
            (*span, "an import takes a plain string, nothing computed".to_owned())
        }
    }
}

const fn ends_something(token: &ExpectedToken) -> bool {
    use Token::{Colon, Comma, Else, RightBrace, RightBracket, RightParen, Semicolon, Then};
    let ends = matches!(
        token,
        ExpectedToken::Simple(Comma | Semicolon | Colon | RightBrace | RightBracket | RightParen | Then | Else)
    );
    ends || matches!(token, ExpectedToken::EndOfFile)
}

fn expected_token(token: &ExpectedToken) -> String {
    match token {
        ExpectedToken::EndOfFile => "the end of the file".to_owned(),
        ExpectedToken::Simple(kind) => format!("`{}`", token_text(*kind)),
        ExpectedToken::Ident => "a name".to_owned(),
        ExpectedToken::Number => "a number".to_owned(),
        ExpectedToken::String => "a string".to_owned(),
        ExpectedToken::TextBlock => "a text block".to_owned(),
        ExpectedToken::Expr => "an expression".to_owned(),
        ExpectedToken::BinaryOp => "an operator".to_owned(),
    }
}

fn actual_token(token: &ActualToken) -> String {
    match token {
        ActualToken::EndOfFile => "end of the file".to_owned(),
        ActualToken::Simple(kind) => format!("`{}`", token_text(*kind)),
        ActualToken::OtherOp(text) | ActualToken::Ident(text) => format!("`{text}`"),
        ActualToken::Number => "number".to_owned(),
        ActualToken::String => "string".to_owned(),
        ActualToken::TextBlock => "text block".to_owned(),
    }
}

const fn token_text(token: Token) -> &'static str {
    match token {
        Token::Assert => "assert",
        Token::Else => "else",
        Token::Error => "error",
        Token::False => "false",
        Token::For => "for",
        Token::Function => "function",
        Token::If => "if",
        Token::Import => "import",
        Token::Importstr => "importstr",
        Token::Importbin => "importbin",
        Token::In => "in",
        Token::Local => "local",
        Token::Null => "null",
        Token::Tailstrict => "tailstrict",
        Token::Then => "then",
        Token::Self_ => "self",
        Token::Super => "super",
        Token::True => "true",
        other => symbol(other),
    }
}

const fn symbol(token: Token) -> &'static str {
    match token {
        Token::Exclam => "!",
        Token::ExclamEq => "!=",
        Token::Dollar => "$",
        Token::Percent => "%",
        Token::Amp => "&",
        Token::AmpAmp => "&&",
        Token::LeftParen => "(",
        Token::RightParen => ")",
        Token::Asterisk => "*",
        Token::Plus => "+",
        Token::PlusColon => "+:",
        Token::PlusColonColon => "+::",
        Token::PlusColonColonColon => "+:::",
        Token::Comma => ",",
        Token::Minus => "-",
        Token::Dot => ".",
        Token::Slash => "/",
        Token::Colon => ":",
        Token::ColonColon => "::",
        Token::ColonColonColon => ":::",
        Token::Semicolon => ";",
        Token::Lt => "<",
        Token::LtLt => "<<",
        Token::LtEq => "<=",
        Token::Eq => "=",
        Token::EqEq => "==",
        Token::Gt => ">",
        Token::GtEq => ">=",
        Token::GtGt => ">>",
        Token::LeftBracket => "[",
        Token::RightBracket => "]",
        Token::Hat => "^",
        Token::LeftBrace => "{",
        Token::Pipe => "|",
        Token::PipePipe => "||",
        Token::RightBrace => "}",
        Token::Tilde => "~",
        _ => "keyword",
    }
}
