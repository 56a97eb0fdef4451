use semver::{BuildMetadata, Prerelease};

use super::comparator::{Comparator, Operator, Precision};

/// Longest first, so that `>=` is not read as `>`.
const OPERATORS: [(&str, Operator); 11] = [
    ("!=", Operator::NotEqual),
    (">=", Operator::GreaterOrEqual),
    ("=>", Operator::GreaterOrEqual),
    ("<=", Operator::LessOrEqual),
    ("=<", Operator::LessOrEqual),
    ("~>", Operator::Tilde),
    ("=", Operator::Equal),
    (">", Operator::Greater),
    ("<", Operator::Less),
    ("~", Operator::Tilde),
    ("^", Operator::Caret),
];

pub(super) fn alternatives(text: &str) -> Result<Vec<Vec<Comparator>>, String> {
    if text.trim().is_empty() {
        return Ok(vec![vec![comparator(Operator::Equal, "*")?]]);
    }
    text.split("||").map(all_of).collect()
}

/// Reads the comparators between two `||`.
fn all_of(text: &str) -> Result<Vec<Comparator>, String> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err("nothing stands on one side of `||`".into());
    }
    let mut comparators = Vec::new();
    loop {
        let (operator, after_operator) = operator(rest);
        let (version, after) = word(after_operator.trim_start());
        if version.is_empty() {
            return Err(format!("a version is missing at {rest:?}"));
        }
        rest = after.trim_start();
        match range_end(rest).filter(|_| operator.is_none()) {
            Some(end) => {
                let (end, after) = word(end);
                comparators.push(comparator(Operator::GreaterOrEqual, version)?);
                comparators.push(comparator(Operator::LessOrEqual, end)?);
                rest = after.trim_start();
            }
            None => comparators.push(comparator(operator.unwrap_or(Operator::Equal), version)?),
        }
        if rest.is_empty() {
            return Ok(comparators);
        }
        if let Some(after) = rest.strip_prefix(',') {
            rest = after.trim_start();
        }
    }
}

fn operator(text: &str) -> (Option<Operator>, &str) {
    OPERATORS
        .iter()
        .find_map(|(spelling, operator)| text.strip_prefix(spelling).map(|rest| (Some(*operator), rest)))
        .unwrap_or((None, text))
}

/// What is up to the next blank or comma. Operators need no blank in front only where a comparator begins:
/// `12.3.34~ 1.2.3` is one word and a mistake.
fn word(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| c == ',' || c.is_whitespace()).unwrap_or(text.len());
    text.split_at(end)
}

/// The upper end of `1.0 - 2.0`, after the hyphen; a hyphen without blanks belongs to a pre-release.
fn range_end(text: &str) -> Option<&str> {
    text.strip_prefix('-').filter(|rest| rest.starts_with(char::is_whitespace)).map(str::trim_start)
}

fn comparator(operator: Operator, text: &str) -> Result<Comparator, String> {
    let fault = || format!("{text:?} is not a version or a pattern such as 1.2 or 1.x");
    let (rest, build) = text.split_once('+').map_or((text, None), |(rest, build)| (rest, Some(build)));
    if build.is_some_and(|build| build.is_empty() || BuildMetadata::new(build).is_err()) {
        return Err(fault());
    }
    let (core, prerelease) = match rest.split_once('-') {
        Some((_, "")) => return Err(fault()),
        Some((core, prerelease)) => (core, Prerelease::new(prerelease).map_err(|_| fault())?),
        None => (rest, Prerelease::EMPTY),
    };
    let mut numbers = [0; 3];
    let mut written = 0;
    let mut is_open = true;
    for (position, part) in core.strip_prefix('v').unwrap_or(core).split('.').enumerate() {
        match part {
            _ if position > 2 => return Err(fault()),
            "x" | "X" | "*" => is_open = false,
            _ if !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()) => {
                let number = part.parse().map_err(|_| fault())?;
                // Numbers after a wildcard are read and mean nothing: `1.x.3` is `1.x`.
                if is_open {
                    numbers[position] = number;
                    written = position + 1;
                }
            }
            _ => return Err(fault()),
        }
    }
    let precision = [Precision::Anything, Precision::Major, Precision::Minor, Precision::Patch][written];
    Ok(Comparator { operator, numbers, prerelease, precision })
}
