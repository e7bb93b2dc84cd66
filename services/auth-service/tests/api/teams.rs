use auth_service::teams::Team;
use serde_json::json;

use crate::nexo;

#[tokio::test]
async fn teams_are_kept() {
    let sample = |_: &testkit::Person| json!({ "name": "North" });
    testkit::keeps_one_by_one::<Team>(&nexo().await, sample, json!({ "name": "South" })).await;
}
