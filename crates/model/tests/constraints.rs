//! Constraints against the published cases of the library whose grammar it is (Masterminds semver, `constraints_test.go`).

#![allow(clippy::unwrap_used, clippy::panic)]

use ocm_model::{Constraint, Version};

/// `constraint => versions that match | versions that do not`
const CASES: &str = "
=2.0.0 => 2.0.0 | 1.2.3
=2.0 => 2.0.0 2.0.1 | 1.2.3
= 2.0 => 2.0.0 | 1.2.3
4.1 => 4.1.0 |
4.1.x => 4.1.3 |
!=4.1.0 => 4.1.1 | 4.1.0
!=4.1 => 5.1.0 | 4.1.0 4.1.1 5.1.0-alpha.1
!=4.1-alpha => 4.1.0 | 4.1.0-alpha 4.1.1-alpha
!=4.x => 5.1.0 | 4.1.0
!=4.1.x => 4.2.0 |
!=4.2.x => | 4.2.3
<11 => 0.1.0 | 11.1.0
<1.1 => 0.1.0 | 1.1.0 1.1.1
<1.x => 0.1.1 | 1.1.1 2.0.0 2.1.1
<2.x => 1.1.1 |
<1.1.x => 1.0.500 | 1.2.1 1.1.500
<1.2.x => 1.1.1 |
<=11 => 1.2.3 11.2.3 | 12.2.3
<=1.1 => 0.1.0 1.1.0 1.1.1 | 1.2.3 0.1.0-alpha
<=1.1-a => 0.1.0-alpha |
<=1.x => 1.1.0 |
<=2.x => | 3.0.0 3.1.0
<=1.1.x => | 1.2.500
<=4.5 => 3.4.0 3.7.0 | 4.6.3
>1.1 => 4.1.0 | 1.1.0
>0 => 1 | 0 0.0.1-alpha 0.0.0-alpha
>0.0 => | 0.0.1-alpha
>0-0 => | 0.0.1-alpha 0.0.0-alpha
>0.0-0 => | 0.0.1-alpha
>0.0.0-0 => 0.0.0-alpha |
>1.2.3-alpha.1 => 1.2.3-alpha.2 1.3.3-alpha.2 |
>11 => | 11.1.0
>11.1 => 11.2.1 | 11.1.0 11.1.1
>=11 => 11.1.2 |
>=11.1 => 11.1.2 | 11.0.2
>=1.1 => 4.1.0 1.1.0 | 0.0.9 4.1.0-beta
>=0 => 0 | 0.0.1-alpha 0.0.0-alpha
>=0.0 => | 0.0.1-alpha
>=0-0 => 0.0.1-alpha 0.0.0-alpha |
>=0.0-0 => 0.0.1-alpha |
>=0.0.0-0 => 0.0.0-alpha 1.2.3 3.4.5-beta.1 |
<0 => | 0.0.0-alpha
<0-z => 0.0.0-alpha |
=0 => | 1
* => 1 4.5.6 1.2.3 | 1.2.3-alpha.1
*-0 => 1.2.3-alpha.1 |
2.* => 2.1.1 | 1 3.4.5
2.1.* => 2.1.1 | 2.2.1
2 => 2.1.1 | 1 3.4.5
2.1 => 2.1.1 | 2.2.1
0.x.x => | 1.2.3
0.0.x => | 1.2.3
0.0.0 => | 1.2.3
~0.0.0 => 1.2.3 |
~1.2.3 => 1.2.4 1.2.5 | 1.3.4 1.2.2 1.3.2
~1.2 => 1.2.4 | 1.3.4
~1 => 1.2.4 1.3.5 1.4 | 2.3.4 2.1.1 1.3.5-beta
~0.2.3 => 0.2.5 | 0.3.5
~1.2.3-beta.2 => 1.2.3-beta.4 1.2.4-beta.2 | 1.3.4-beta.2
~* => 2.1.1 |
~>1.1 => 1.1.1 | 1.2.3
~1.x => 1.3.5 1.4 | 2.1.1 1.3.5-beta
~1.1 => 1.1.1 | 1.1.1-alpha 1.2.3
~1.1-alpha => 1.1.1-beta |
~1.1.1-beta => 1.1.1 | 1.1.1-alpha
~1.3.6-alpha => | 1.3.5-beta
~1.3.5-alpha => 1.3.5-beta |
~1.3.5-beta => | 1.3.5-alpha
~1.3 => | 2.4.5
^1.2.3 => 1.8.9 | 2.8.9 1.2.1
^1.1.0 => | 2.1.0
^1.2.0 => | 2.2.1 1.2.1-alpha.1
^1.2.0-alpha.0 => 1.2.1-alpha.1 1.2.1-alpha.0 |
^1.2.0-alpha.2 => | 1.2.0-alpha.1
^1.2 => 1.8.9 | 2.8.9
^1 => 1.8.9 | 2.8.9
^0.2.3 => 0.2.5 | 0.5.6
^0.2 => 0.2.5 | 0.5.6
^0.0.3 => 0.0.3 | 0.0.4
^0.0 => 0.0.3 | 0.1.4 1.0.4
^0 => 0.2.3 | 1.1.4
^0.0.0 => | 1.2.3
^0.0.1 => 0.0.1 | 0.3.1 0.1.3
^0.2.3-beta.2 => 0.2.3-beta.4 0.2.4-beta.2 0.2.3-beta.2 | 0.3.4-beta.2
^1.1 => 1.1.1 | 4.3.2 1.1.1-alpha
^1.x => 1.1.1 | 2.1.1 1.1.1-beta1
^2.x => | 1.1.1
^1.1.2-alpha => 1.2.1-beta1 |
^1.1.1-alpha => 1.1.1-beta |
^1.1.1-beta => | 1.1.1-alpha
^1.2.x-alpha => | 1.1.1-beta1
>1.1, <2 => 1.2.1 | 1.1.1
>1.1 <2 => 1.2.1 | 1.1.1
>1.1, <3 => | 4.3.2
>1.1    <3 => | 4.3.2
> 1.1, <     2 => | 1.1.1
>   1.1, <2 => 1.2.1 |
>=1.1, <2, !=1.2.3 => | 1.2.3
>=1.1    < 2    != 1.2.3 => | 1.2.3
>=1.1, <2, !=1.2.3 || > 3 => 4.1.2 | 3.1.2 3.0.0 1.2.3
>=1.1 <2 !=1.2.3 || >= 3 => 3.0.0 |
>= 1.1, <2, != 1.2.3 || >= 3 => 3.0.0 |
1.1 - 2 => 1.1.1 |
1.5.0 - 4.5 => 3.7.0 |
1.1-3 => | 4.3.2
";

#[test]
fn published_cases() {
    let mut checked = 0;
    for line in CASES.lines().filter(|line| !line.is_empty()) {
        let (text, versions) = line.split_once(" => ").unwrap();
        let (yes, no) = versions.split_once('|').unwrap();
        let constraint = Constraint::parse(text).unwrap();
        for (versions, expected) in [(yes, true), (no, false)] {
            for version in versions.split_whitespace() {
                let version = Version::parse(version).unwrap();
                assert_eq!(constraint.matches(&version), expected, "{text} with {version}");
                checked += 1;
            }
        }
    }
    assert!(checked > 180, "{checked} cases");
}

#[test]
fn empty_is_everything_but_prereleases() {
    let constraint = Constraint::parse("").unwrap();
    assert!(constraint.matches(&Version::parse("4.5.6").unwrap()));
    assert!(!constraint.matches(&Version::parse("1.2.3-alpha.1").unwrap()));
}

/// One comparator that names a pre-release opens the whole part between `||`, as in the library since 3.4.
#[test]
fn prereleases_are_opened_per_alternative() {
    let constraint = Constraint::parse(">= 1.0.0-0, < 2.0.0").unwrap();
    assert!(constraint.matches(&Version::parse("1.5.0-alpha").unwrap()));
    let constraint = Constraint::parse("< 1.0.0 || >= 2.0.0-0").unwrap();
    assert!(!constraint.matches(&Version::parse("0.5.0-alpha").unwrap()));
}

#[test]
fn the_default_of_listings_takes_prereleases_and_zero() {
    let constraint = Constraint::parse(Constraint::EVERYTHING).unwrap();
    for version in ["0.0.0", "0.0.1", "1.0.0-rc.1", "v2", "1.0.0+a"] {
        assert!(constraint.matches(&Version::parse(version).unwrap()), "{version}");
    }
}

#[test]
fn mistakes_are_named() {
    for (text, part) in [
        ("foo", "\"foo\""),
        (">= bar", "\"bar\""),
        ("BAR >= 1.2.3", "\"BAR\""),
        ("12.3.4.1234", "\"12.3.4.1234\""),
        ("12.3.34~ 1.2.3", "\"12.3.34~\""),
        (">= 1.0 ||", "`||`"),
        (">=", "missing at \">=\""),
        (">= 1, ", "missing"),
        ("1.0 -", "\"-\""),
        ("1..2", "\"1..2\""),
        ("1.0.0-", "\"1.0.0-\""),
        ("> > 1", "\">\""),
    ] {
        let error = Constraint::parse(text).unwrap_err().to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
}
