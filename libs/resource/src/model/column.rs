//! Columns that every record has: its id and metadata.

use std::sync::{Arc, LazyLock};

use super::{FieldSchema, Kind};

/// Columns of a record that are not the resource's own: id and metadata. They lead every statement that returns
/// records.
pub(crate) const KEPT: [&str; 6] = ["id", "version", "created_at", "created_by", "updated_at", "updated_by"];

/// Columns that every resource has, described like a resource's own.
pub(crate) static COMMON: LazyLock<[Arc<FieldSchema>; 6]> = LazyLock::new(|| {
    KEPT.map(|name| {
        let kind = match name {
            "version" => Kind::Integer,
            "created_at" | "updated_at" => Kind::Instant,
            _ => Kind::Id,
        };
        Arc::new(FieldSchema::new(name, kind, true))
    })
});
