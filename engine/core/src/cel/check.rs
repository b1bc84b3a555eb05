//! What an expression may name, told before it is used.

use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue, operators};
use regex::RegexBuilder;

use super::MAX_DEPTH;

/// A function, with how many arguments it takes.
struct Known {
    name: &'static str,
    /// Of `name(…)`.
    alone: &'static [usize],
    /// Of `x.name(…)`.
    member: &'static [usize],
}

/// What there is. What isn't here has no price: see `price`.
const FUNCTIONS: [Known; 16] = [
    function("size", &[1], &[0]),
    function("contains", &[], &[1]),
    function("startsWith", &[], &[1]),
    function("endsWith", &[], &[1]),
    function(MATCHES, &[2], &[1]),
    function("int", &[1], &[]),
    function("uint", &[1], &[]),
    function("double", &[1], &[]),
    function("string", &[1], &[]),
    function("bool", &[1], &[]),
    function("dyn", &[1], &[]),
    function("type", &[1], &[]),
    function("value", &[], &[0]),
    function("hasValue", &[], &[0]),
    function("orValue", &[], &[1]),
    function("or", &[], &[1]),
];

const fn function(name: &'static str, alone: &'static [usize], member: &'static [usize]) -> Known {
    Known { name, alone, member }
}

/// What the parser expands, and is a function only where it is written in another way.
const MACROS: [(&str, &str); 7] = [
    ("has", "has(x.field)"),
    ("all", "list.all(x, …)"),
    ("exists", "list.exists(x, …)"),
    ("exists_one", "list.exists_one(x, …)"),
    ("existsOne", "list.existsOne(x, …)"),
    ("map", "list.map(x, …)"),
    ("filter", "list.filter(x, …)"),
];

/// Functions of `optional`.
const OPTIONAL: [(&str, usize); 3] = [("none", 0), ("of", 1), ("ofNonZeroValue", 1)];

/// What functions of `optional` are called on.
pub(super) const OPTIONAL_NAME: &str = "optional";

/// Its patterns are compiled each time it is called.
pub(super) const MATCHES: &str = "matches";

/// Bytes of a compiled pattern, and what it costs to compile it. The threat is one that takes the time and memory of all:
/// `(\\w{100}){100}`. What people write takes some kilobytes, and `\\w`, which is every letter of Unicode, some ten.
const PATTERNS: [(usize, u64); 3] = [(4 * 1024, 500), (64 * 1024, 5_000), (256 * 1024, 20_000)];

/// Names of types, with which `type(x)` is compared.
const TYPES: [&str; 9] = [
    "bool",
    "bytes",
    "double",
    "int",
    "list",
    "map",
    "null_type",
    "string",
    "uint",
];

const OPERATORS: [&str; 21] = [
    operators::CONDITIONAL,
    operators::LOGICAL_AND,
    operators::LOGICAL_OR,
    operators::LOGICAL_NOT,
    operators::SUBSTRACT,
    operators::ADD,
    operators::MULTIPLY,
    operators::DIVIDE,
    operators::MODULO,
    operators::EQUALS,
    operators::NOT_EQUALS,
    operators::GREATER_EQUALS,
    operators::LESS_EQUALS,
    operators::GREATER,
    operators::LESS,
    operators::NEGATE,
    operators::IN,
    operators::NOT_STRICTLY_FALSE,
    operators::INDEX,
    operators::OPT_INDEX,
    operators::OPT_SELECT,
];

/// Where something is wrong, by the node's number, and what.
type Wrong = (u64, String);

/// Holds an expression to what there is; tells what its dearest pattern costs.
pub(super) fn check(expression: &IdedExpr, variables: &[&str]) -> Result<u64, Wrong> {
    let mut checking = Checking {
        variables,
        scope: Vec::new(),
        pattern: 0,
    };
    checking.expression(expression, 1)?;
    Ok(checking.pattern)
}

struct Checking<'a> {
    variables: &'a [&'a str],
    /// Variables of macros.
    scope: Vec<String>,
    pattern: u64,
}

impl Checking<'_> {
    fn expression(&mut self, expression: &IdedExpr, depth: usize) -> Result<(), Wrong> {
        let wrong = |message: String| Err((expression.id, message));
        if depth > MAX_DEPTH {
            return wrong(format!("it nests more than {MAX_DEPTH} levels deep"));
        }
        let depth = depth + 1;
        match &expression.expr {
            Expr::Literal(_) => Ok(()),
            Expr::Ident(name) => self.name(expression.id, name),
            Expr::Select(select) => self.expression(&select.operand, depth),
            Expr::Call(call) => self.call(expression.id, call, depth),
            Expr::List(list) => self.all(&list.elements, depth),
            Expr::Map(map) => map.entries.iter().try_for_each(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => {
                    self.expression(&entry.key, depth)?;
                    self.expression(&entry.value, depth)
                }
                EntryExpr::StructField(_) => wrong("a map has no fields".to_owned()),
            }),
            Expr::Comprehension(fold) => {
                self.expression(&fold.iter_range, depth)?;
                self.expression(&fold.accu_init, depth)?;
                let taken = self.variables.contains(&fold.iter_var.as_str()) || fold.iter_var == OPTIONAL_NAME;
                if taken || fold.iter_var2.is_some() {
                    return wrong(format!("`{}` is the name of something else", fold.iter_var));
                }
                let before = self.scope.len();
                self.scope.extend([fold.iter_var.clone(), fold.accu_var.clone()]);
                let parts = [&fold.loop_cond, &fold.loop_step, &fold.result];
                parts.into_iter().try_for_each(|part| self.expression(part, depth))?;
                self.scope.truncate(before);
                Ok(())
            }
            Expr::Struct(message) => wrong(format!("there is no type `{}`", message.type_name)),
            Expr::Unspecified => wrong("something is missing".to_owned()),
        }
    }

    fn all(&mut self, expressions: &[IdedExpr], depth: usize) -> Result<(), Wrong> {
        expressions.iter().try_for_each(|one| self.expression(one, depth))
    }

    fn name(&self, id: u64, name: &str) -> Result<(), Wrong> {
        let is_known =
            self.variables.contains(&name) || TYPES.contains(&name) || self.scope.iter().any(|one| one == name);
        if is_known {
            return Ok(());
        }
        let names: Vec<String> = self.variables.iter().map(|name| format!("`{name}`")).collect();
        Err((id, format!("there is no `{name}`, only {}", names.join(", "))))
    }

    fn call(&mut self, id: u64, call: &CallExpr, depth: usize) -> Result<(), Wrong> {
        let name = call.func_name.as_str();
        let is_operator = OPERATORS.contains(&name) && call.target.is_none();
        if !is_operator {
            function_of(call).map_err(|message| (id, message))?;
        }
        let target = call.target.as_deref().filter(|target| !is_optional(target));
        target.map_or(Ok(()), |target| self.expression(target, depth))?;
        self.all(&call.args, depth)?;
        if name == MATCHES {
            let cost = pattern(call).map_err(|message| (id, message))?;
            self.pattern = self.pattern.max(cost);
        }
        Ok(())
    }
}

/// Whether there is such a function, and takes as many arguments.
fn function_of(call: &CallExpr) -> Result<(), String> {
    let (name, given) = (call.func_name.as_str(), call.args.len());
    let of_optional = call.target.as_ref().is_some_and(|target| is_optional(target));
    if of_optional {
        return match OPTIONAL.iter().find(|(known, _)| *known == name) {
            Some((_, takes)) => takes_as_many(name, &[*takes], given),
            None => Err(format!("there is no function `optional.{name}`")),
        };
    }
    if let Some((_, usage)) = MACROS.iter().find(|(known, _)| *known == name) {
        return Err(format!("`{name}` is called otherwise: write `{usage}`"));
    }
    let Some(known) = FUNCTIONS.iter().find(|known| known.name == name) else {
        let names: Vec<&str> = FUNCTIONS.iter().map(|known| known.name).collect();
        return Err(format!("there is no function `{name}`, only {}", names.join(", ")));
    };
    let (takes, usage) = match call.target {
        Some(_) => (known.member, format!("{name}(x)")),
        None => (known.alone, format!("x.{name}(…)")),
    };
    if takes.is_empty() {
        return Err(format!("`{name}` is called otherwise: write `{usage}`"));
    }
    takes_as_many(name, takes, given)
}

fn takes_as_many(name: &str, takes: &[usize], given: usize) -> Result<(), String> {
    if takes.contains(&given) {
        return Ok(());
    }
    let takes: Vec<String> = takes.iter().map(ToString::to_string).collect();
    Err(format!("`{name}` takes {} arguments, not {given}", takes.join(" or ")))
}

pub(super) fn is_optional(target: &IdedExpr) -> bool {
    matches!(&target.expr, Expr::Ident(name) if name == OPTIONAL_NAME)
}

/// What the pattern costs. It stands in the expression, so that it is known.
fn pattern(call: &CallExpr) -> Result<u64, String> {
    let Some(Expr::Literal(LiteralValue::String(pattern))) = call.args.last().map(|last| &last.expr) else {
        return Err("the pattern of `matches` must be a literal text".to_owned());
    };
    let mut refused = None;
    for (bytes, cost) in PATTERNS {
        match RegexBuilder::new(pattern.inner()).size_limit(bytes).build() {
            Ok(_) => return Ok(cost),
            Err(error) => refused = Some(error),
        }
    }
    let why = match refused {
        // In several lines, the last of which says it.
        Some(error @ regex::Error::Syntax(_)) => error.to_string().lines().last().unwrap_or_default().trim().to_owned(),
        _ => "too large when it is compiled".to_owned(),
    };
    Err(format!("the pattern of `matches`: {why}"))
}
