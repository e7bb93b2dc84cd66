//! `nexo openapi`: the API document, without a server and without a database.

use std::process::ExitCode;

use api_gateway::openapi::{Conflict, merge, own_document};
use serde_json::Value;

use crate::say;

/// The document as the gateway serves it, and what its parts define in two ways.
pub(crate) fn document() -> serde_json::Result<(Value, Vec<Conflict>)> {
    let auth = serde_json::to_value(auth_service::document())?;
    let crm = serde_json::to_value(crm_service::document())?;
    Ok(merge([auth, crm, own_document()?]))
}

/// Prints it. Exit code 1 if its parts contradict each other.
pub(crate) fn run() -> anyhow::Result<ExitCode> {
    let (document, conflicts) = document()?;
    for conflict in &conflicts {
        say::problem(&conflict.to_string());
    }
    say::line(&serde_json::to_string_pretty(&document)?);
    Ok(if conflicts.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}
