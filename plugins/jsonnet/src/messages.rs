//! What went wrong at run time, in words.

use rsjsonnet_lang::ast::{BinaryOp, UnaryOp};
use rsjsonnet_lang::program::{EvalError, EvalErrorKind as Kind, EvalErrorValueType as Type, EvalStackTraceItem};
use rsjsonnet_lang::span::SpanId;

/// The diagnostic's code.
pub(crate) const fn code(kind: &Kind) -> &'static str {
    match kind {
        Kind::StackOverflow => "stack-overflow",
        Kind::InfiniteRecursion => "infinite-recursion",
        Kind::AssertFailed { .. } | Kind::AssertEqualFailed { .. } => "assertion-failed",
        Kind::ExplicitError { .. } => "error-raised",
        Kind::ImportFailed { .. } => "bad-import",
        Kind::UnknownExtVar { .. } => "unknown-ext-var",
        _ => "evaluation-failed",
    }
}

/// What the user can do, where there is something to say.
pub(crate) fn help(error: &EvalError) -> Option<String> {
    let imports = |item: &EvalStackTraceItem| matches!(item, EvalStackTraceItem::Import { .. });
    match &error.kind {
        Kind::InfiniteRecursion if error.stack_trace.iter().any(imports) => {
            Some("files may import each other only if no value needs itself: look for a ring of imports".to_owned())
        }
        Kind::InfiniteRecursion => Some("a value needs itself".to_owned()),
        Kind::StackOverflow => Some("a function calls itself without end, or deeper than 500 calls".to_owned()),
        Kind::UnknownExtVar { name } => Some(format!("give `{name}` in the config's `extVars`")),
        Kind::CallParamNotBound { param_name, .. } if error.stack_trace.is_empty() => {
            Some(format!("give `{param_name}` in the config's `tlas`"))
        }
        _ => None,
    }
}

/// Where it went wrong, when the error says so itself.
pub(crate) fn span(kind: &Kind) -> Option<SpanId> {
    match kind {
        Kind::InvalidIndexedType { span, .. }
        | Kind::InvalidSlicedType { span, .. }
        | Kind::SliceIndexOrStepIsNotNumber { span, .. }
        | Kind::StringIndexIsNotNumber { span, .. }
        | Kind::ArrayIndexIsNotNumber { span, .. }
        | Kind::NumericIndexIsNotValid { span, .. }
        | Kind::NumericIndexOutOfRange { span, .. }
        | Kind::ObjectIndexIsNotString { span, .. }
        | Kind::RepeatedFieldName { span, .. }
        | Kind::FieldNameIsNotString { span, .. }
        | Kind::UnknownObjectField { span, .. }
        | Kind::FieldOfNonObject { span }
        | Kind::SuperWithoutSuperObject { span }
        | Kind::ForSpecValueIsNotArray { span, .. }
        | Kind::CondIsNotBool { span, .. }
        | Kind::InvalidUnaryOpType { span, .. }
        | Kind::AssertFailed { span, .. }
        | Kind::ExplicitError { span, .. }
        | Kind::ImportFailed { span, .. } => Some(*span),
        Kind::CalleeIsNotFunction { span, .. }
        | Kind::TooManyCallArgs { span, .. }
        | Kind::UnknownCallParam { span, .. }
        | Kind::RepeatedCallParam { span, .. }
        | Kind::CallParamNotBound { span, .. }
        | Kind::InvalidBinaryOpTypes { span, .. }
        | Kind::NumberNotBitwiseSafe { span }
        | Kind::NumberOverflow { span }
        | Kind::NumberNan { span }
        | Kind::DivByZero { span }
        | Kind::ShiftByNegative { span }
        | Kind::Other { span, .. } => *span,
        _ => None,
    }
}

/// What went wrong.
pub(crate) fn describe(kind: &Kind) -> String {
    match kind {
        Kind::StackOverflow => "the calls are nested too deeply".to_owned(),
        Kind::InfiniteRecursion => "infinite recursion".to_owned(),
        Kind::AssertFailed {
            message: Some(message), ..
        } => format!("assertion failed: {message}"),
        Kind::AssertFailed { message: None, .. } => "assertion failed".to_owned(),
        Kind::AssertEqualFailed { lhs, rhs } => format!("assertion failed: {lhs} != {rhs}"),
        Kind::ExplicitError { message, .. } | Kind::Other { message, .. } => message.clone(),
        Kind::ImportFailed { path, .. } => format!("`{path}` can't be imported"),
        Kind::UnknownExtVar { name } => format!("there is no external variable `{name}`"),
        Kind::NativeCallFailed => "the native function failed".to_owned(),
        Kind::ManifestFunction => "a function can't be part of the result".to_owned(),
        _ => describe_access(kind)
            .or_else(|| describe_call(kind))
            .unwrap_or_else(|| describe_operation(kind)),
    }
}

/// Indexing, slicing, fields.
fn describe_access(kind: &Kind) -> Option<String> {
    Some(match kind {
        Kind::InvalidIndexedType { got_type, .. } => format!("{} can't be indexed", a(*got_type)),
        Kind::InvalidSlicedType { got_type, .. } => format!("{} can't be sliced", a(*got_type)),
        Kind::SliceIndexOrStepIsNotNumber { got_type, .. } => {
            format!("a slice's bounds and step are numbers, not {}", a(*got_type))
        }
        Kind::StringIndexIsNotNumber { got_type, .. } => {
            format!("a string is indexed by a number, not {}", a(*got_type))
        }
        Kind::ArrayIndexIsNotNumber { got_type, .. } => {
            format!("an array is indexed by a number, not {}", a(*got_type))
        }
        Kind::NumericIndexIsNotValid { index, .. } => format!("{index} is no valid index"),
        Kind::NumericIndexOutOfRange { index, length, .. } => {
            format!("index {index} is out of range, the length is {length}")
        }
        Kind::ObjectIndexIsNotString { got_type, .. } => {
            format!("an object is indexed by a string, not {}", a(*got_type))
        }
        Kind::RepeatedFieldName { name, .. } => format!("the object has the field `{name}` twice"),
        Kind::FieldNameIsNotString { got_type, .. } => format!("a field's name is a string, not {}", a(*got_type)),
        Kind::UnknownObjectField { field_name, .. } => format!("the object has no field `{field_name}`"),
        Kind::FieldOfNonObject { .. } => "only objects have fields".to_owned(),
        Kind::SuperWithoutSuperObject { .. } => "`super` stands in an object that extends none".to_owned(),
        _ => return None,
    })
}

/// Calls and their arguments.
fn describe_call(kind: &Kind) -> Option<String> {
    Some(match kind {
        Kind::CalleeIsNotFunction { got_type, .. } => format!("{} can't be called", a(*got_type)),
        Kind::TooManyCallArgs { num_params, .. } => format!("too many arguments: the function takes {num_params}"),
        Kind::UnknownCallParam { param_name, .. } => format!("the function has no parameter `{param_name}`"),
        Kind::RepeatedCallParam { param_name, .. } => format!("the parameter `{param_name}` is given twice"),
        Kind::CallParamNotBound { param_name, .. } => format!("the parameter `{param_name}` isn't given"),
        Kind::InvalidStdFuncArgType {
            func_name,
            arg_index,
            expected_types,
            got_type,
        } => {
            let expected: Vec<String> = expected_types.iter().copied().map(a).collect();
            let (number, expected) = (arg_index + 1, expected.join(" or "));
            format!(
                "argument {number} of `std.{func_name}` is to be {expected}, not {}",
                a(*got_type)
            )
        }
        _ => return None,
    })
}

/// Operators, comparisons, conditions.
fn describe_operation(kind: &Kind) -> String {
    match kind {
        Kind::ForSpecValueIsNotArray { got_type, .. } => format!("`for` goes over an array, not {}", a(*got_type)),
        Kind::CondIsNotBool { got_type, .. } => format!("a condition is a boolean, not {}", a(*got_type)),
        Kind::InvalidUnaryOpType { op, rhs_type, .. } => {
            format!("`{}` can't be applied to {}", unary(*op), a(*rhs_type))
        }
        Kind::InvalidBinaryOpTypes {
            op, lhs_type, rhs_type, ..
        } => {
            format!(
                "`{}` can't be applied to {} and {}",
                binary(*op),
                a(*lhs_type),
                a(*rhs_type)
            )
        }
        Kind::NumberNotBitwiseSafe { .. } => "the number is too large for bitwise operators".to_owned(),
        Kind::NumberOverflow { .. } => "the number is too large".to_owned(),
        Kind::NumberNan { .. } => "the result is not a number".to_owned(),
        Kind::DivByZero { .. } => "division by zero".to_owned(),
        Kind::ShiftByNegative { .. } => "shift by a negative number".to_owned(),
        Kind::CompareNullInequality => "`null`s can't be ordered".to_owned(),
        Kind::CompareBooleanInequality => "booleans can't be ordered".to_owned(),
        Kind::CompareObjectInequality => "objects can't be ordered".to_owned(),
        Kind::CompareFunctions => "functions can't be compared".to_owned(),
        Kind::CompareDifferentTypesInequality { lhs_type, rhs_type } => {
            format!("{} and {} can't be ordered", a(*lhs_type), a(*rhs_type))
        }
        Kind::PrimitiveEqualsNonPrimitive { got_type } => {
            format!("`std.primitiveEquals` can't compare {}", a(*got_type))
        }
        other => format!("{other:?}"),
    }
}

/// The type with its article.
fn a(kind: Type) -> String {
    match kind {
        Type::Null => "null",
        Type::Bool => "a boolean",
        Type::Number => "a number",
        Type::String => "a string",
        Type::Array => "an array",
        Type::Object => "an object",
        Type::Function => "a function",
    }
    .to_owned()
}

const fn unary(op: UnaryOp) -> &'static str {
    match op {
        UnaryOp::Minus => "-",
        UnaryOp::Plus => "+",
        UnaryOp::BitwiseNot => "~",
        UnaryOp::LogicNot => "!",
    }
}

const fn binary(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Add => "+",
        BinaryOp::Sub => "-",
        BinaryOp::Mul => "*",
        BinaryOp::Div => "/",
        BinaryOp::Rem => "%",
        BinaryOp::Shl => "<<",
        BinaryOp::Shr => ">>",
        BinaryOp::Lt => "<",
        BinaryOp::Le => "<=",
        BinaryOp::Gt => ">",
        BinaryOp::Ge => ">=",
        BinaryOp::Eq => "==",
        BinaryOp::Ne => "!=",
        BinaryOp::In => "in",
        BinaryOp::BitwiseAnd => "&",
        BinaryOp::BitwiseOr => "|",
        BinaryOp::BitwiseXor => "^",
        BinaryOp::LogicAnd => "&&",
        BinaryOp::LogicOr => "||",
    }
}
