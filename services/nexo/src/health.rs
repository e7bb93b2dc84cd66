use std::process::ExitCode;

use hyper::Uri;

use crate::say;

/// Exit code 0: ready. 1: not ready, or not there.
pub(crate) async fn check(url: Uri) -> anyhow::Result<ExitCode> {
    match web::ask(url.clone()).await {
        Ok(()) => {
            say::line(&format!("{url} is ready"));
            Ok(ExitCode::SUCCESS)
        }
        Err(unready) => {
            say::problem(&say::causes(&unready.into()));
            Ok(ExitCode::from(1))
        }
    }
}
