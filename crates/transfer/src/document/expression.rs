//! Expressions in the Common Expression Language (CEL); the only place that knows its interpreter.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use cel::Context;
pub(super) use cel::Value as Cel;
use cel::common::ast::{EntryExpr, Expr, IdedExpr, LiteralValue, operators};
use cel::parser::Parser;
use serde_json::{Map, Value};

use super::path::{Path, Step, To};

/// Longest expression without its quoted texts, in bytes. Names of nodes have up to 600.
const LENGTH_LIMIT: usize = 16 << 10;

/// Operators, brackets and separators in one expression. The interpreter calls itself for each, and a chain of some
/// thousands would end the program.
const SIGN_LIMIT: usize = 200;

/// Loops inside of loops; each level multiplies the time by the length of a list.
const LOOP_LIMIT: usize = 2;

/// Words that mean something in expressions.
pub(super) const RESERVED: [&str; 20] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "false",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "namespace",
    "null",
    "package",
    "return",
    "true",
    "var",
    "void",
];

/// One expression, parsed.
#[derive(Clone, Debug)]
pub(super) struct Expression {
    /// As it stands in the document; `None` if that is the text of its walk. A document has tens of thousands of those.
    text: Option<Box<str>>,
    code: Code,
}

#[derive(Clone, Debug)]
enum Code {
    /// A walk needs no interpreter, which would forget the order of members and copy what it looks into.
    Walk(Path),
    Program {
        tree: Box<IdedExpr>,
        /// Every walk into a variable.
        paths: Vec<Path>,
    },
}

/// The values of variables.
pub(super) trait Variables {
    /// Where a walk leads; `None` if its variable is unknown. The error is a reason.
    fn walk(&self, path: &Path) -> Option<Result<Cow<'_, Value>, String>>;

    /// The value of a variable for the interpreter; `None` if it has none.
    fn cel(&self, name: &str) -> Option<Cel>;

    /// Is told of each value before it is copied; an error stops the document.
    fn spend(&self, value: &Value) -> Result<(), String>;
}

/// A value for the interpreter. Whole numbers are signed as far as that goes, as the ones in expressions are.
pub(super) fn to_cel(value: &Value) -> Cel {
    match value {
        Value::Null => Cel::Null,
        Value::Bool(value) => Cel::Bool(*value),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => Cel::Int(number),
            (None, Some(number)) => Cel::UInt(number),
            (None, None) => Cel::Float(number.as_f64().unwrap_or_default()),
        },
        Value::String(text) => Cel::String(Arc::new(text.clone())),
        Value::Array(items) => Cel::List(Arc::new(items.iter().map(to_cel).collect())),
        Value::Object(members) => object_to_cel(members),
    }
}

/// An object for the interpreter.
pub(super) fn object_to_cel(members: &Map<String, Value>) -> Cel {
    let members: HashMap<String, Cel> = members.iter().map(|(key, member)| (key.clone(), to_cel(member))).collect();
    Cel::Map(members.into())
}

impl Expression {
    /// Parses an expression without its `${` and `}`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let fail = |reason: &str| Err(format!("expression ${{{text}}}: {reason}"));
        let (length, signs) = size(text);
        if length > LENGTH_LIMIT || signs > SIGN_LIMIT {
            return Err(format!(
                "an expression is longer than {LENGTH_LIMIT} bytes or has more than {SIGN_LIMIT} operators"
            ));
        }
        if text.trim().is_empty() {
            return fail("is empty");
        }
        if let Some(path) = plain_walk(text) {
            return Ok(Self::walking(text, path));
        }
        let parsed = Parser::default().enable_optional_syntax(true).parse(text);
        let tree = match parsed {
            Ok(tree) => tree,
            Err(errors) => return fail(&first_line(&errors.to_string())),
        };
        let mut paths = Paths::default();
        if let Err(reason) = paths.collect(&tree, &mut Vec::new(), 0) {
            return fail(&reason);
        }
        Ok(match walk(&tree) {
            Some(path) if path.is_plain() => Self::walking(text, path),
            _ => Self { text: Some(text.into()), code: Code::Program { tree: Box::new(tree), paths: paths.0 } },
        })
    }

    fn walking(text: &str, path: Path) -> Self {
        let is_told = path.text(path.steps.len()) == text;
        Self { text: (!is_told).then(|| text.into()), code: Code::Walk(path) }
    }

    /// Every walk into a variable.
    pub(super) fn paths(&self) -> &[Path] {
        match &self.code {
            Code::Walk(path) => std::slice::from_ref(path),
            Code::Program { paths, .. } => paths,
        }
    }

    /// The walk that is all of it, if it is one.
    pub(super) fn walk(&self) -> Option<&Path> {
        if let Code::Walk(path) = &self.code { Some(path) } else { None }
    }

    /// As it stands in the document.
    pub(super) fn quoted(&self) -> String {
        match (&self.text, &self.code) {
            (None, Code::Walk(path)) => format!("expression ${{{}}}", path.text(path.steps.len())),
            (text, _) => format!("expression ${{{}}}", text.as_deref().unwrap_or_default()),
        }
    }

    /// The value of the expression.
    pub(super) fn evaluate(&self, variables: &dyn Variables) -> Result<Value, String> {
        let fail = |reason: String| format!("{}: {reason}", self.quoted());
        match &self.code {
            Code::Walk(path) => {
                let value = variables.walk(path).ok_or_else(|| fail(format!("{} is unknown", path.root)))?;
                let value = value.map_err(fail)?;
                variables.spend(&value).map_err(fail)?;
                Ok(value.into_owned())
            }
            Code::Program { tree, paths } => {
                let mut context = Context::default();
                for path in paths {
                    let value = variables.cel(&path.root).ok_or_else(|| fail(format!("{} is unknown", path.root)))?;
                    context.add_variable_from_value(path.root.as_str(), value);
                }
                let value = Cel::resolve(tree, &context).map_err(|error| fail(first_line(&error.to_string())))?;
                let value = to_json(&value).map_err(fail)?;
                variables.spend(&value).map_err(fail)?;
                Ok(value)
            }
        }
    }
}

/// Bytes and signs of an expression outside of its quoted texts.
fn size(text: &str) -> (usize, usize) {
    let (mut length, mut signs, mut quote, mut escaped) = (0, 0, None, false);
    for byte in text.bytes() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if byte == b'\\' => escaped = true,
            Some(open) if byte == open => quote = None,
            Some(_) => {}
            None => {
                length += 1;
                signs += usize::from(!byte.is_ascii_alphanumeric() && !matches!(byte, b' ' | b'_'));
                quote = matches!(byte, b'"' | b'\'').then_some(byte);
            }
        }
    }
    (length, signs)
}

/// The interpreter's reports draw pictures below their first line, and quote whole values.
fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(300).collect()
}

/// `name.member[1].member`, which is nearly every expression of a document; reading it takes a thousandth of the parser's
/// time.
fn plain_walk(text: &str) -> Option<Path> {
    let is_name = |text: &str| {
        text.starts_with(|letter: char| letter.is_ascii_alphabetic())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && !RESERVED.contains(&text)
    };
    let mut path: Option<Path> = None;
    for part in text.split('.') {
        let (name, positions) = part.split_once('[').map_or((part, None), |(name, positions)| (name, Some(positions)));
        if !is_name(name) {
            return None;
        }
        match &mut path {
            None => path = Some(Path { root: name.to_owned(), steps: Vec::new() }),
            Some(path) => path.steps.push(Step { to: To::Member(name.to_owned()), is_optional: false }),
        }
        let Some(positions) = positions else { continue };
        for position in positions.strip_suffix(']')?.split("][") {
            let is_number = !position.is_empty() && position.bytes().all(|byte| byte.is_ascii_digit());
            let position = position.parse().ok().filter(|_| is_number)?;
            path.as_mut()?.steps.push(Step { to: To::Item(position), is_optional: false });
        }
    }
    path
}

/// A walk, if the expression is nothing else.
fn walk(tree: &IdedExpr) -> Option<Path> {
    match &tree.expr {
        Expr::Ident(name) => Some(Path { root: name.clone(), steps: Vec::new() }),
        Expr::Select(select) => {
            let mut path = walk(&select.operand)?;
            path.steps.push(Step { to: To::Member(select.field.clone()), is_optional: select.test });
            Some(path)
        }
        Expr::Call(call) if call.target.is_none() => {
            let [operand, to] = call.args.as_slice() else { return None };
            let is_optional = match call.func_name.as_str() {
                operators::INDEX => false,
                operators::OPT_SELECT | operators::OPT_INDEX => true,
                _ => return None,
            };
            let mut path = walk(operand)?;
            let to = match &to.expr {
                Expr::Literal(LiteralValue::String(name)) => To::Member(name.inner().to_owned()),
                Expr::Literal(LiteralValue::Int(position)) => {
                    usize::try_from(*position.inner()).map_or(To::Computed, To::Item)
                }
                _ => To::Computed,
            };
            path.steps.push(Step { to, is_optional });
            Some(path)
        }
        _ => None,
    }
}

fn is_optional(function: &str) -> bool {
    matches!(function, "of" | "none" | "ofNonZeroValue")
}

/// The walks of an expression, each as long as it can be.
#[derive(Default)]
struct Paths(Vec<Path>);

impl Paths {
    fn collect(&mut self, tree: &IdedExpr, bound: &mut Vec<String>, loops: usize) -> Result<(), String> {
        if let Some(path) = walk(tree) {
            self.computed_steps(tree, bound, loops)?;
            if !bound.contains(&path.root) {
                self.0.push(path);
            }
            return Ok(());
        }
        match &tree.expr {
            Expr::Select(select) => self.collect(&select.operand, bound, loops),
            Expr::Call(call) => {
                // `optional.of(x)` and `optional.none()` are names of functions.
                let target = call.target.as_deref().filter(
                    |target| !matches!(&target.expr, Expr::Ident(name) if name == "optional" && is_optional(&call.func_name)),
                );
                let parts = target.into_iter().chain(&call.args);
                parts.into_iter().try_for_each(|part| self.collect(part, bound, loops))
            }
            Expr::List(list) => list.elements.iter().try_for_each(|item| self.collect(item, bound, loops)),
            Expr::Map(map) => map.entries.iter().try_for_each(|entry| self.entry(&entry.expr, bound, loops)),
            Expr::Struct(object) => object.entries.iter().try_for_each(|entry| self.entry(&entry.expr, bound, loops)),
            Expr::Comprehension(each) => {
                if loops == LOOP_LIMIT {
                    return Err(format!("loops are nested more than {LOOP_LIMIT} deep"));
                }
                self.collect(&each.iter_range, bound, loops)?;
                self.collect(&each.accu_init, bound, loops)?;
                let outer = bound.len();
                bound.extend([each.iter_var.clone(), each.accu_var.clone()]);
                bound.extend(each.iter_var2.clone());
                for part in [&each.loop_cond, &each.loop_step, &each.result] {
                    self.collect(part, bound, loops + 1)?;
                }
                bound.truncate(outer);
                Ok(())
            }
            Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => Ok(()),
        }
    }

    fn entry(&mut self, entry: &EntryExpr, bound: &mut Vec<String>, loops: usize) -> Result<(), String> {
        match entry {
            EntryExpr::StructField(field) => self.collect(&field.value, bound, loops),
            EntryExpr::MapEntry(entry) => {
                self.collect(&entry.key, bound, loops)?;
                self.collect(&entry.value, bound, loops)
            }
        }
    }

    /// What stands in the brackets of a walk are expressions of their own.
    fn computed_steps(&mut self, tree: &IdedExpr, bound: &mut Vec<String>, loops: usize) -> Result<(), String> {
        match &tree.expr {
            Expr::Select(select) => self.computed_steps(&select.operand, bound, loops),
            Expr::Call(call) => {
                let [operand, to] = call.args.as_slice() else { return Ok(()) };
                self.computed_steps(operand, bound, loops)?;
                self.collect(to, bound, loops)
            }
            _ => Ok(()),
        }
    }
}

fn to_json(value: &Cel) -> Result<Value, String> {
    Ok(match value {
        Cel::Null => Value::Null,
        Cel::Bool(value) => (*value).into(),
        Cel::Int(value) => (*value).into(),
        Cel::UInt(value) => (*value).into(),
        Cel::Float(value) => (*value).into(),
        Cel::String(text) => text.as_str().into(),
        Cel::List(items) => Value::Array(items.iter().map(to_json).collect::<Result<_, _>>()?),
        Cel::Map(map) => {
            let mut members = Map::new();
            for (key, value) in map.map.iter() {
                members.insert(key.to_string(), to_json(value)?);
            }
            members.sort_keys();
            Value::Object(members)
        }
        other => match <&cel::objects::OptionalValue>::try_from(other) {
            Ok(optional) => optional.value().map_or(Ok(Value::Null), to_json)?,
            Err(_) => return Err(format!("gives a value of type {}, which no document can hold", other.type_of())),
        },
    })
}

/// For tests.
#[cfg(test)]
impl Variables for HashMap<String, Value> {
    fn walk(&self, path: &Path) -> Option<Result<Cow<'_, Value>, String>> {
        self.get(&path.root).map(|root| path.walk(0, root).map(Cow::Borrowed))
    }

    fn cel(&self, name: &str) -> Option<Cel> {
        self.get(name).map(to_cel)
    }

    fn spend(&self, _: &Value) -> Result<(), String> {
        Ok(())
    }
}
