//! Which metrics are kept: `prefix_filter` and `filter_default`.

/// Rules by prefix of the full name; the longest that matches decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Prefixes and whether they allow.
    rules: Vec<(String, bool)>,
    /// What holds for names that no rule matches.
    default_allows: bool,
}

/// A rule without its sign. Consul warns with this text and ignores the rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Filter rule must begin with either '+' or '-': {0:?}")]
pub struct FilterError(pub String);

impl Default for Filter {
    /// Everything is kept.
    fn default() -> Self {
        Self {
            rules: Vec::new(),
            default_allows: true,
        }
    }
}

impl Filter {
    /// Reads rules such as `+consul.raft` and `-consul.memberlist`.
    pub fn parse<R: AsRef<str>>(rules: &[R], default_allows: bool) -> Result<Self, FilterError> {
        let rule = |rule: &R| {
            let rule = rule.as_ref();
            let (prefix, allows) = match (rule.strip_prefix('+'), rule.strip_prefix('-')) {
                (Some(prefix), _) => (prefix, true),
                (None, Some(prefix)) => (prefix, false),
                (None, None) => return Err(FilterError(rule.to_owned())),
            };
            Ok((prefix.to_owned(), allows))
        };
        let mut rules = rules.iter().map(rule).collect::<Result<Vec<_>, _>>()?;
        // Longest first; of equal prefixes the one that blocks, for Consul adds those last.
        rules.sort_by_key(|(prefix, allows)| (std::cmp::Reverse(prefix.len()), *allows));
        Ok(Self {
            rules,
            default_allows,
        })
    }

    /// Whether a metric of this full name is kept.
    pub fn allows(&self, name: &str) -> bool {
        self.rules
            .iter()
            .find(|(prefix, _)| name.starts_with(prefix.as_str()))
            .map_or(self.default_allows, |(_, allows)| *allows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_decides() {
        let filter = Filter::parse(&["-consul.raft", "+consul.raft.apply", "+consul.rpc"], true)
            .expect("is valid");
        assert!(!filter.allows("consul.raft.commitTime"));
        assert!(filter.allows("consul.raft.apply"));
        assert!(filter.allows("consul.rpc.query"));
        assert!(filter.allows("consul.memberlist.gossip"));
    }

    #[test]
    fn the_default_holds_for_the_rest() {
        let filter = Filter::parse(&["+consul.rpc"], false).expect("is valid");
        assert!(filter.allows("consul.rpc.query"));
        assert!(!filter.allows("consul.raft.apply"));
        assert!(Filter::default().allows("anything"));
    }

    #[test]
    fn of_the_same_prefix_twice_the_block_wins() {
        let filter = Filter::parse(&["-consul", "+consul"], true).expect("is valid");
        assert!(!filter.allows("consul.x"));
    }

    #[test]
    fn a_rule_needs_its_sign() {
        let error = Filter::parse(&["consul.rpc"], true).expect_err("has no sign");
        assert_eq!(
            error.to_string(),
            "Filter rule must begin with either '+' or '-': \"consul.rpc\""
        );
    }
}
