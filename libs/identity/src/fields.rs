//! The fields that a role may hide: `client.credit_limit`.
//!
//! Common fields of all records (id, version, timestamps) are not included. A test of the crm-service compares
//! this list with its resources.

use std::str::FromStr;

use crate::{Permissions, catalogue};

/// Fields of one resource that a role may hide.
#[derive(Debug, Clone, Copy)]
pub struct HideableFields {
    /// Name of the resource in permissions.
    pub resource: &'static str,
    /// Fields that are optional in a new record.
    pub optional: &'static [&'static str],
    /// Fields that a new record requires: a role that may create records cannot hide them.
    pub required: &'static [&'static str],
}

/// All fields that a role may hide.
pub const HIDEABLE_FIELDS: &[HideableFields] = &[
    HideableFields {
        resource: "client",
        required: &["name"],
        optional: &[
            "email",
            "phone",
            "company",
            "tax_id",
            "industry",
            "rating",
            "website",
            "billing_street",
            "billing_city",
            "billing_region",
            "billing_postal_code",
            "billing_country",
            "credit_limit",
            "currency",
            "status",
            "owner_id",
            "notes",
        ],
    },
    HideableFields {
        resource: "contact",
        required: &["first_name"],
        optional: &[
            "client_id",
            "supplier_id",
            "last_name",
            "job_title",
            "is_primary",
            "emails",
            "phones",
            "birthday",
            "email_consent",
            "phone_consent",
            "marketing_consent",
            "owner_id",
            "notes",
        ],
    },
    HideableFields {
        resource: "employee",
        required: &["code", "first_name", "last_name"],
        optional: &[
            "email",
            "phone",
            "department",
            "position",
            "manager_id",
            "hire_date",
            "member_id",
            "hourly_rate",
            "currency",
            "skills",
        ],
    },
    HideableFields {
        resource: "professional",
        required: &["name", "time_zone"],
        optional: &[
            "email",
            "phone",
            "specialties",
            "skills",
            "services",
            "certifications",
            "rating",
            "portfolio_url",
            "currency",
            "weekly_hours",
            "exceptions",
            "status",
            "owner_id",
            "bio",
        ],
    },
    HideableFields {
        resource: "booking",
        required: &["professional_id", "title", "starts_at", "ends_at"],
        optional: &[
            "client_id",
            "project_id",
            "status",
            "outside_hours",
            "rate",
            "unit",
            "currency",
            "notes",
        ],
    },
    HideableFields {
        resource: "project",
        required: &["client_id", "name", "code"],
        optional: &[
            "description",
            "budget",
            "actual_cost",
            "currency",
            "progress",
            "starts_on",
            "ends_on",
            "status",
            "owner_id",
        ],
    },
    HideableFields {
        resource: "supplier",
        required: &["name"],
        optional: &[
            "email",
            "phone",
            "tax_id",
            "website",
            "payment_days",
            "lead_time_days",
            "rating",
            "categories",
            "currency",
            "external_ids",
            "street",
            "city",
            "region",
            "postal_code",
            "country",
            "owner_id",
            "notes",
        ],
    },
    HideableFields {
        resource: "supplier_relation",
        required: &["from_id", "to_id", "kind"],
        optional: &["notes"],
    },
    HideableFields {
        resource: "task",
        required: &["title"],
        optional: &[
            "project_id",
            "parent_id",
            "description",
            "assignee_id",
            "priority",
            "status",
            "due_at",
            "completed_at",
            "checklist",
        ],
    },
    HideableFields { resource: "note", required: &["subject_type", "subject_id", "body"], optional: &[] },
    HideableFields {
        resource: "activity",
        required: &["kind", "subject_type", "subject_id", "at", "summary"],
        optional: &["duration_minutes", "outcome"],
    },
    HideableFields { resource: "tag", required: &["name"], optional: &["colour"] },
];

/// Common fields of all records, which cannot be hidden.
const OF_EVERY_RECORD: &[&str] =
    &["id", "version", "created_at", "created_by", "updated_at", "updated_by", "deleted_at", "deleted_by"];

/// A field that a role hides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HiddenField {
    /// Name of the resource in permissions.
    pub resource: &'static str,
    /// Name of the field within the resource.
    pub field: &'static str,
    /// Whether a new record requires the field.
    pub required: bool,
}

/// Reason why a text does not name a hideable field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HiddenFieldError {
    /// The text has not the form `resource.field`.
    #[error("is not of the form client.credit_limit")]
    Form,
    /// The field is not in [`HIDEABLE_FIELDS`].
    #[error("is not a field of any resource (GET /api/v1/permissions)")]
    Unknown,
    /// The field is common to all records.
    #[error("cannot be hidden: every record has it, and nothing works without it")]
    OfEveryRecord,
}

impl FromStr for HiddenField {
    type Err = HiddenFieldError;

    fn from_str(text: &str) -> Result<Self, HiddenFieldError> {
        let (resource, field) = text.split_once('.').ok_or(HiddenFieldError::Form)?;
        if catalogue::is_record(resource) && OF_EVERY_RECORD.contains(&field) {
            return Err(HiddenFieldError::OfEveryRecord);
        }
        let of =
            HIDEABLE_FIELDS.iter().find(|of| of.resource == resource).ok_or(HiddenFieldError::Unknown)?;
        let among = |names: &'static [&'static str]| names.iter().copied().find(|name| *name == field);
        let found = |field, required| Self { resource: of.resource, field, required };
        match (among(of.required), among(of.optional)) {
            (Some(field), _) => Ok(found(field, true)),
            (_, Some(field)) => Ok(found(field, false)),
            _ => Err(HiddenFieldError::Unknown),
        }
    }
}

impl Permissions {
    /// First hidden field that is required for creating a record which these permissions allow to create.
    #[must_use]
    pub fn hidden_required_field(&self) -> Option<&str> {
        let needed = |text: &&String| {
            let field = text.parse::<HiddenField>().ok().filter(|field| field.required);
            field.is_some_and(|field| self.allow(field.resource, "write"))
        };
        self.hidden().iter().find(needed).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SUBJECTS;

    #[test]
    fn only_a_field_of_a_resource_is_hidden() {
        for (text, error) in [
            ("credit_limit", HiddenFieldError::Form),
            ("client.credit_limt", HiddenFieldError::Unknown),
            ("client.", HiddenFieldError::Unknown),
            ("role.name", HiddenFieldError::Unknown),
            ("spaceship.id", HiddenFieldError::Unknown),
            ("client.id", HiddenFieldError::OfEveryRecord),
            ("import.created_at", HiddenFieldError::OfEveryRecord),
        ] {
            assert_eq!(text.parse::<HiddenField>(), Err(error), "{text}");
        }
        let limit = HiddenField { resource: "client", field: "credit_limit", required: false };
        assert_eq!("client.credit_limit".parse(), Ok(limit));
        assert!("client.name".parse::<HiddenField>().unwrap().required);
    }

    #[test]
    fn a_required_field_can_be_hidden_only_without_the_right_to_create() {
        let hiding = |held: &[&str]| Permissions::new(held).hiding(["client.name".to_owned()]);
        assert_eq!(hiding(&["client:read", "client:delete"]).hidden_required_field(), None);
        assert_eq!(hiding(&["contact:write"]).hidden_required_field(), None);
        for held in ["client:write@own", "*:write", "*:*"] {
            assert_eq!(hiding(&[held]).hidden_required_field(), Some("client.name"), "{held}");
        }
    }

    #[test]
    fn fields_are_of_subjects_that_are_records_each_once() {
        for (at, of) in HIDEABLE_FIELDS.iter().enumerate() {
            assert!(SUBJECTS.iter().any(|subject| subject.records && subject.name == of.resource));
            assert!(HIDEABLE_FIELDS.iter().skip(at + 1).all(|other| other.resource != of.resource));
        }
    }
}
