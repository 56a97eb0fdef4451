//! Functions of Go templates beyond the built-in ones: the part of sprig that constructor files use. All of them depend on
//! their arguments only, so that the same file always gives the same component; there is no `env` and no `now`.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gtmpl_ng::{Func, FuncError, Value};

pub(super) const TABLE: &[(&str, Func)] = &[
    ("default", default),
    ("empty", |values| Ok(Value::from(is_empty(one(values)?)))),
    ("coalesce", |values| Ok(values.iter().find(|value| !is_empty(value)).cloned().unwrap_or(Value::Nil))),
    ("ternary", |values| Ok(if truth(values.get(2)) { argument(values, 0)? } else { argument(values, 1)? }.clone())),
    ("fail", |values| Err(fault(&text(one(values)?)))),
    ("required", |values| {
        let value = argument(values, 1)?;
        if is_empty(value) { Err(fault(&text(argument(values, 0)?))) } else { Ok(value.clone()) }
    }),
    ("upper", |values| map_text(values, str::to_uppercase)),
    ("lower", |values| map_text(values, str::to_lowercase)),
    ("title", |values| map_text(values, title)),
    ("trim", |values| map_text(values, |text| text.trim().to_owned())),
    ("trimPrefix", |values| pair(values, |prefix, text| Value::from(text.strip_prefix(prefix).unwrap_or(text)))),
    ("trimSuffix", |values| pair(values, |suffix, text| Value::from(text.strip_suffix(suffix).unwrap_or(text)))),
    ("trimAll", |values| {
        pair(values, |letters, text| Value::from(text.trim_matches(|letter| letters.contains(letter))))
    }),
    ("contains", |values| pair(values, |part, text| Value::from(text.contains(part)))),
    ("hasPrefix", |values| pair(values, |prefix, text| Value::from(text.starts_with(prefix)))),
    ("hasSuffix", |values| pair(values, |suffix, text| Value::from(text.ends_with(suffix)))),
    ("replace", |values| {
        let (from, to, value) = (text(argument(values, 0)?), text(argument(values, 1)?), text(argument(values, 2)?));
        if from.is_empty() { Ok(Value::from(value)) } else { Ok(Value::from(value.replace(&from, &to))) }
    }),
    ("quote", |values| Ok(Value::from(joined(values, |text| format!("{text:?}"))))),
    ("squote", |values| Ok(Value::from(joined(values, |text| format!("'{text}'"))))),
    ("cat", |values| Ok(Value::from(joined(values, |text| text)))),
    ("indent", |values| indent(values, "")),
    ("nindent", |values| indent(values, "\n")),
    ("join", |values| {
        let items: Vec<String> = items(argument(values, 1)?).iter().map(text).collect();
        Ok(Value::from(items.join(&text(argument(values, 0)?))))
    }),
    ("splitList", |values| {
        pair(values, |separator, text| Value::Array(text.split(separator).map(Value::from).collect()))
    }),
    ("list", |values| Ok(Value::Array(values.to_vec()))),
    ("first", |values| Ok(items(one(values)?).first().cloned().unwrap_or(Value::Nil))),
    ("last", |values| Ok(items(one(values)?).last().cloned().unwrap_or(Value::Nil))),
    ("has", |values| Ok(Value::from(items(argument(values, 1)?).contains(argument(values, 0)?)))),
    ("uniq", |values| {
        let mut unique: Vec<Value> = Vec::new();
        for item in items(one(values)?) {
            if !unique.contains(&item) {
                unique.push(item);
            }
        }
        Ok(Value::Array(unique))
    }),
    ("sortAlpha", |values| {
        let mut texts: Vec<String> = items(one(values)?).iter().map(text).collect();
        texts.sort();
        Ok(Value::Array(texts.into_iter().map(Value::from).collect()))
    }),
    ("dict", |values| {
        Ok(Value::Map(
            values.chunks(2).map(|pair| (text(&pair[0]), pair.get(1).cloned().unwrap_or(Value::Nil))).collect(),
        ))
    }),
    ("get", |values| {
        Ok(members(argument(values, 0)?)
            .and_then(|members| members.get(&key(values).ok()?))
            .cloned()
            .unwrap_or_else(|| Value::from("")))
    }),
    ("hasKey", |values| {
        Ok(Value::from(
            members(argument(values, 0)?)
                .is_some_and(|members| key(values).is_ok_and(|key| members.contains_key(&key))),
        ))
    }),
    ("keys", |values| {
        let mut keys: Vec<String> =
            members(one(values)?).map(|members| members.keys().cloned().collect()).unwrap_or_default();
        keys.sort();
        Ok(Value::Array(keys.into_iter().map(Value::from).collect()))
    }),
    ("toString", |values| Ok(Value::from(text(one(values)?)))),
    ("int", |values| Ok(Value::from(integer(one(values)?)))),
    ("int64", |values| Ok(Value::from(integer(one(values)?)))),
    ("atoi", |values| Ok(Value::from(integer(one(values)?)))),
    ("add", |values| Ok(Value::from(values.iter().map(integer).fold(0, i64::wrapping_add)))),
    ("sub", |values| Ok(Value::from(integer(argument(values, 0)?).wrapping_sub(integer(argument(values, 1)?))))),
    ("mul", |values| Ok(Value::from(values.iter().map(integer).fold(1, i64::wrapping_mul)))),
    ("div", |values| {
        integer(argument(values, 0)?)
            .checked_div(integer(argument(values, 1)?))
            .map(Value::from)
            .ok_or_else(|| fault("division by zero"))
    }),
    ("toJson", |values| Ok(Value::from(to_json(one(values)?).to_string()))),
    ("b64enc", |values| map_text(values, |text| STANDARD.encode(text))),
    ("b64dec", |values| {
        let decoded = STANDARD.decode(text(one(values)?)).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        decoded.map(Value::from).ok_or_else(|| fault("b64dec: not base64 of a text"))
    }),
];

fn fault(message: &str) -> FuncError {
    FuncError::Generic(message.to_owned())
}

fn argument(values: &[Value], position: usize) -> Result<&Value, FuncError> {
    values.get(position).ok_or_else(|| fault(&format!("argument {} is missing", position + 1)))
}

fn one(values: &[Value]) -> Result<&Value, FuncError> {
    argument(values, 0)
}

fn key(values: &[Value]) -> Result<String, FuncError> {
    argument(values, 1).map(text)
}

fn text(value: &Value) -> String {
    match value {
        Value::Nil | Value::NoValue => String::new(),
        other => other.to_string(),
    }
}

fn items(value: &Value) -> Vec<Value> {
    if let Value::Array(items) = value { items.clone() } else { Vec::new() }
}

fn members(value: &Value) -> Option<&HashMap<String, Value>> {
    match value {
        Value::Map(members) | Value::Object(members) => Some(members),
        _ => None,
    }
}

fn truth(value: Option<&Value>) -> bool {
    matches!(value, Some(Value::Bool(true)))
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Nil | Value::NoValue => true,
        Value::Bool(truth) => !truth,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Map(members) | Value::Object(members) => members.is_empty(),
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::Function(_) => false,
    }
}

fn default(values: &[Value]) -> Result<Value, FuncError> {
    let default = argument(values, 0)?;
    Ok(values.get(1).filter(|value| !is_empty(value)).unwrap_or(default).clone())
}

fn map_text(values: &[Value], change: impl Fn(&str) -> String) -> Result<Value, FuncError> {
    Ok(Value::from(change(&text(one(values)?))))
}

fn pair(values: &[Value], make: impl Fn(&str, &str) -> Value) -> Result<Value, FuncError> {
    Ok(make(&text(argument(values, 0)?), &text(argument(values, 1)?)))
}

fn joined(values: &[Value], change: impl Fn(String) -> String) -> String {
    let present = values.iter().filter(|value| !matches!(value, Value::Nil | Value::NoValue));
    present.map(|value| change(text(value))).collect::<Vec<_>>().join(" ")
}

fn title(text: &str) -> String {
    let mut start = true;
    text.chars()
        .flat_map(|letter| {
            let first = std::mem::replace(&mut start, letter.is_whitespace());
            if first { letter.to_uppercase().collect::<Vec<_>>() } else { vec![letter] }
        })
        .collect()
}

fn indent(values: &[Value], before: &str) -> Result<Value, FuncError> {
    let width = usize::try_from(integer(argument(values, 0)?)).unwrap_or(0).min(1000);
    let padding = " ".repeat(width);
    let content = text(argument(values, 1)?);
    Ok(Value::from(format!("{before}{padding}{}", content.replace('\n', &format!("\n{padding}")))))
}

fn integer(value: &Value) -> i64 {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().map(|number| number as i64)).unwrap_or(0),
        Value::Bool(truth) => i64::from(*truth),
        other => text(other).trim().parse().unwrap_or(0),
    }
}

fn to_json(value: &Value) -> serde_json::Value {
    match value {
        Value::Nil | Value::NoValue | Value::Function(_) => serde_json::Value::Null,
        Value::Bool(truth) => (*truth).into(),
        Value::String(text) => text.as_str().into(),
        Value::Array(items) => items.iter().map(to_json).collect(),
        Value::Map(members) | Value::Object(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_by_key(|(key, _)| key.as_str());
            serde_json::Value::Object(sorted.into_iter().map(|(key, value)| (key.clone(), to_json(value))).collect())
        }
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => number.into(),
            (None, Some(number)) => number.into(),
            _ => number.as_f64().into(),
        },
    }
}
