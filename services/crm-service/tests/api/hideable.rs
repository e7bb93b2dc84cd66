//! The catalogue of hideable fields matches the fields of the resources.

use std::collections::BTreeSet;

use identity::{HIDEABLE_FIELDS, SUBJECTS};
use serde_json::Value;

/// Resources of the API document: name in permissions, and schema of the create request.
fn resources(document: &Value) -> Vec<(String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let plurals =
        paths.keys().filter_map(|path| path.strip_prefix("/api/v1/")?.strip_suffix("/{id}/restore"));
    let resource = |plural: &str| {
        let create = &paths[&format!("/api/v1/{plural}")]["post"];
        let name = create["operationId"].as_str().unwrap().strip_prefix("create_").unwrap();
        let schema = &create["requestBody"]["content"]["application/json"]["schema"]["$ref"];
        let schema = schema.as_str().unwrap().rsplit('/').next().unwrap();
        (name.to_owned(), document["components"]["schemas"][schema].clone())
    };
    plurals.map(resource).collect()
}

#[test]
fn every_field_of_every_resource_can_be_hidden_and_nothing_else() {
    let (_, document) = crm_service::api().split_for_parts();
    let resources = resources(&serde_json::to_value(&document).unwrap());
    let named: BTreeSet<&str> = resources.iter().map(|(name, _)| name.as_str()).collect();
    let known: BTreeSet<&str> = HIDEABLE_FIELDS.iter().map(|of| of.resource).collect();
    assert_eq!(named, known);
    let records = SUBJECTS.iter().filter(|subject| subject.records).map(|subject| subject.name);
    let without: Vec<&str> = records.filter(|name| !known.contains(name)).collect();
    assert_eq!(without, ["import"], "a file, whose fields are those of what it makes");

    for (name, schema) in &resources {
        let of = HIDEABLE_FIELDS.iter().find(|of| of.resource == name).unwrap();
        let there: BTreeSet<&str> =
            schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        let hideable: BTreeSet<&str> = of.required.iter().chain(of.optional).copied().collect();
        assert_eq!(hideable, there, "{name}");
        assert_eq!(of.required.len() + of.optional.len(), there.len(), "{name}: each field once");
        let required: BTreeSet<&str> =
            schema["required"].as_array().unwrap().iter().map(|field| field.as_str().unwrap()).collect();
        let of: BTreeSet<&str> = of.required.iter().copied().collect();
        assert_eq!(of, required, "{name}: without these nothing is created");
    }
}
