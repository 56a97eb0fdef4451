use std::cmp::Ordering;

use semver::Prerelease;

use crate::Version;

/// How a version is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    /// `=` or nothing.
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    /// `~`: the same minor number.
    Tilde,
    /// `^`: the same leftmost number that is not zero.
    Caret,
}

/// How much of the version was written; the rest is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Precision {
    /// `*`
    Anything,
    /// `1`, `1.x`
    Major,
    /// `1.2`, `1.2.x`
    Minor,
    /// `1.2.3`
    Patch,
}

/// One comparison: an operator and a version, of which parts may be missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Comparator {
    pub(super) operator: Operator,
    pub(super) numbers: [u64; 3],
    pub(super) prerelease: Prerelease,
    pub(super) precision: Precision,
}

impl Comparator {
    pub(super) fn names_prerelease(&self) -> bool {
        !self.prerelease.is_empty()
    }

    /// Whether the version passes. That a pre-release passes at all is decided before, for all comparators together.
    pub(super) fn matches(&self, version: &Version) -> bool {
        let order = version.compare_parts(self.numbers, &self.prerelease);
        match self.operator {
            Operator::Equal if self.precision == Precision::Patch => order.is_eq(),
            Operator::Equal | Operator::Tilde => self.tilde(version, order),
            Operator::NotEqual => self.not_equal(version, order),
            Operator::Greater => self.greater(version, order),
            Operator::GreaterOrEqual => order.is_ge(),
            Operator::Less => order.is_lt(),
            Operator::LessOrEqual => self.less_or_equal(version, order),
            Operator::Caret => self.caret(version, order),
        }
    }

    fn tilde(&self, version: &Version, order: Ordering) -> bool {
        if order.is_lt() {
            return false;
        }
        match self.precision {
            Precision::Anything => true,
            // `~0.0.0` means everything from there on in the Go library; kept, since rules written for it rely on it.
            Precision::Patch if self.numbers == [0, 0, 0] => true,
            Precision::Major => version.major() == self.numbers[0],
            Precision::Minor | Precision::Patch => {
                version.major() == self.numbers[0] && version.minor() == self.numbers[1]
            }
        }
    }

    fn not_equal(&self, version: &Version, order: Ordering) -> bool {
        let same_major = version.major() == self.numbers[0];
        let same_minor = same_major && version.minor() == self.numbers[1];
        match self.precision {
            Precision::Anything => false,
            Precision::Major => !same_major,
            Precision::Minor => !same_minor || version.prerelease() != self.prerelease.as_str(),
            Precision::Patch => order.is_ne(),
        }
    }

    fn greater(&self, version: &Version, order: Ordering) -> bool {
        match self.precision {
            // `> 11` wants 12 or more, `> 11.1` wants 11.2 or more.
            Precision::Major => version.major() > self.numbers[0],
            Precision::Minor => (version.major(), version.minor()) > (self.numbers[0], self.numbers[1]),
            Precision::Anything | Precision::Patch => order.is_gt(),
        }
    }

    fn less_or_equal(&self, version: &Version, order: Ordering) -> bool {
        match self.precision {
            // `<= *` allows everything.
            Precision::Anything => true,
            Precision::Major => version.major() <= self.numbers[0],
            Precision::Minor => (version.major(), version.minor()) <= (self.numbers[0], self.numbers[1]),
            Precision::Patch => order.is_le(),
        }
    }

    fn caret(&self, version: &Version, order: Ordering) -> bool {
        if order.is_lt() {
            return false;
        }
        let same_major = version.major() == self.numbers[0];
        let same_minor = same_major && version.minor() == self.numbers[1];
        match self.precision {
            Precision::Anything => true,
            Precision::Major => same_major,
            _ if self.numbers[0] > 0 => same_major,
            Precision::Minor => same_minor,
            Precision::Patch if self.numbers[1] > 0 => same_minor,
            Precision::Patch => same_minor && version.patch() == self.numbers[2],
        }
    }
}
