use migrate::{DatabaseLocale, MigrationStatus, Release, State, Status, locale_problem, status};
use serde::Serialize;
use sqlx::{Connection as _, FromRow, PgConnection, postgres::PgConnectOptions};

use super::{Context, status::words};
use crate::output;

/// Versions of all components, and whether they are compatible.
#[derive(Debug, Serialize)]
struct VersionReport {
    nexo: String,
    postgresql: Server,
    database: Database,
    schema: Schema,
    row_security: RowSecurity,
    extensions: Vec<Extension>,
    roles: Vec<Role>,
    compatible: bool,
}

#[derive(Debug, Serialize)]
struct Server {
    version: String,
    supported: bool,
    /// Why the server is not supported, and the remedy.
    problem: Option<String>,
    /// Oldest supported minor release of each major release.
    oldest_supported: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Database {
    locale: Option<DatabaseLocale>,
    /// Why NEXO cannot use the database, and the remedy.
    problem: Option<String>,
}

#[derive(Debug, Serialize)]
struct Schema {
    version: Option<String>,
    /// Oldest schema that this program supports.
    minimum: Option<String>,
    /// Newest supported schema, as recorded in this database.
    maximum: Option<String>,
    serves: bool,
    /// Migrations that are not properly applied: pending, failed, edited, renamed or unknown.
    problems: Vec<String>,
}

#[derive(Debug, Serialize, FromRow)]
struct RowSecurity {
    tables: i64,
    enabled: i64,
    forced: i64,
    policies: i64,
}

#[derive(Debug, Serialize, FromRow)]
struct Extension {
    name: String,
    version: String,
}

#[derive(Debug, Serialize, FromRow)]
struct Role {
    name: String,
    login: bool,
    bypasses_row_security: bool,
}

pub(super) async fn run(context: &mut Context) -> anyhow::Result<bool> {
    let migrations = context.migrations()?;
    let target = context.target().await?;
    let asked = async {
        let status = status(&target.migrator, &migrations, Release::ours()).await?;
        let minimum = migrations.latest().map(ToString::to_string);
        ask(&target.migrator, &status, minimum).await
    };
    let asked = asked.await;
    target.leave().await?;
    let versions = asked?;
    if context.json {
        output::json(&versions)?;
    } else {
        show(&versions);
    }
    Ok(versions.compatible)
}

async fn ask(
    database: &PgConnectOptions,
    status: &Status,
    minimum: Option<String>,
) -> anyhow::Result<VersionReport> {
    let mut conn = PgConnection::connect_with(database).await?;
    let (version, number): (String, String) =
        sqlx::query_as("select current_setting('server_version'), current_setting('server_version_num')")
            .fetch_one(&mut conn)
            .await?;
    let problem = ::db::server_problem(number.parse().unwrap_or_default());
    let name = database.get_database().unwrap_or_default();
    let locale = DatabaseLocale::read(&mut conn, name).await?;
    let unfit = locale_problem(&mut conn).await?.map(|problem| problem.to_string());
    let row_security = sqlx::query_as(
        "select count(*) as tables, count(*) filter (where relrowsecurity) as enabled,
                count(*) filter (where relforcerowsecurity) as forced,
                (select count(*) from pg_policy p join pg_class t on t.oid = p.polrelid
                 join pg_namespace s on s.oid = t.relnamespace where s.nspname in ('app', 'app_parts')) as policies
         from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where c.relkind in ('r', 'p') and n.nspname in ('app', 'app_parts')",
    )
    .fetch_one(&mut conn)
    .await?;
    let extensions =
        sqlx::query_as("select extname::text as name, extversion as version from pg_extension order by 1")
            .fetch_all(&mut conn)
            .await?;
    let roles = sqlx::query_as(
        "select rolname::text as name, rolcanlogin as login, rolbypassrls as bypasses_row_security
         from pg_roles where rolname like 'nexo\\_%' order by 1",
    )
    .fetch_all(&mut conn)
    .await?;
    conn.close().await?;
    let schema = schema(status, minimum);
    Ok(VersionReport {
        nexo: env!("CARGO_PKG_VERSION").to_owned(),
        compatible: schema.serves && problem.is_none() && unfit.is_none(),
        database: Database { locale, problem: unfit },
        postgresql: Server {
            version,
            supported: problem.is_none(),
            problem,
            oldest_supported: ::db::OLDEST_SERVERS
                .iter()
                .map(|(major, minor)| format!("{major}.{minor}"))
                .collect(),
        },
        schema,
        row_security,
        extensions,
        roles,
    })
}

fn schema(status: &Status, minimum: Option<String>) -> Schema {
    let stands = |state: &State| {
        matches!(state, State::Applied | State::Newer | State::Missing | State::Edited { .. })
    };
    let newest = |wanted: &dyn Fn(&State) -> bool| {
        status.migrations.iter().filter(|line| wanted(&line.state)).map(|line| line.version.clone()).max()
    };
    let allowed = newest(&|state| matches!(state, State::Newer));
    Schema {
        version: newest(&stands),
        maximum: allowed.or_else(|| minimum.clone()),
        minimum,
        serves: status.is_current(),
        problems: problems(status),
    }
}

/// Locale provider and locale, such as `libc C.UTF-8`.
fn provider(locale: &DatabaseLocale) -> String {
    format!("{} {}", locale.provider, locale.locale.as_ref().unwrap_or(&locale.ctype))
}

fn problems(status: &Status) -> Vec<String> {
    let wrong = |line: &&MigrationStatus| !matches!(line.state, State::Applied | State::Newer);
    let lines = status.migrations.iter().filter(wrong);
    let lines = lines.map(|line| format!("{}  {:<24} {}", line.version, line.name, words(&line.state)));
    lines.chain(status.tampered.iter().map(|why| format!("the history was changed by hand: {why}"))).collect()
}

fn show(versions: &VersionReport) {
    let VersionReport { nexo, postgresql, database, schema, row_security, .. } = versions;
    let or_none = |version: &Option<String>| version.clone().unwrap_or_else(|| "none".to_owned());
    let fits = |yes: bool| if yes { "fits" } else { "DOES NOT FIT" };
    output::line(&format!("{:<14} {:<16} {:<42} ", "part", "here", "NEXO works with"));
    output::line(&format!("{:<14} {nexo:<16}", "NEXO"));
    let (from, to) = (or_none(&schema.minimum), or_none(&schema.maximum));
    let serves = format!("{from} to {to}");
    let (here, fit) = (or_none(&schema.version), fits(schema.serves));
    output::line(&format!("{:<14} {here:<16} {serves:<42} {fit}", "schema"));
    schema.problems.iter().for_each(|problem| output::line(&format!("  {problem}")));
    let oldest = format!("{} or newer", postgresql.oldest_supported.join(", "));
    let (here, fit) = (&postgresql.version, fits(postgresql.supported));
    let here: String = here.split_whitespace().next().unwrap_or_default().to_owned();
    output::line(&format!("{:<14} {here:<16} {oldest:<42} {fit}", "PostgreSQL"));
    postgresql.problem.iter().for_each(|problem| output::line(&format!("  {problem}")));
    let (encoding, provider) = database
        .locale
        .as_ref()
        .map_or(("", String::new()), |locale| (locale.encoding.as_str(), provider(locale)));
    let fit = fits(database.problem.is_none());
    output::line(&format!("{:<14} {encoding:<16} {provider:<42} {fit}", "database"));
    database.problem.iter().for_each(|problem| output::line(&format!("  {}", problem.replace('\n', "\n  "))));
    let RowSecurity { tables, enabled, forced, policies } = row_security;
    output::line(&format!(
        "row security   on {enabled} of {tables} tables, forced on {forced}, {policies} policies"
    ));
    let extensions: Vec<_> = versions
        .extensions
        .iter()
        .map(|extension| format!("{} {}", extension.name, extension.version))
        .collect();
    output::line(&format!("extensions     {}", extensions.join(", ")));
    let roles = versions.roles.iter().map(|role| {
        let kind = if role.login { "" } else { " (no login)" };
        format!(
            "{}{kind}{}",
            role.name,
            if role.bypasses_row_security { " (bypasses row security)" } else { "" }
        )
    });
    output::line(&format!("roles          {}", roles.collect::<Vec<_>>().join(", ")));
}
