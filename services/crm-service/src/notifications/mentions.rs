//! Mentions: `@{0199a3c4-…}` in a text refers to the member with this user id. Clients look up the id when writing, and
//! the name when displaying: names and addresses may be reassigned.

use std::collections::BTreeSet;

use uuid::Uuid;

/// Maximum number of mentions that are notified per text.
const MAX_MENTIONS: usize = 50;

/// Ids of the users that a text mentions.
pub(super) fn mentions(text: &str) -> BTreeSet<Uuid> {
    let ids = text.split("@{").skip(1).filter_map(|rest| rest.split_once('}')?.0.parse().ok());
    ids.take(MAX_MENTIONS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_mentions_members_by_their_ids_and_in_no_other_way() {
        let (ana, ben) = (Uuid::now_v7(), Uuid::now_v7());
        let text = format!(
            "Ask @{{{ana}}}, (@{{{ben}}}) or @{{{ana}}}; not @ana, @{{ana}}, @{ana} or {{{ana}}}, @{{"
        );
        assert_eq!(mentions(&text), BTreeSet::from([ana, ben]));
        assert!(mentions("").is_empty());
        let crowd: String = (0..60).map(|_| format!("@{{{}}}", Uuid::now_v7())).collect();
        assert_eq!(mentions(&crowd).len(), MAX_MENTIONS);
    }
}
