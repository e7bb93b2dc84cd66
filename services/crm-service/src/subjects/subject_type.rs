use std::borrow::Cow;

use db::AccessTarget;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sqlx::{
    Encode, Postgres, Type,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgTypeInfo},
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type as SchemaType},
};

use crate::records::RECORDS;

const COUNT: usize = RECORDS.len();

/// Type of the record that something is about: one of `RECORDS`, by its name in permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SubjectType(&'static str);

impl SubjectType {
    /// Access control of all types of subjects. Access to a note or activity follows access to its subject.
    pub(crate) const TARGETS: &'static [AccessTarget] = Self::TARGETS_ARRAY;
    const TARGETS_ARRAY: &'static [AccessTarget; COUNT] = &targets();
    /// All types in their serialized form.
    pub(crate) const NAMES: &'static [&'static str] = &names();

    /// The type with this name.
    fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|known| **known == name).map(|known| Self(known))
    }

    /// Access control of the records of this type.
    pub(crate) fn target(self) -> &'static AccessTarget {
        let [first, rest @ ..] = Self::TARGETS_ARRAY;
        rest.iter().find(|target| target.name == self.0).unwrap_or(first) // a type is one of these
    }
}

#[expect(clippy::indexing_slicing, reason = "a const function has no other way, and fails at compile time")]
const fn targets() -> [AccessTarget; COUNT] {
    let mut targets = [RECORDS[0].access; COUNT];
    let mut at = 0;
    while at < COUNT {
        targets[at] = RECORDS[at].access;
        at += 1;
    }
    targets
}

#[expect(clippy::indexing_slicing, reason = "a const function has no other way, and fails at compile time")]
const fn names() -> [&'static str; COUNT] {
    let mut names = [""; COUNT];
    let mut at = 0;
    while at < COUNT {
        names[at] = RECORDS[at].access.name;
        at += 1;
    }
    names
}

impl Serialize for SubjectType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

impl<'de> Deserialize<'de> for SubjectType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = Cow::<'de, str>::deserialize(deserializer)?;
        Self::named(&name).ok_or_else(|| D::Error::unknown_variant(&name, Self::NAMES))
    }
}

impl Type<Postgres> for SubjectType {
    fn type_info() -> PgTypeInfo {
        <str as Type<Postgres>>::type_info()
    }

    fn compatible(info: &PgTypeInfo) -> bool {
        <str as Type<Postgres>>::compatible(info)
    }
}

impl Encode<'_, Postgres> for SubjectType {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        Encode::<Postgres>::encode_by_ref(&self.0, buffer)
    }
}

db::text_enum!(SubjectType);

impl PartialSchema for SubjectType {
    fn schema() -> RefOr<Schema> {
        let names = ObjectBuilder::new()
            .schema_type(SchemaType::String)
            .enum_values(Some(Self::NAMES.iter().copied()));
        names.description(Some("Type of the record that something is about.")).into()
    }
}

impl ToSchema for SubjectType {}

#[cfg(test)]
mod tests {
    use db::AccessScope;
    use identity::Permissions;
    use resource::Resource as _;

    use super::*;
    use crate::{activities::Activity, notes::Note};

    #[test]
    fn reading_every_note_needs_the_right_to_read_every_type_of_subject() {
        let reads = |held: &str| {
            let scope = AccessScope::new(Permissions::new(held.split(' ')));
            [Note::ACCESS, Activity::ACCESS].map(|target| scope.reads_all(&target))
        };
        assert_eq!(reads("*:read"), [true, true]);
        let subjects: Vec<String> = SubjectType::NAMES.iter().map(|name| format!("{name}:read")).collect();
        for without in 0..subjects.len() {
            let mut held = subjects.clone();
            held.push("note:* activity:*".to_owned());
            assert_eq!(reads(&held.join(" ")), [true, true]);
            held[without].push_str("@own");
            assert_eq!(reads(&held.join(" ")), [false, false]);
        }
    }
}
