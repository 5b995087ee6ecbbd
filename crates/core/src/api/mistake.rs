//! What to say when a request is not of its form.

use super::{Code, Refusal};
use crate::nearest::nearest;

/// The refusal of a request with a mistake in `field`. `message` is serde's, or one of our own types':
/// `FOUND is not a port; allowed: …`.
#[must_use]
pub fn explain(field: &str, message: &str) -> Refusal {
    let message = message.split(" at line ").next().unwrap_or(message);
    if let Some(rest) = message.strip_prefix("unknown field `") {
        let (unknown, known) = rest.split_once('`').unwrap_or((rest, ""));
        let known: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
        let hint = nearest(unknown, known.iter().copied()).map(|near| format!("did you mean {near}?"));
        let mut refusal = Refusal::new(
            Code::InvalidRequest,
            format!(
                "unknown field {unknown:?}; allowed: {}",
                if known.is_empty() { "none".into() } else { known.join(", ") }
            ),
        )
        .detail("field", unknown)
        .detail("found", unknown)
        .detail("allowed", known.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
        .detail("unknown", true);
        refusal.hint = hint;
        return refusal;
    }
    let (found, allowed) = message
        .split_once("; allowed: ")
        .or_else(|| message.split_once(", expected "))
        .map_or((message, None), |(found, allowed)| (found, Some(allowed)));
    let error = match allowed {
        Some(allowed) => format!("{field}: {found}; allowed: {allowed}"),
        None => format!("{field}: {found}"),
    };
    Refusal::new(Code::InvalidRequest, error)
        .detail("field", field)
        .detail("found", found.split_once(" is not a").map_or(found, |(value, _)| value))
        .detail("allowed", allowed.map(str::to_owned))
}
