//! Expressions in CEL (<https://cel.dev>) that people write into their documents: parsed and checked where the document is read, and
//! evaluated in bounds.
//!
//! Expressions come from tenants, and what they are asked about may be anybody's. So:
//!
//! - A text has at most [`MAX_TEXT`] bytes, nests at most [`MAX_DEPTH`] deep, and names only variables and functions that there are:
//!   no evaluation begins that can't end well for one of these reasons.
//! - Before each evaluation its cost is computed from the expression and the values at hand (`price`): what may take more than
//!   [`MAX_COST`] is refused unevaluated. There is nothing to interrupt, and nothing that waits. Memory is bounded by it too.
//! - It sees what it is given: no clock, no files, no network. The same values give the same answer, but for the order of a map's
//!   keys, which CEL leaves open.
//! - What it can't answer is told without quoting a value: that may be a Secret's.
//!
//! The functions are those of CEL's standard library without times and durations: `size`, `contains`, `startsWith`, `endsWith`,
//! `matches` (with a literal pattern), `type`, the conversions, the macros `has`, `all`, `exists`, `exists_one`, `map` and `filter`, and
//! optional values (`live.?metadata.?labels[?'a'].orValue('')`).

mod check;
mod price;
mod reads;
mod value;

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, LazyLock},
    thread,
};

use ::cel::{Context, Env, ExecutionError, IdedExpr, ParseErrors, objects::ValueType};
use serde::{Deserialize as _, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::Value;

/// Bytes of a text. What people write has a line or two; the parser takes some milliseconds for this much.
pub const MAX_TEXT: usize = 2048;

/// Levels of an expression within an expression. Evaluation takes a stack frame of some kilobytes for each; the threat is an
/// expression that takes all of a thread's two megabytes, and the process with it.
pub const MAX_DEPTH: usize = 96;

/// What one evaluation may cost: about one for each step, each node of a value that is looked at whole, and each 16 bytes of a text.
/// One took 10 to 140 ns, so this is a hundredth of a second; the threat is lists in lists in lists.
pub const MAX_COST: u64 = 100_000;

/// Stack of the thread that parses. The parser descends through ten functions for each level; measured, it takes less than two
/// megabytes for any text of [`MAX_TEXT`].
const PARSER_STACK: usize = 16 * 1024 * 1024;

/// Mistakes that the parser recovers from before it gives up: people are told the first.
const RECOVERIES: u32 = 10;

/// An expression that was parsed and checked. Cheap to clone.
#[derive(Clone)]
pub struct Expression {
    text: Arc<str>,
    ast: Arc<IdedExpr>,
    /// What its dearest pattern costs.
    pattern: u64,
}

/// A text that is no expression, or one that may not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}, at {line}:{column} of the expression")]
pub struct BadExpression {
    /// What is wrong.
    pub message: String,
    /// In the text, from 1.
    pub line: u32,
    /// In the line, from 1.
    pub column: u32,
}

/// Why an expression has no answer. Quotes no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// It would take too long.
    #[error("it may cost more than {MAX_COST} steps on this object: ask for less of it, or look at smaller lists")]
    TooDear,
    /// It came to something else.
    #[error("it is a {found}, expected true or false")]
    NotBool {
        /// A type of CEL's.
        found: String,
    },
    /// A field isn't there.
    #[error("{}", no_field(.name.as_deref()))]
    NoField {
        /// Where the expression itself names it.
        name: Option<String>,
    },
    /// A function or operator was given what it isn't for.
    #[error("`{function}` isn't for ({types})")]
    NoOverload {
        /// As in the expression.
        function: String,
        /// CEL's names of what it was given.
        types: String,
    },
    /// Something else is expected at some place.
    #[error("something is a {got}, expected {want}")]
    Unfit {
        /// A type of CEL's.
        got: String,
        /// A type of CEL's, or a word for several.
        want: String,
    },
    /// Anything else.
    #[error("{0}")]
    Failed(&'static str),
}

fn no_field(name: Option<&str>) -> String {
    let help = "test for it with `has(…)`, or write `.?` and `orValue(…)`";
    match name {
        Some(name) => format!("there is no `{name}`: {help}"),
        None => format!("a field isn't there: {help}"),
    }
}

/// CEL's standard library, once.
static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

impl Expression {
    /// Parses a text, and checks that it names nothing but these variables, and functions that there are.
    ///
    /// # Errors
    /// At the first mistake.
    pub fn parse(text: &str, variables: &[&str]) -> Result<Self, BadExpression> {
        let whole = |message: String| BadExpression {
            message,
            line: 1,
            column: 1,
        };
        if text.trim().is_empty() {
            return Err(whole("an expression is missing".to_owned()));
        }
        if text.len() > MAX_TEXT {
            let message = format!("it has {} bytes, {MAX_TEXT} are allowed", text.len());
            return Err(whole(message));
        }
        let parsed = on_a_stack_of_its_own(|| {
            let parser = ENV
                .parser()
                .max_recursion_depth(MAX_DEPTH as u16)
                .error_recovery_limit(RECOVERIES);
            let (ast, source) = parser
                .parse_with_source_info(text)
                .map_err(|errors| told(text, errors))?;
            let pattern = check::check(&ast, variables).map_err(|(id, message)| {
                let start = source.offset_for(id).map_or(0, |(start, _)| start);
                let (line, column) = place(text, start);
                BadExpression { message, line, column }
            })?;
            Ok((ast, pattern))
        });
        let (ast, pattern) = parsed.unwrap_or_else(|| Err(whole("the parser gave up".to_owned())))?;
        Ok(Self {
            text: text.into(),
            ast: Arc::new(ast),
            pattern,
        })
    }

    /// Reads it from a document, see [`Self::parse`].
    ///
    /// # Errors
    /// When it is no text, and at the first mistake in it.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D, variables: &[&str]) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text, variables).map_err(D::Error::custom)
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it names a variable at all.
    #[must_use]
    pub fn mentions(&self, variable: &str) -> bool {
        !reads::paths(&self.ast, variable).is_empty()
    }

    /// What the expression looks at of a variable's value: as long as this is the same, so is the answer.
    #[must_use]
    pub fn read(&self, variable: &str, value: &Value) -> Value {
        reads::part(value, &reads::paths(&self.ast, variable))
    }

    /// Whether it is true of some variables; those that it doesn't mention are not looked at.
    ///
    /// # Errors
    /// When it can't be told.
    pub fn holds(&self, variables: &[(&str, &Value)]) -> Result<bool, Unanswered> {
        let mentioned = variables.iter().filter(|(name, _)| self.mentions(name));
        let parts: Vec<(&str, Value)> = mentioned.map(|(name, value)| (*name, self.read(name, value))).collect();
        self.price(&parts)?;
        // Nothing is known to panic; a mistake in the evaluator must not take an app's cycle with it.
        let answer = catch_unwind(AssertUnwindSafe(|| {
            let mut context = Context::with_env(Arc::clone(&ENV));
            for (name, part) in &parts {
                context.add_variable_from_value(*name, value::to_cel(part));
            }
            cel::Value::resolve(&self.ast, &context)
        }));
        match answer {
            Ok(Ok(cel::Value::Bool(holds))) => Ok(holds),
            Ok(Ok(other)) => Err(Unanswered::NotBool {
                found: type_name(other.type_of()),
            }),
            Ok(Err(error)) => Err(self.unanswered(error)),
            Err(_) => Err(Unanswered::Failed("the evaluator broke")),
        }
    }

    fn price(&self, parts: &[(&str, Value)]) -> Result<u64, Unanswered> {
        price::of(&self.ast, self.pattern, parts)
    }

    fn unanswered(&self, error: ExecutionError) -> Unanswered {
        match error {
            ExecutionError::NoSuchKey(name) => Unanswered::NoField {
                name: self.text.contains(name.as_str()).then(|| name.to_string()),
            },
            ExecutionError::NoSuchOverload(overload) => Unanswered::NoOverload {
                function: shown(overload.function()),
                types: overload.argument_types().join(", "),
            },
            ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
                Unanswered::Failed("it divides by zero")
            }
            ExecutionError::Overflow(..) => Unanswered::Failed("a number is too large"),
            ExecutionError::IndexOutOfBounds(_) => Unanswered::Failed("a list has no such item"),
            ExecutionError::UnexpectedType { got, want } => Unanswered::Unfit { got, want },
            ExecutionError::UnsupportedBinaryOperator(operator, a, b) => Unanswered::NoOverload {
                function: shown(operator),
                types: format!("{}, {}", type_name(a.type_of()), type_name(b.type_of())),
            },
            ExecutionError::FunctionError { .. } => {
                Unanswered::Failed("a function doesn't take what it was given, such as a text that is no number")
            }
            _ => Unanswered::Failed("it can't be evaluated"),
        }
    }
}

/// A function or operator as people write it.
fn shown(function: &str) -> String {
    let operator = match function {
        "add" => "+",
        "sub" => "-",
        "mul" => "*",
        "div" => "/",
        "rem" => "%",
        other => other,
    };
    operator.replace(['_', '@'], "")
}

/// As CEL calls it.
fn type_name(of: ValueType) -> String {
    of.to_string()
}

/// A parser that breaks or can't get a thread gives `None`.
fn on_a_stack_of_its_own<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    thread::scope(|scope| {
        let thread = thread::Builder::new()
            .name("cel".to_owned())
            .stack_size(PARSER_STACK)
            .spawn_scoped(scope, || catch_unwind(AssertUnwindSafe(work)).ok());
        thread.ok()?.join().ok()?
    })
}

/// The first mistake, in the parser's words.
fn told(text: &str, errors: ParseErrors) -> BadExpression {
    let first = errors.errors.into_iter().min_by_key(|error| error.pos);
    let Some(error) = first else {
        return BadExpression {
            message: "it can't be parsed".to_owned(),
            line: 1,
            column: 1,
        };
    };
    let message = if error.msg.contains("OtherError") {
        format!("it nests more than {MAX_DEPTH} levels deep")
    } else {
        // The list of all that might have stood there helps nobody.
        let msg = error.msg.split(" expecting {").next().unwrap_or_default();
        let msg = msg.strip_prefix("Syntax error: ").unwrap_or(msg);
        msg.replace("'<EOF>'", "the end")
    };
    let at = |number: isize| u32::try_from(number).unwrap_or(1).max(1);
    let last = u32::try_from(text.lines().count()).unwrap_or(1).max(1);
    BadExpression {
        message,
        line: at(error.pos.0).min(last),
        column: at(error.pos.1),
    }
}

/// Line and column of a character, from 1.
fn place(text: &str, offset: u32) -> (u32, u32) {
    let before = text.chars().take(offset as usize);
    before.fold((1, 1), |(line, column), c| match c {
        '\n' => (line + 1, 1),
        _ => (line, column + 1),
    })
}

/// As it was written.
impl Serialize for Expression {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

/// Of one text and the same variables.
impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.ast == other.ast
    }
}

impl Eq for Expression {}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expression({:?})", self.text)
    }
}

#[cfg(test)]
mod tests;
