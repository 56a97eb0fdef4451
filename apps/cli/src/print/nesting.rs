/// The line work in front of the nodes of a tree: where a node hangs, and what runs past it to the ones below.
#[derive(Clone, Debug, Default)]
pub(crate) struct Branch {
    above: String,
}

impl Branch {
    /// The cell of a child of this node (`├─`, `└─`) and the branch on which its own children hang.
    pub(crate) fn child(&self, is_last: bool) -> (String, Self) {
        let (joint, passing) = if is_last { ("└─", "   ") } else { ("├─", "│  ") };
        (format!("{}{joint}", self.above), Self { above: format!("{}{passing}", self.above) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_run_past_children_only_when_siblings_follow() {
        let root = Branch::default();
        let (cell, first) = root.child(false);
        assert_eq!(cell, "├─");
        assert_eq!(first.child(true).0, "│  └─");
        let (_, last) = root.child(true);
        assert_eq!(last.child(false).0, "   ├─");
    }
}
