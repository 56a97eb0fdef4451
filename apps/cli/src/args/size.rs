use std::str::FromStr;

use ocm::http::{Bandwidth, NotARate};

/// Bytes per second below which a rate without a unit is hardly what somebody means.
const DOUBTFUL: u64 = 1024;

/// A number of bytes per second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    pub(crate) bandwidth: Bandwidth,
    /// Whether it is that low that its unit is likely to have been forgotten.
    pub(crate) is_doubtful: bool,
}

impl FromStr for Rate {
    type Err = NotARate;

    fn from_str(text: &str) -> Result<Self, NotARate> {
        let bandwidth: Bandwidth = text.parse()?;
        let has_unit = text.trim().trim_end_matches("/s").ends_with(|letter: char| letter.is_ascii_alphabetic());
        Ok(Self { bandwidth, is_doubtful: !has_unit && bandwidth.bytes_per_second() < DOUBTFUL })
    }
}

/// Reads a number of bytes as a person writes it: `4GiB`, `650MB`, `1500000`. `Ki`, `Mi`, … count in 1024s, `k`, `M`, … in
/// 1000s; the `B` may be missing.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    let wrong = || "a size is a whole number with a unit, like 4GiB, 650MB or 1500000".to_owned();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let unit = unit.trim_start();
    let unit = unit.strip_suffix(['b', 'B']).unwrap_or(unit).to_ascii_lowercase();
    let factor: u64 = match unit.as_str() {
        "" => 1,
        "k" => 1000,
        "m" => 1_000_000,
        "g" => 1_000_000_000,
        "t" => 1_000_000_000_000,
        "ki" => 1 << 10,
        "mi" => 1 << 20,
        "gi" => 1 << 30,
        "ti" => 1 << 40,
        _ => return Err(wrong()),
    };
    number.checked_mul(factor).filter(|size| *size > 0).ok_or_else(wrong)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::parse;

    #[test]
    fn units_count_in_1024s_or_in_1000s() {
        for (text, size) in
            [("1", 1), ("4GiB", 4 << 30), ("4gi", 4 << 30), ("650MB", 650_000_000), ("2 KiB", 2048), ("7k", 7000)]
        {
            assert_eq!(parse(text).unwrap(), size, "{text}");
        }
        for text in ["", "0", "-1", "GiB", "1.5GiB", "1XB", "1KiBB", "99999999999999999999", "18446744073709551615k"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
