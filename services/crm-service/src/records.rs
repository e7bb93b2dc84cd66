//! The records of the CRM that notes, activities and tags can be about, and that files can be imported to. A resource is
//! one line here, or in `resources`.

use db::AccessTarget;
use resource::{Resource, ResourceHandle};

use crate::{
    clients::Client, contacts::Contact, employees::Employee, professionals::Professional, projects::Project,
    suppliers::Supplier, tasks::Task,
};

/// A type of record.
pub(crate) struct RecordType {
    /// Access control of its records.
    pub(crate) access: AccessTarget,
    /// Its handle.
    pub(crate) handle: fn() -> ResourceHandle,
}

impl RecordType {
    const fn new<R: Resource>() -> Self {
        Self { access: R::ACCESS, handle: ResourceHandle::of::<R> }
    }
}

pub(crate) const RECORDS: &[RecordType] = &[
    RecordType::new::<Client>(),
    RecordType::new::<Contact>(),
    RecordType::new::<Supplier>(),
    RecordType::new::<Employee>(),
    RecordType::new::<Professional>(),
    RecordType::new::<Project>(),
    RecordType::new::<Task>(),
];
