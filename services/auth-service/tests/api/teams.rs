use auth_service::teams::Team;
use serde_json::json;

use crate::nexo;

#[tokio::test]
async fn teams_are_kept() {
    let sample = |_: &testkit::TestUser| json!({ "name": "North" });
    testkit::assert_resource_contract_without_bulk::<Team>(&nexo().await, sample, json!({ "name": "South" }))
        .await;
}
