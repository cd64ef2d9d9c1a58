//! Who may send telemetry. What is sent never comes here: the telemetry door treats it, and asks only this and for ids.

use crate::audit::EntryKind;
use crate::policy::Action;
use crate::{Caller, Result, Vault};

impl Vault {
    /// Whether the caller may send telemetry. A refusal is on record; what is let in is not, as it shows nobody anything.
    ///
    /// # Errors
    /// [`Error::Denied`](crate::Error::Denied) by policy, [`Error::Unauthenticated`](crate::Error::Unauthenticated) when the token
    /// was revoked.
    pub async fn may_send_telemetry(&self, caller: &Caller) -> Result<()> {
        let permitted = self.permit(caller, Action::SendTelemetry, EntryKind::TelemetryDenied);
        permitted.await.map(drop)
    }
}
