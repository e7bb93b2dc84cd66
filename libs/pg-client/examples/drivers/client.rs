use std::{env, str::FromStr, sync::LazyLock};

use postgres_types::FromSqlOwned;
use rust_decimal::Decimal;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::form::Result;

const COLUMNS: &str = "id, version, created_at, created_by, updated_at, updated_by, name, email, phone, company, tax_id, \
    industry, rating, website, billing_street, billing_city, billing_region, billing_postal_code, billing_country, \
    credit_limit, currency, status, owner_id, notes";
/// Columns of a new client that are text, and a value of each.
pub(crate) const TEXTS: [(&str, &str); 13] = [
    ("name", "Client"),
    ("email", "client@acme.test"),
    ("phone", "+34 600 000"),
    ("company", "Company"),
    ("industry", "industry"),
    ("website", "https://acme.test/"),
    ("billing_street", "1 Road"),
    ("billing_city", "City"),
    ("billing_postal_code", "29000"),
    ("billing_country", "Spain"),
    ("currency", "EUR"),
    ("status", "lead"),
    ("notes", "Notes about a client"),
];

/// Takes account and id.
pub(crate) static GET: LazyLock<String> = LazyLock::new(|| {
    format!("select {COLUMNS} from app.clients where account_id = $1 and id = $2 and deleted_at is null")
});
/// Takes the account.
pub(crate) static LIST: LazyLock<String> = LazyLock::new(|| {
    format!(
        "select {COLUMNS} from app.clients where account_id = $1 and deleted_at is null \
         order by created_at desc, id desc limit 21"
    )
});
/// Takes account, id, user and the [`TEXTS`].
pub(crate) static CREATE: LazyLock<String> = LazyLock::new(|| {
    let names: Vec<_> = TEXTS.iter().map(|(name, _)| *name).collect();
    let values: Vec<_> = (4..TEXTS.len() + 4).map(|at| format!("${at}")).collect();
    format!(
        "insert into app.clients (account_id, id, created_by, updated_by, rating, credit_limit, {}) \
         values ($1, $2, $3, $3, 3, 1000, {}) returning {COLUMNS}",
        names.join(", "),
        values.join(", ")
    )
});
/// As in `libs/db/src/context.rs`; takes account, session and epoch.
pub(crate) const ADMIT: &str = "select app.refuse_session() where not exists (
    select from app.sessions where account_id = $1 and id = $2 and epoch = $3 and revoked_at is null and expires_at > now())";
/// As [`ADMIT`], for a write.
pub(crate) const ADMIT_WRITE: &str = "select app.refuse_session() where not exists (
    select from app.sessions where account_id = $1 and id = $2 and epoch = $3 and revoked_at is null and expires_at > now())
    union all select app.refuse_write(m.reason, m.until) from ops.maintenance m where m.until > now()";

/// A row, with every value decoded.
#[derive(Debug, sqlx::FromRow)]
#[expect(dead_code, reason = "decoded, and measured for that")]
pub(crate) struct Client {
    pub(crate) id: Uuid,
    version: i64,
    created_at: OffsetDateTime,
    created_by: Uuid,
    updated_at: OffsetDateTime,
    updated_by: Uuid,
    name: String,
    email: Option<String>,
    phone: Option<String>,
    company: Option<String>,
    tax_id: Option<String>,
    industry: Option<String>,
    rating: Option<i32>,
    website: Option<String>,
    billing_street: Option<String>,
    billing_city: Option<String>,
    billing_region: Option<String>,
    billing_postal_code: Option<String>,
    billing_country: Option<String>,
    credit_limit: Option<Decimal>,
    currency: Option<String>,
    status: String,
    owner_id: Option<Uuid>,
    notes: Option<String>,
}

/// Values of a row, one after the other.
pub(crate) trait Values {
    fn next<T: FromSqlOwned>(&mut self) -> Result<T>;
}

impl Client {
    pub(crate) fn read(mut row: impl Values) -> Result<Self> {
        Ok(Self {
            id: row.next()?,
            version: row.next()?,
            created_at: row.next()?,
            created_by: row.next()?,
            updated_at: row.next()?,
            updated_by: row.next()?,
            name: row.next()?,
            email: row.next()?,
            phone: row.next()?,
            company: row.next()?,
            tax_id: row.next()?,
            industry: row.next()?,
            rating: row.next()?,
            website: row.next()?,
            billing_street: row.next()?,
            billing_city: row.next()?,
            billing_region: row.next()?,
            billing_postal_code: row.next()?,
            billing_country: row.next()?,
            credit_limit: row.next()?,
            currency: row.next()?,
            status: row.next()?,
            owner_id: row.next()?,
            notes: row.next()?,
        })
    }
}

/// Account, user and session of a request, and the client that it reads.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) account: Uuid,
    pub(crate) user: Uuid,
    pub(crate) session: Uuid,
    pub(crate) epoch: i32,
    pub(crate) client: Uuid,
}

impl FromStr for Caller {
    type Err = Box<dyn std::error::Error + Send + Sync>;

    fn from_str(line: &str) -> Result<Self> {
        let [account, user, session, epoch, client] = line.split(' ').collect::<Vec<_>>()[..] else {
            return Err("a caller has five fields".into());
        };
        Ok(Self {
            account: account.parse()?,
            user: user.parse()?,
            session: session.parse()?,
            epoch: epoch.parse()?,
            client: client.parse()?,
        })
    }
}

/// Address of the server, and the role.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) database: String,
}

impl Server {
    #[expect(clippy::disallowed_methods, reason = "the variables are libpq's")]
    pub(crate) fn read() -> Result<Self> {
        Ok(Self {
            host: env::var("PGHOST")?,
            port: env::var("PGPORT")?.parse()?,
            user: env::var("PGUSER")?,
            password: env::var("PGPASSWORD")?,
            database: env::var("PGDATABASE")?,
        })
    }
}
