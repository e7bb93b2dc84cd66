use http::{HeaderMap, HeaderValue};
use web::{ClientAddress, FORWARDED_FOR, REQUEST_ID, RequestId};

use crate::{access_record::AccessRecord, caller::AdmittedCaller, rate_limit_charge::RateLimitCharge};

/// What the steps of a request share, and what they find out about it.
pub(crate) struct RequestContext {
    pub(crate) id: RequestId,
    pub(crate) client: ClientAddress,
    /// Authenticated caller; `None` for a public operation.
    pub(crate) caller: Option<AdmittedCaller>,
    pub(crate) charge: RateLimitCharge,
    pub(crate) record: AccessRecord,
}

impl RequestContext {
    pub(crate) fn new(id: RequestId, client: ClientAddress) -> Self {
        Self { id, client, caller: None, charge: RateLimitCharge::default(), record: AccessRecord::default() }
    }

    /// Sets the headers with the request id and the client address, for a service.
    pub(crate) fn write_to(&self, headers: &mut HeaderMap) {
        headers.insert(REQUEST_ID, self.id.header());
        let client = self.client.0.and_then(|client| HeaderValue::try_from(client.to_string()).ok());
        if let Some(client) = client {
            headers.insert(FORWARDED_FOR, client);
        }
    }
}
