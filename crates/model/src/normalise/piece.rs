use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// A part of a normal form, borrowed from the descriptor it is made of.
///
/// The form is written piece by piece: a tree of all of it would be several times as large as the descriptor.
pub(super) enum Piece<'a> {
    Text(&'a str),
    /// As it was read.
    Value(&'a Value),
    /// An object whose members are texts.
    Texts(&'a BTreeMap<String, String>),
    Object(Members<'a>),
    /// The pieces of a list are made when they are written.
    List(Box<dyn Iterator<Item = Piece<'a>> + 'a>),
}

/// The members of an object, in any order, each key once.
#[derive(Default)]
pub(super) struct Members<'a>(pub(super) Vec<(&'a str, Piece<'a>)>);

impl<'a> Members<'a> {
    /// The members that somebody else wrote, without those that are about to be added.
    pub(super) fn of_others(others: &'a Map<String, Value>, without: &[&str]) -> Self {
        let others = others.iter().filter(|(key, _)| !without.contains(&key.as_str()));
        Self(others.map(|(key, value)| (key.as_str(), Piece::Value(value))).collect())
    }

    pub(super) fn text(&mut self, key: &'a str, text: &'a str) {
        self.0.push((key, Piece::Text(text)));
    }

    pub(super) fn add(&mut self, key: &'a str, piece: Piece<'a>) {
        self.0.push((key, piece));
    }

    pub(super) fn add_if(&mut self, key: &'a str, piece: Option<Piece<'a>>) {
        self.0.extend(piece.map(|piece| (key, piece)));
    }
}

impl<'a> Piece<'a> {
    pub(super) fn list<T>(items: impl IntoIterator<Item = T, IntoIter: 'a>, piece: impl Fn(T) -> Piece<'a> + 'a) -> Self
    where
        T: 'a,
    {
        Self::List(Box::new(items.into_iter().map(piece)))
    }

    /// Whether it is `null`, which some forms leave out.
    pub(super) fn is_null(&self) -> bool {
        matches!(self, Self::Value(Value::Null))
    }
}

impl<'a> From<Members<'a>> for Piece<'a> {
    fn from(members: Members<'a>) -> Self {
        Self::Object(members)
    }
}
