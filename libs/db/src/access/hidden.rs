use identity::Permissions;
use serde_json::Value;

/// Fields that cannot be hidden: reading, updating and paging records need them.
const NEVER_HIDDEN: [&str; 3] = ["id", "version", "created_at"];

/// Fields of one resource that the caller may not see.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HiddenFields(Vec<String>);

impl HiddenFields {
    /// Fields of the resource with this name that none of the roles behind `permissions` shows.
    #[must_use]
    pub fn named(resource: &str, permissions: &Permissions) -> Self {
        let hidden = permissions.hidden().iter();
        let own = hidden.filter_map(|field| field.strip_prefix(resource)?.strip_prefix('.'));
        Self(own.filter(|field| !NEVER_HIDDEN.contains(field)).map(ToOwned::to_owned).collect())
    }

    /// The fields in alphabetical order.
    pub(super) fn sorted(mut self) -> Vec<String> {
        self.0.sort_unstable();
        self.0
    }

    /// Whether no field is hidden.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `field` is hidden from the caller.
    #[must_use]
    pub fn hide(&self, field: &str) -> bool {
        self.0.iter().any(|hidden| hidden == field)
    }

    /// Returns the first hidden field that `value`, an object as the client sent it, contains.
    #[must_use]
    pub fn first_set_in(&self, value: &Value) -> Option<&str> {
        self.0.iter().find(|field| value.get(field).is_some()).map(String::as_str)
    }

    /// Removes the hidden fields from a record or from an object of fields.
    pub fn mask(&self, value: &mut Value) {
        if let Value::Object(fields) = value {
            for field in &self.0 {
                fields.remove(field);
            }
        }
    }
}
