use db::SubjectKind;
use serde::{Deserialize, Serialize};
use strum::VariantNames;
use utoipa::ToSchema;

use crate::{
    clients::Client, contacts::Contact, employees::Employee, professionals::Professional, projects::Project,
    suppliers::Supplier, tasks::Task,
};

/// Type of the record that something is about.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type, ToSchema, VariantNames,
)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum SubjectType {
    /// A client of the account.
    Client,
    /// A person at a client or a supplier.
    Contact,
    /// A supplier of the account.
    Supplier,
    /// An employee of the account.
    Employee,
    /// A professional whom the account books.
    Professional,
    /// A project for a client.
    Project,
    /// A task of a member of the account.
    Task,
}

/// The subject types as resource kinds. Access to a note or activity follows access to its subject.
pub(crate) const KINDS: &[SubjectKind] = &[
    SubjectKind::new::<Client>(),
    SubjectKind::new::<Contact>(),
    SubjectKind::new::<Supplier>(),
    SubjectKind::new::<Employee>(),
    SubjectKind::new::<Professional>(),
    SubjectKind::new::<Project>(),
    SubjectKind::new::<Task>(),
];

#[cfg(test)]
mod tests {
    use identity::Permissions;

    use super::*;
    use crate::{activities::Activity, notes::Note};

    #[test]
    fn every_sort_of_subject_is_one_that_the_engine_follows() {
        let kinds: Vec<&str> = KINDS.iter().map(SubjectKind::name).collect();
        assert_eq!(kinds, SubjectType::VARIANTS);
    }

    #[test]
    fn only_who_reads_every_sort_of_subject_reads_every_note() {
        let reads = |held: &str| {
            let permissions = Permissions::new(held.split(' '));
            [db::reads_all::<Note>(&permissions), db::reads_all::<Activity>(&permissions)]
        };
        assert_eq!(reads("*:read"), [true, true]);
        let subjects: Vec<String> = KINDS.iter().map(|kind| format!("{}:read", kind.name())).collect();
        for without in 0..subjects.len() {
            let mut held = subjects.clone();
            held.push("note:* activity:*".to_owned());
            assert_eq!(reads(&held.join(" ")), [true, true]);
            held[without].push_str("@own");
            assert_eq!(reads(&held.join(" ")), [false, false]);
        }
    }
}
