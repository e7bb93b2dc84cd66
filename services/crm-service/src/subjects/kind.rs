use db::SubjectKind;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    clients::Client, contacts::Contact, employees::Employee, professionals::Professional, projects::Project,
    suppliers::Supplier, tasks::Task,
};

/// The sort of record that something is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum SubjectType {
    /// Whom the account sells to.
    Client,
    /// Somebody at a client or a supplier.
    Contact,
    /// Whom the account buys from.
    Supplier,
    /// Who works for it.
    Employee,
    /// Who works with it.
    Professional,
    /// What is worked on.
    Project,
    /// What is to be done.
    Task,
}

/// The same, as the engine knows them: what is about a record follows it.
pub(crate) const KINDS: &[SubjectKind] = &[
    SubjectKind::of::<Client>(),
    SubjectKind::of::<Contact>(),
    SubjectKind::of::<Supplier>(),
    SubjectKind::of::<Employee>(),
    SubjectKind::of::<Professional>(),
    SubjectKind::of::<Project>(),
    SubjectKind::of::<Task>(),
];

impl SubjectType {
    /// Every sort, as it is written.
    pub(crate) const WORDS: &'static [&'static str] =
        &["client", "contact", "supplier", "employee", "professional", "project", "task"];
}

#[cfg(test)]
mod tests {
    use identity::Permissions;

    use super::*;
    use crate::{activities::Activity, notes::Note};

    #[test]
    fn every_sort_of_subject_is_one_that_the_engine_follows() {
        let kinds: Vec<&str> = KINDS.iter().map(SubjectKind::name).collect();
        assert_eq!(kinds, SubjectType::WORDS);
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
