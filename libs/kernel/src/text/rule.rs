/// A rule of a format. Its code and message are part of the API.
#[derive(Debug)]
pub struct TextRule {
    /// Code of a violation, which never changes.
    pub code: &'static str,
    /// Description of the expected form, for people.
    pub message: &'static str,
    pub(super) holds: fn(&str) -> bool,
}
