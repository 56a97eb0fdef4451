//! Which components refer to which, and in what order their digests can be computed.

use std::collections::HashMap;

use crate::file::Component;
use crate::problem::{Problem, Problems};

/// References between the components of the files.
pub(super) struct Graph {
    /// Components such that every one comes after those it refers to.
    pub(super) order: Vec<usize>,
    /// Positions of components by name and version.
    positions: HashMap<(String, String), usize>,
}

impl Graph {
    /// Orders components.
    ///
    /// # Errors
    /// Every cycle that is found, with its path. A component that is kept as it is in the target ends a path.
    pub(super) fn new(components: &[Component], is_kept: impl Fn(usize) -> bool) -> Result<Self, Problems> {
        let key = |component: &Component| (component.name.clone(), component.version.clone());
        let positions: HashMap<_, _> =
            components.iter().enumerate().map(|(position, component)| (key(component), position)).collect();
        let mut graph = Self { order: Vec::with_capacity(components.len()), positions };
        let mut state = vec![State::Unseen; components.len()];
        let mut problems = Vec::new();
        for start in 0..components.len() {
            graph.visit(start, components, &is_kept, &mut state, &mut problems);
        }
        if problems.is_empty() { Ok(graph) } else { Err(Problems(problems)) }
    }

    /// The component of the files with this name and version.
    pub(super) fn find(&self, component: &str, version: &str) -> Option<usize> {
        self.positions.get(&(component.to_owned(), version.to_owned())).copied()
    }

    /// Goes down from one component. The path is kept in a list of its own: a chain of ten thousand references must not
    /// need a stack of that depth.
    fn visit(
        &mut self,
        start: usize,
        components: &[Component],
        is_kept: &impl Fn(usize) -> bool,
        state: &mut [State],
        problems: &mut Vec<Problem>,
    ) {
        let mut path: Vec<(usize, usize)> = Vec::new();
        if state[start] == State::Unseen {
            state[start] = State::Open;
            path.push((start, 0));
        }
        while let Some((current, next)) = path.last_mut() {
            let current = *current;
            let references = if is_kept(current) { &[] } else { components[current].references.as_slice() };
            let Some((place, reference)) = references.get(*next) else {
                state[current] = State::Done;
                self.order.push(current);
                path.pop();
                continue;
            };
            *next += 1;
            let Some(target) = self.find(&reference.component_name, &reference.version) else { continue };
            match state[target] {
                State::Done => {}
                State::Unseen => {
                    state[target] = State::Open;
                    path.push((target, 0));
                }
                State::Open => {
                    let begin = path.iter().position(|(position, _)| *position == target).unwrap_or_default();
                    let titles: Vec<String> = path[begin..]
                        .iter()
                        .map(|(position, _)| *position)
                        .chain([target])
                        .map(|position| components[position].title())
                        .collect();
                    let message = format!("references form a cycle: {}", titles.join(" -> "));
                    problems.push(Problem::at(&components[current].file, *place, message));
                }
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Unseen,
    /// On the path from the start.
    Open,
    Done,
}
