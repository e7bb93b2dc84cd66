use migrate::diff;

use super::{Context, temp_server::TempServer};
use crate::output;

pub(super) async fn run(context: &mut Context) -> anyhow::Result<bool> {
    let migrations = context.migrations()?;
    let target = context.target().await?;
    let done = async {
        let scratch = TempServer::like(&target.migrator, &context.env).await?;
        Ok::<_, anyhow::Error>(diff(&target.migrator, &migrations, &scratch.migrator).await?)
    };
    let done = done.await;
    target.leave().await?;
    let drift = done?;
    let same = drift.differences.is_empty();
    if context.json {
        output::json(&drift)?;
        return Ok(same);
    }
    for difference in &drift.differences {
        output::line(&difference.to_string());
    }
    let version = drift.version.map_or_else(|| "an empty history".to_owned(), |version| version.to_string());
    match drift.differences.len() {
        0 => output::line(&format!(
            "the catalogue is what {version} gives (fingerprint {})",
            drift.fingerprint
        )),
        count => output::line(&format!("{count} differences from what {version} gives")),
    }
    Ok(same)
}
