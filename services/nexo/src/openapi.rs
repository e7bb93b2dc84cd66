//! `nexo openapi`: prints the API document, without a server and without a database.

use std::process::ExitCode;

use api_gateway::openapi::{Conflict, merge, own_document};
use serde_json::Value;

use crate::{exit_code, output};

/// The merged document, as served by the gateway, and conflicting definitions in its parts.
pub(crate) fn document() -> serde_json::Result<(Value, Vec<Conflict>)> {
    let auth = serde_json::to_value(auth_service::document())?;
    let crm = serde_json::to_value(crm_service::document())?;
    Ok(merge([auth, crm, own_document()?]))
}

/// Prints the document. Exit code 1 if its parts conflict.
pub(crate) fn run() -> anyhow::Result<ExitCode> {
    let (document, conflicts) = document()?;
    for conflict in &conflicts {
        output::problem(&conflict.to_string());
    }
    output::line(&serde_json::to_string_pretty(&document)?);
    Ok(if conflicts.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(exit_code::NO) })
}
