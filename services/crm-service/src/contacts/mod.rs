//! Contacts: people at a client or a supplier.

mod channel;

use db::{Field, Kind, Related, Resource, TenantTx};
use kernel::{Id, UserId};
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, types::Json};
use time::Date;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use validator::Validate;

use crate::{App, clients::Client, form, rule::Rule, subjects, suppliers::Supplier};
pub use channel::{Email, EmailKind, Phone, PhoneKind};

/// What an account keeps about a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, FromRow, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each consent is given and taken back by itself")]
pub struct Contact {
    /// The client they work for.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub client_id: Option<Id<Client>>,
    /// The supplier they work for.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub supplier_id: Option<Id<Supplier>>,
    /// What friends call them.
    #[validate(length(min = 1, max = 100))]
    pub first_name: String,
    /// The rest of their name.
    #[validate(length(min = 1, max = 100))]
    pub last_name: Option<String>,
    /// What they do there.
    #[validate(length(min = 1, max = 200))]
    pub job_title: Option<String>,
    /// Whom to ask first: one person of each client and of each supplier.
    #[serde(default)]
    pub is_primary: bool,
    /// Where they are written to.
    #[serde(default)]
    #[sqlx(json)]
    #[validate(length(max = 20), nested)]
    pub emails: Vec<Email>,
    /// Where they are called.
    #[serde(default)]
    #[sqlx(json)]
    #[validate(length(max = 20), nested)]
    pub phones: Vec<Phone>,
    /// When to congratulate.
    #[serde(default, with = "form::iso_8601::option")]
    #[validate(custom(function = "form::day"))]
    pub birthday: Option<Date>,
    /// Whether they want to be written to.
    #[serde(default)]
    pub email_consent: bool,
    /// Whether they want to be called.
    #[serde(default)]
    pub phone_consent: bool,
    /// Whether they want to hear what else there is.
    #[serde(default)]
    pub marketing_consent: bool,
    /// The member of the account who looks after them.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub owner_id: Option<UserId>,
    /// Anything else.
    #[validate(length(min = 1, max = 10_000))]
    pub notes: Option<String>,
}

const RULES: &[(&str, Rule)] = &[
    (
        "uq_contacts_client_primary",
        Rule::conflict("contact-primary-taken", "/is_primary", "the client has another primary contact"),
    ),
    (
        "uq_contacts_supplier_primary",
        Rule::conflict("contact-primary-taken", "/is_primary", "the supplier has another primary contact"),
    ),
    (
        "fk_contacts_client",
        Rule::invalid("contact-client-unknown", "/client_id", "this account has no such client"),
    ),
    (
        "fk_contacts_supplier",
        Rule::invalid("contact-supplier-unknown", "/supplier_id", "this account has no such supplier"),
    ),
    (
        "fk_contacts_owner",
        Rule::invalid("contact-owner-not-a-member", "/owner_id", "the owner is not a member of this account"),
    ),
];

impl Resource for Contact {
    const NAME: &'static str = "contact";
    const PLURAL: &'static str = "contacts";
    const OWNER: &'static str = "owner_id";
    const SEARCHED: &'static [&'static str] =
        &["first_name", "last_name", "job_title", "emails", "phones", "notes"];
    const RELATED: &'static [Related] = &[
        Related::to::<Client>("client", "client_id").judging(&["is_primary"]),
        Related::to::<Supplier>("supplier", "supplier_id").judging(&["is_primary"]),
    ];
    const FIELDS: &'static [Field<Self>] = &[
        Field::new("client_id", Kind::Id, |contact, row| row.put(contact.client_id)),
        Field::new("supplier_id", Kind::Id, |contact, row| row.put(contact.supplier_id)),
        Field::required("first_name", Kind::Text, |contact, row| row.put(&contact.first_name)),
        Field::new("last_name", Kind::Text, |contact, row| row.put(&contact.last_name)),
        Field::new("job_title", Kind::Text, |contact, row| row.put(&contact.job_title)),
        Field::required("is_primary", Kind::Boolean, |contact, row| row.put(contact.is_primary)),
        Field::required("emails", Kind::Json, |contact, row| row.put(Json(&contact.emails))),
        Field::required("phones", Kind::Json, |contact, row| row.put(Json(&contact.phones))),
        Field::new("birthday", Kind::Date, |contact, row| row.put(contact.birthday)),
        Field::required("email_consent", Kind::Boolean, |contact, row| row.put(contact.email_consent)),
        Field::required("phone_consent", Kind::Boolean, |contact, row| row.put(contact.phone_consent)),
        Field::required("marketing_consent", Kind::Boolean, |contact, row| {
            row.put(contact.marketing_consent);
        }),
        Field::new("owner_id", Kind::Id, |contact, row| row.put(contact.owner_id)),
        Field::new("notes", Kind::Text, |contact, row| row.put(&contact.notes)),
    ];
    type Refusal = Rule;

    fn own(&mut self, person: UserId) {
        self.owner_id.get_or_insert(person);
    }

    async fn take_along(tx: &mut TenantTx, id: Id<Self>) -> db::Result<()> {
        subjects::purge(tx, id).await
    }

    fn constraint(name: &str) -> Option<Rule> {
        Rule::of(RULES, name)
    }
}

pub(crate) fn router() -> OpenApiRouter<App> {
    web::crud::<Contact, App>().merge(subjects::router::<Contact>())
}
