//! Contacts: people at a client or a supplier.

mod channel;

use db::{FromRow, Json, TenantTx};
use kernel::{Id, UserId};
use resource::{Field, Kind, Related, Resource};
use serde::{Deserialize, Serialize};
use time::Date;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use validator::Validate;
use web::ResourceName;

use crate::{App, about, clients::Client, refusal::Rule, suppliers::Supplier, validators};
pub use channel::{Email, EmailKind, Phone, PhoneKind};

/// A person at a client or a supplier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, FromRow, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each consent is given and taken back by itself")]
pub struct Contact {
    /// Client that the person works for.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub client_id: Option<Id<Client>>,
    /// Supplier that the person works for.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub supplier_id: Option<Id<Supplier>>,
    /// First name of the person.
    #[validate(length(min = 1, max = 100))]
    #[schema(example = "Ana", min_length = 1, max_length = 100)]
    pub first_name: String,
    /// Last name of the person.
    #[validate(length(min = 1, max = 100))]
    #[schema(min_length = 1, max_length = 100)]
    pub last_name: Option<String>,
    /// Job title of the person at the client or supplier.
    #[validate(length(min = 1, max = 200))]
    #[schema(min_length = 1, max_length = 200)]
    pub job_title: Option<String>,
    /// Whether this is the primary contact; each client and each supplier has at most one.
    #[serde(default)]
    pub is_primary: bool,
    /// E-mail addresses of the person.
    #[serde(default)]
    #[column(json)]
    #[validate(length(max = 20))]
    #[schema(max_items = 20)]
    pub emails: Vec<Email>,
    /// Telephone numbers of the person.
    #[serde(default)]
    #[column(json)]
    #[validate(length(max = 20))]
    #[schema(max_items = 20)]
    pub phones: Vec<Phone>,
    /// Date of birth of the person.
    #[serde(default, with = "validators::iso_8601::option")]
    #[validate(custom(function = "validators::supported_date"))]
    pub birthday: Option<Date>,
    /// Consent to be contacted by e-mail.
    #[serde(default)]
    pub email_consent: bool,
    /// Consent to be contacted by telephone.
    #[serde(default)]
    pub phone_consent: bool,
    /// Consent to receive marketing.
    #[serde(default)]
    pub marketing_consent: bool,
    /// Member of the account who is responsible for the contact.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub owner_id: Option<UserId>,
    /// Free-text notes on the contact.
    #[validate(length(min = 1, max = 10_000))]
    #[schema(min_length = 1, max_length = 10_000)]
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

impl ResourceName for Contact {
    const NAME: &'static str = "contact";
}

impl Resource for Contact {
    const TABLE: &'static str = "contacts";
    const OWNER: &'static str = "owner_id";
    const SEARCH_FIELDS: &'static [&'static str] =
        &["first_name", "last_name", "job_title", "emails", "phones", "notes"];
    const RELATIONS: &'static [Related] = &[
        Related::new::<Client>("client", "client_id").judging(&["is_primary"]),
        Related::new::<Supplier>("supplier", "supplier_id").judging(&["is_primary"]),
    ];
    const FIELDS: &'static [Field<Self>] = &[
        Field::new("client_id", Kind::Id, |contact, row| row.bind(contact.client_id)),
        Field::new("supplier_id", Kind::Id, |contact, row| row.bind(contact.supplier_id)),
        Field::required("first_name", Kind::Text, |contact, row| row.bind(&contact.first_name)),
        Field::new("last_name", Kind::Text, |contact, row| row.bind(&contact.last_name)),
        Field::new("job_title", Kind::Text, |contact, row| row.bind(&contact.job_title)),
        Field::required("is_primary", Kind::Boolean, |contact, row| row.bind(contact.is_primary)),
        Field::required("emails", Kind::Json, |contact, row| row.bind(Json(&contact.emails))),
        Field::required("phones", Kind::Json, |contact, row| row.bind(Json(&contact.phones))),
        Field::new("birthday", Kind::Date, |contact, row| row.bind(contact.birthday)),
        Field::required("email_consent", Kind::Boolean, |contact, row| row.bind(contact.email_consent)),
        Field::required("phone_consent", Kind::Boolean, |contact, row| row.bind(contact.phone_consent)),
        Field::required("marketing_consent", Kind::Boolean, |contact, row| {
            row.bind(contact.marketing_consent);
        }),
        Field::member("owner_id", |contact, row| row.bind(contact.owner_id)),
        Field::new("notes", Kind::Text, |contact, row| row.bind(&contact.notes)),
    ];
    type Refusal = Rule;

    fn set_default_owner(&mut self, person: UserId) {
        self.owner_id.get_or_insert(person);
    }

    async fn purge_dependents(tx: &mut TenantTx, id: Id<Self>) -> db::Result<()> {
        about::purge(tx, id).await
    }

    fn constraint(name: &str) -> Option<Rule> {
        Rule::find(RULES, name)
    }
}

pub(crate) fn router() -> OpenApiRouter<App> {
    resource::crud::<Contact, App>()
}
