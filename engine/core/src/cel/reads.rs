//! Which parts of its variables an expression looks at.

use std::collections::BTreeSet;

use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue, operators};
use serde_json::{Map, Value};

/// Names of fields, from the variable's root: `live.metadata.labels['a']` reads `metadata`, `labels`, `a`.
pub(super) type Path = Vec<String>;

/// What is read of a variable; empty when it isn't mentioned, and an empty path when it is looked at as a whole. No variable of a
/// macro has its name: see `check`.
pub(super) fn paths(expression: &IdedExpr, variable: &str) -> BTreeSet<Path> {
    let mut paths = BTreeSet::new();
    collect(expression, variable, &mut paths);
    paths
}

fn collect(expression: &IdedExpr, variable: &str, paths: &mut BTreeSet<Path>) {
    if let Some(path) = chain(expression, variable) {
        paths.insert(path);
        return;
    }
    let all = |expressions: &[IdedExpr], paths: &mut BTreeSet<Path>| {
        expressions.iter().for_each(|one| collect(one, variable, paths));
    };
    match &expression.expr {
        Expr::Call(call) => {
            if let Some(path) = key_in(call, variable) {
                paths.insert(path);
                return;
            }
            call.target.iter().for_each(|target| collect(target, variable, paths));
            all(&call.args, paths);
        }
        Expr::Comprehension(fold) => {
            let parts = [
                &fold.iter_range,
                &fold.accu_init,
                &fold.loop_cond,
                &fold.loop_step,
                &fold.result,
            ];
            parts.into_iter().for_each(|part| collect(part, variable, paths));
        }
        Expr::List(list) => all(&list.elements, paths),
        Expr::Map(map) => map.entries.iter().for_each(|entry| {
            if let EntryExpr::MapEntry(entry) = &entry.expr {
                collect(&entry.key, variable, paths);
                collect(&entry.value, variable, paths);
            }
        }),
        Expr::Select(select) => collect(&select.operand, variable, paths),
        Expr::Struct(_) | Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => {}
    }
}

/// The path of an expression that is nothing but fields of a variable, or fields of its fields.
fn chain(expression: &IdedExpr, variable: &str) -> Option<Path> {
    match &expression.expr {
        Expr::Ident(name) => (name == variable).then(Path::new),
        Expr::Select(select) => {
            let mut path = chain(&select.operand, variable)?;
            path.push(select.field.clone());
            Some(path)
        }
        Expr::Call(call) => {
            let is_field = matches!(
                call.func_name.as_str(),
                operators::INDEX | operators::OPT_INDEX | operators::OPT_SELECT
            );
            let [of, key] = call.args.as_slice() else { return None };
            let key = text(key).filter(|_| is_field)?;
            let mut path = chain(of, variable)?;
            path.push(key.to_owned());
            Some(path)
        }
        _ => None,
    }
}

/// `'a' in live.metadata.labels` asks for that one label.
fn key_in(call: &CallExpr, variable: &str) -> Option<Path> {
    let [key, of] = call.args.as_slice() else { return None };
    let key = text(key).filter(|_| call.func_name == operators::IN)?;
    let mut path = chain(of, variable)?;
    path.push(key.to_owned());
    Some(path)
}

fn text(expression: &IdedExpr) -> Option<&str> {
    match &expression.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner()),
        _ => None,
    }
}

/// A value less what isn't read of it. What a path leads through and is no map stands there as it is: the answer is the same with
/// it, down to what it can't answer.
pub(super) fn part(value: &Value, paths: &BTreeSet<Path>) -> Value {
    let mut part = Value::Object(Map::new());
    for path in paths {
        copy(value, path, &mut part);
    }
    part
}

fn copy(from: &Value, path: &[String], to: &mut Value) {
    match (path.split_first(), from) {
        (Some((name, rest)), Value::Object(map)) => {
            // What is there already as a whole has the field too.
            let Value::Object(part) = to else { return };
            if let Some(child) = map.get(name) {
                let part = part.entry(name).or_insert_with(|| Value::Object(Map::new()));
                copy(child, rest, part);
            }
        }
        _ => *to = from.clone(),
    }
}
