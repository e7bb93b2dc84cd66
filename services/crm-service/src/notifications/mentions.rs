//! `@{0199a3c4-…}` in a text: the member of the account who has this user id. Whoever writes it looks the member up, and
//! whoever shows it puts the name there; a name or an address would mean somebody else one day.

use std::collections::BTreeSet;

use uuid::Uuid;

/// A text that mentions more people than this tells the first of them.
const MOST: usize = 50;

/// Whom a text mentions.
pub(super) fn mentions(text: &str) -> BTreeSet<Uuid> {
    let ids = text.split("@{").skip(1).filter_map(|rest| rest.split_once('}')?.0.parse().ok());
    ids.take(MOST).collect()
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
        assert_eq!(mentions(&crowd).len(), MOST);
    }
}
