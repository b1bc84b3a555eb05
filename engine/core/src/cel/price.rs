//! What an evaluation may cost, computed before it from the expression and the values that it is given.
//!
//! It is an upper bound, found by going through the expression as the evaluator does, with sizes in place of values: both sides of a
//! condition are taken, and no loop ends early. A value that the expression looks at as it was given is known, so a loop over it
//! is gone through item by item; of what is computed only the size is known, and a loop over it counts as often as it may have
//! items. Each step of this is paid for too, so that it ends as soon as [`MAX_COST`] is spent.

use std::rc::Rc;

use cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue, operators};
use serde_json::Value;

use super::{
    MAX_COST, Unanswered,
    check::{MATCHES, is_optional},
};

/// Bytes of text for one.
const BYTES: usize = 16;

/// What it may cost. `pattern`: what compiling a pattern does; the text that is searched is paid for beside it.
///
/// # Errors
/// When that may be more than [`MAX_COST`].
pub(super) fn of(expression: &IdedExpr, pattern: u64, variables: &[(&str, Value)]) -> Result<u64, Unanswered> {
    let mut pricing = Pricing {
        scope: Vec::new(),
        pattern,
        spent: 0,
    };
    for (name, value) in variables {
        // They are handed over as a whole.
        pricing.weigh(&Size::Known(value))?;
        pricing.scope.push((name, Size::Known(value)));
    }
    pricing.expression(expression)?;
    Ok(pricing.spent)
}

/// What is known of a value.
#[derive(Clone)]
enum Size<'v> {
    /// All.
    Known(&'v Value),
    /// That it is a list of no more than these.
    Items(Rc<[Self]>),
    /// That it has no more nodes, and no longer texts.
    UpTo(u64),
}

/// A number, a boolean, a short text, nothing.
const SCALAR: Size<'static> = Size::UpTo(1);

impl<'v> Size<'v> {
    /// Nodes and texts, counted up to `most`.
    fn weight(&self, most: u64) -> u64 {
        match self {
            Self::Known(value) => weight(value, most),
            Self::Items(items) => sum(items.iter(), most, |item, most| item.weight(most)),
            Self::UpTo(weight) => *weight,
        }
    }

    /// What a macro is given one by one: the items of a list, the keys of a map. `None`: as many as it weighs.
    fn items(&self) -> Option<Rc<[Self]>> {
        match self {
            Self::Known(Value::Array(list)) => Some(list.iter().map(Self::Known).collect()),
            Self::Known(Value::Object(map)) => Some(map.keys().map(|key| Self::UpTo(of_text(key))).collect()),
            Self::Known(_) => Some(Rc::default()),
            Self::Items(items) => Some(Rc::clone(items)),
            Self::UpTo(_) => None,
        }
    }

    /// The value at a field or an index.
    fn at(&self, key: Option<&LiteralValue>) -> Self {
        match (self, key) {
            (Self::Known(Value::Object(map)), Some(LiteralValue::String(name))) => {
                map.get(name.inner()).map_or(SCALAR, Self::Known)
            }
            (Self::Known(Value::Array(list)), Some(LiteralValue::Int(index))) => {
                let index = usize::try_from(*index.inner()).ok();
                index.and_then(|index| list.get(index)).map_or(SCALAR, Self::Known)
            }
            _ => Self::UpTo(self.weight(MAX_COST)),
        }
    }
}

struct Pricing<'v> {
    scope: Vec<(&'v str, Size<'v>)>,
    pattern: u64,
    spent: u64,
}

type Priced<T> = Result<T, Unanswered>;

impl<'v> Pricing<'v> {
    fn spend(&mut self, cost: u64) -> Priced<()> {
        self.spent = self.spent.saturating_add(cost);
        if self.spent > MAX_COST {
            return Err(Unanswered::TooDear);
        }
        Ok(())
    }

    /// Pays for a look at the whole of a value.
    fn weigh(&mut self, size: &Size<'v>) -> Priced<u64> {
        let weight = size.weight(MAX_COST + 1);
        self.spend(weight)?;
        Ok(weight)
    }

    fn weigh_all(&mut self, sizes: &[Size<'v>]) -> Priced<u64> {
        sizes
            .iter()
            .try_fold(1, |sum: u64, size| Ok(sum.saturating_add(self.weigh(size)?)))
    }

    fn expression(&mut self, expression: &'v IdedExpr) -> Priced<Size<'v>> {
        self.spend(1)?;
        match &expression.expr {
            Expr::Literal(literal) => Ok(Size::UpTo(of_literal(literal))),
            Expr::Ident(name) => {
                let known = self.scope.iter().rev().find(|(known, _)| known == name);
                Ok(known.map_or(SCALAR, |(_, size)| size.clone()))
            }
            Expr::Select(select) => {
                let of = self.expression(&select.operand)?;
                let name = LiteralValue::String(select.field.clone().into());
                Ok(if select.test {
                    SCALAR
                } else {
                    self.at(&of, Some(&name))?
                })
            }
            Expr::Call(call) => self.call(call),
            Expr::List(list) => {
                let items = self.expressions(&list.elements)?;
                // Each is copied.
                self.weigh_all(&items)?;
                Ok(Size::Items(items.into()))
            }
            Expr::Map(map) => {
                let mut weight: u64 = 1;
                for entry in &map.entries {
                    if let EntryExpr::MapEntry(entry) = &entry.expr {
                        let parts = [self.expression(&entry.key)?, self.expression(&entry.value)?];
                        weight = weight.saturating_add(self.weigh_all(&parts)?);
                    }
                }
                Ok(Size::UpTo(weight))
            }
            Expr::Comprehension(fold) => self.fold(fold),
            // Refused before: see `check`.
            Expr::Struct(_) | Expr::Unspecified => Ok(SCALAR),
        }
    }

    fn expressions(&mut self, all: impl IntoIterator<Item = &'v IdedExpr>) -> Priced<Vec<Size<'v>>> {
        all.into_iter().map(|one| self.expression(one)).collect()
    }

    fn at(&mut self, of: &Size<'v>, key: Option<&LiteralValue>) -> Priced<Size<'v>> {
        let at = of.at(key);
        if matches!(at, Size::UpTo(_)) {
            self.weigh(of)?;
        }
        Ok(at)
    }

    fn call(&mut self, call: &'v CallExpr) -> Priced<Size<'v>> {
        let target = call.target.as_deref().filter(|target| !is_optional(target));
        let sizes = self.expressions(target.into_iter().chain(&call.args))?;
        let key = call.args.get(1).and_then(|key| match &key.expr {
            Expr::Literal(literal) => Some(literal),
            _ => None,
        });
        match (call.func_name.as_str(), sizes.as_slice()) {
            (operators::INDEX, [of, _]) => self.at(of, key),
            (operators::OPT_INDEX | operators::OPT_SELECT, [of, _]) => {
                let at = self.at(of, key)?;
                // An optional value is a copy.
                self.weigh(&at)?;
                Ok(at)
            }
            (operators::CONDITIONAL, [_, one, other]) | ("or" | "orValue", [one, other]) => self.either(one, other),
            (
                operators::LOGICAL_AND | operators::LOGICAL_OR | operators::LOGICAL_NOT | operators::NOT_STRICTLY_FALSE,
                _,
            ) => Ok(SCALAR),
            (operators::ADD, [one, other]) => self.add(one, other),
            ("of" | "ofNonZeroValue" | "value" | "dyn" | "string", sizes) => self.weigh_all(sizes).map(Size::UpTo),
            (name, sizes) => {
                if name == MATCHES {
                    self.spend(self.pattern)?;
                }
                // Looked at, or copied into an error.
                self.weigh_all(sizes)?;
                Ok(SCALAR)
            }
        }
    }

    fn either(&mut self, one: &Size<'v>, other: &Size<'v>) -> Priced<Size<'v>> {
        Ok(match (self.weigh(one)?, self.weigh(other)?) {
            // Whatever is done to it costs no more than with something larger.
            (_, 0..=1) => one.clone(),
            (0..=1, _) => other.clone(),
            (a, b) => Size::UpTo(a.max(b)),
        })
    }

    fn add(&mut self, one: &Size<'v>, other: &Size<'v>) -> Priced<Size<'v>> {
        let weight = self.weigh_all(&[one.clone(), other.clone()])?;
        let is_scalar = |size: &Size<'_>| matches!(size, Size::UpTo(0..=1));
        Ok(match (one, other) {
            // An item that a macro appends in this round.
            (one, Size::Items(_)) if is_scalar(one) => other.clone(),
            (Size::Items(a), Size::Items(b)) => Size::Items(a.iter().chain(b.iter()).cloned().collect()),
            _ => Size::UpTo(weight),
        })
    }

    fn fold(&mut self, fold: &'v ComprehensionExpr) -> Priced<Size<'v>> {
        let range = self.expression(&fold.iter_range)?;
        // Each item is copied into the variable.
        let weight = self.weigh(&range)?;
        let init = self.expression(&fold.accu_init)?;
        let made = match range.items() {
            Some(items) => {
                let mut made = Vec::new();
                for item in items.iter() {
                    if let Size::Items(more) = self.round(fold, item.clone())? {
                        made.extend(more.iter().cloned());
                    }
                }
                if made.is_empty() {
                    init
                } else {
                    Size::Items(made.into())
                }
            }
            None => {
                let before = self.spent;
                let step = self.round(fold, range)?;
                let step = self.weigh(&step)?;
                let round = self.spent - before;
                self.spend(round.saturating_mul(weight.saturating_sub(1)))?;
                Size::UpTo(step.saturating_mul(weight).saturating_add(1))
            }
        };
        self.scope.push((&fold.accu_var, made));
        let result = self.expression(&fold.result);
        self.scope.pop();
        result
    }

    /// One item. What the macros add in a round is that round's: they append to a list, or set a boolean or a number.
    fn round(&mut self, fold: &'v ComprehensionExpr, item: Size<'v>) -> Priced<Size<'v>> {
        let scope = self.scope.len();
        self.scope.push((&fold.iter_var, item));
        self.scope.push((&fold.accu_var, SCALAR));
        self.expression(&fold.loop_cond)?;
        let step = self.expression(&fold.loop_step)?;
        self.scope.truncate(scope);
        Ok(step)
    }
}

fn weight(value: &Value, most: u64) -> u64 {
    match value {
        Value::String(text) => of_text(text),
        Value::Array(list) => sum(list.iter(), most, weight),
        Value::Object(map) => sum(map.iter(), most, |(key, value), most| {
            of_text(key) + weight(value, most)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => 1,
    }
}

/// One and the weights of some parts; ends when it is more than `most`.
fn sum<T>(parts: impl Iterator<Item = T>, most: u64, weight: impl Fn(T, u64) -> u64) -> u64 {
    let mut sum: u64 = 1;
    for part in parts {
        if sum > most {
            break;
        }
        sum = sum.saturating_add(weight(part, most - sum));
    }
    sum
}

fn of_text(text: &str) -> u64 {
    1 + (text.len() / BYTES) as u64
}

fn of_literal(literal: &LiteralValue) -> u64 {
    match literal {
        LiteralValue::String(text) => of_text(text.inner()),
        LiteralValue::Bytes(bytes) => 1 + (bytes.inner().len() / BYTES) as u64,
        _ => 1,
    }
}
