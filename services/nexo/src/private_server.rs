//! The private server that `nexo up` starts, and other commands use: its database, and the password of its roles.

use std::path::Path;

use pg_server::kept_secret;

/// Name of the database on the private server.
pub(crate) const DATABASE: &str = "nexo";

/// Password of the roles on the private server.
pub(crate) fn roles_password(home: &Path) -> anyhow::Result<String> {
    Ok(kept_secret(&home.join("roles.password"))?)
}
