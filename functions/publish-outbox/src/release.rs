//! Events that came too early go back on the bus once what they waited for holds.

use events::Envelope;
use journal::{Key, Op};
use runtime::Context;

use crate::outbox::Released;

/// Waiting events read at once.
const A_PAGE: usize = 100;

/// Publishes everything that waits for a condition, then removes it. A crash in between
/// publishes again, which is harmless; nothing can be parked under the condition any more,
/// because the commit that satisfied it raised the version that parking must find.
pub(crate) async fn release(context: &Context, released: &Released) -> Result<(), String> {
    let prefix = Key::parked_prefix(&released.condition);
    loop {
        let store = context.journal.store();
        let page = store.query(&released.pk, &prefix, A_PAGE).await.map_err(|e| e.to_string())?;
        if page.is_empty() {
            return Ok(());
        }
        let events = page.iter().map(|i| i.body::<Envelope>()).collect::<Result<Vec<_>, _>>();
        let events = events.map_err(|e| e.to_string())?;
        tracing::info!(condition = %released.condition, events = events.len(), "released");
        context.bus.publish(events).await.map_err(|e| e.to_string())?;
        let deletes = page.iter().map(|item| Op::Delete { key: item.key() }).collect();
        store.write(deletes).await.map_err(|e| e.to_string())?;
    }
}
