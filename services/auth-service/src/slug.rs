//! Slugs: an account's name in URLs, derived from its display name.

/// Leaves room for `-2` and the like in the 48 characters that a slug may have.
const MAX_SLUG_CHARS: usize = 40;

/// `Café & Söhne GmbH` becomes `cafe-sohne-gmbh`; a name without any letter becomes `account`.
pub(crate) fn slug(name: &str) -> String {
    let latin = deunicode::deunicode(name).to_ascii_lowercase();
    let words = latin.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let whole = words.collect::<Vec<_>>().join("-");
    let short = whole.get(..MAX_SLUG_CHARS).unwrap_or(&whole).trim_end_matches('-'); // ASCII: every index is a boundary
    if short.is_empty() { "account".to_owned() } else { short.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_is_made_of_what_an_address_can_show() {
        for (name, wanted) in [
            ("Café & Söhne GmbH", "cafe-sohne-gmbh"),
            ("  --  ", "account"),
            ("株式会社", "zhu-shi-hui-she"),
            ("A", "a"),
            ("x'; drop table", "x-drop-table"),
        ] {
            assert_eq!(slug(name), wanted);
        }
        assert!(slug(&"word ".repeat(40)).len() <= MAX_SLUG_CHARS);
    }
}
