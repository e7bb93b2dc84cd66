//! The records of the CRM that notes, activities and tags can be about, and that files can be imported to. A resource is
//! one line here, or in `resources`.

use resource::ResourceHandle;

use crate::{
    clients::Client, contacts::Contact, employees::Employee, professionals::Professional, projects::Project,
    suppliers::Supplier, tasks::Task,
};

pub(crate) const RECORDS: &[ResourceHandle] = &[
    ResourceHandle::new::<Client>(),
    ResourceHandle::new::<Contact>(),
    ResourceHandle::new::<Supplier>(),
    ResourceHandle::new::<Employee>(),
    ResourceHandle::new::<Professional>(),
    ResourceHandle::new::<Project>(),
    ResourceHandle::new::<Task>(),
];
