//! Domains of public mailbox providers: an address there does not prove control of a company's domain.

/// One domain per line; comments start with `#`.
const LIST: &str = include_str!("public_mail.txt");

/// True if the lower-case domain, or a parent domain, is a public mailbox provider.
pub(super) fn is_public(domain: &str) -> bool {
    let domain = domain.trim_end_matches('.');
    let parts = std::iter::successors(Some(domain), |part| part.split_once('.').map(|(_, rest)| rest));
    parts.into_iter().any(|part| domains().any(|public| public == part))
}

fn domains() -> impl Iterator<Item = &'static str> {
    LIST.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_of_public_mailboxes_is_known_with_all_below_it() {
        for public in ["gmail.com", "outlook.com", "mail.yahoo.co.uk", "gmx.de", "gmail.com."] {
            assert!(is_public(public), "{public}");
        }
        for own in ["acme.test", "notgmail.com", "gmail.com.acme.test", "com", ""] {
            assert!(!is_public(own), "{own}");
        }
    }

    #[test]
    fn the_list_is_in_lower_case_sorted_and_without_doubles() {
        let all: Vec<_> = domains().collect();
        assert!(all.is_sorted_by(|one, next| one < next), "{all:?}");
        assert!(all.iter().all(|domain| domain.contains('.') && *domain == domain.to_lowercase()));
    }
}
