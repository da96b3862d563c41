//! What makes the settings of an inbound webhook valid.

use super::{
    InboundOperation, InboundSettings, Mapping, SharedSecret, Verification, VerificationScheme,
};
use crate::error::{Complaints, Invalid};
use crate::id::PowerlistId;
use crate::limits::INBOUND_PER_S_DEFAULT;
use crate::rate_limit::RateLimit;
use crate::secret::Secret;
use crate::time::Entropy;
use crate::webhook::{optional, parse_description, parse_title, required};

/// Settings as a person wrote them: nothing checked. `None` leaves a setting as it is, or at its
/// default in a new webhook; the inner `None` of two takes it away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InboundDraft {
    pub title: Option<String>,
    pub description: Option<String>,
    pub powerlist_id: Option<String>,
    /// The event types that its URLs are named by.
    pub events: Option<Vec<String>>,
    /// Names of fields and paths in requests.
    pub mapping: Option<Vec<(String, String)>>,
    pub verification: Option<Option<VerificationDraft>>,
    /// `count` per `per_s`; the inner `None`: the default.
    pub rate_limit: Option<Option<(u64, u64)>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerificationDraft {
    pub scheme: String,
    /// Left out, the one there is stays, or one is made where we may make one.
    pub secret: Option<String>,
}

impl InboundDraft {
    /// The settings of a new webhook. Tells everything that is wrong at once.
    pub fn create(self, entropy: &dyn Entropy) -> Result<InboundSettings, Invalid> {
        self.over(None, entropy)
    }

    /// Changed settings of a webhook that has `settings`.
    pub fn change(
        self,
        settings: &InboundSettings,
        entropy: &dyn Entropy,
    ) -> Result<InboundSettings, Invalid> {
        self.over(Some(settings), entropy)
    }

    fn over(
        self,
        old: Option<&InboundSettings>,
        entropy: &dyn Entropy,
    ) -> Result<InboundSettings, Invalid> {
        let mut wrong = Complaints::default();
        let title = self.title.map(|text| parse_title(&text));
        let title = required(&mut wrong, "/title", title, old.map(|old| &old.title));
        let description = self.description.map(|text| parse_description(&text));
        let description =
            optional(&mut wrong, "/description", description, old.map(|old| &old.description));
        let list = self.powerlist_id.map(|text| PowerlistId::parse(&text));
        let powerlist_id =
            required(&mut wrong, "/powerlist_id", list, old.map(|old| &old.powerlist_id));
        let operations = self.events.map(|names| parse_operations(&names));
        let operations =
            required(&mut wrong, "/events", operations, old.map(|old| &old.operations));
        let mapping = self.mapping.map(|pairs| {
            Mapping::parse(pairs.iter().map(|(name, path)| (name.as_str(), path.as_str())))
        });
        let mapping = optional(&mut wrong, "/mapping", mapping, old.map(|old| &old.mapping));
        let known = old.and_then(|old| old.verification.as_ref());
        let verification = self
            .verification
            .map(|draft| draft.map(|draft| draft.over(known, entropy)).transpose());
        let verification =
            optional(&mut wrong, "/verification", verification, old.map(|old| &old.verification));
        let limit = self.rate_limit.map(|limit| match limit {
            Some((count, per_s)) => RateLimit::new(count, per_s),
            None => Ok(default_limit()),
        });
        let default = old.map_or_else(default_limit, |old| old.rate_limit);
        let rate_limit = required(&mut wrong, "/rate_limit", limit, Some(&default));
        wrong.finish()?;
        let checked = "complaints would have been returned";
        Ok(InboundSettings {
            title: title.expect(checked),
            description: description.expect(checked),
            powerlist_id: powerlist_id.expect(checked),
            operations: operations.expect(checked),
            mapping: mapping.expect(checked),
            verification: verification.expect(checked),
            rate_limit: rate_limit.expect(checked),
        })
    }
}

fn default_limit() -> RateLimit {
    RateLimit::new(u64::from(INBOUND_PER_S_DEFAULT), 1).expect("within the bounds")
}

impl VerificationDraft {
    fn over(
        self,
        old: Option<&Verification>,
        entropy: &dyn Entropy,
    ) -> Result<Verification, Invalid> {
        let Some(scheme) = VerificationScheme::parse(&self.scheme) else {
            let names = VerificationScheme::ALL.map(VerificationScheme::as_str);
            let message = format!("must be one of {}", names.join(", "));
            return Err(Invalid::at("/scheme", message));
        };
        let known = old.filter(|old| old.scheme == scheme);
        let secret = match (self.secret, known) {
            (Some(text), _) => {
                SharedSecret::parse(scheme, &text).map_err(|invalid| invalid.under("/secret"))?
            }
            (None, Some(known)) => known.secret.clone(),
            (None, None) if scheme.may_be_ours() => {
                SharedSecret::new(Secret::generate(entropy).expose().to_owned())
            }
            (None, None) => {
                let message = format!("is required: {} makes it", scheme.as_str());
                return Err(Invalid::at("/secret", message));
            }
        };
        Ok(Verification { scheme, secret })
    }
}

impl VerificationScheme {
    /// Whether the secret can be made here, for the sender to take over.
    pub fn may_be_ours(self) -> bool {
        matches!(self, VerificationScheme::Posthaste | VerificationScheme::StandardWebhooks)
    }
}

/// In their own order, each once.
fn parse_operations(names: &[String]) -> Result<Vec<InboundOperation>, Invalid> {
    let mut wrong = Complaints::default();
    for (position, name) in names.iter().enumerate() {
        if InboundOperation::of_event(name).is_none() {
            let message = "an inbound webhook has contact and contact.delete";
            wrong.add(format!("/{position}"), message);
        }
    }
    if names.is_empty() {
        wrong.add("", "name at least one of contact and contact.delete");
    }
    wrong.finish()?;
    let is_named =
        |operation: &InboundOperation| names.iter().any(|name| operation.event() == name);
    Ok(InboundOperation::ALL.into_iter().filter(is_named).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Zeros;

    impl Entropy for Zeros {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0);
        }
    }

    fn draft() -> InboundDraft {
        InboundDraft {
            title: Some("CRM".to_owned()),
            powerlist_id: Some(PowerlistId::from_raw(7).to_string()),
            events: Some(vec!["contact".to_owned()]),
            ..InboundDraft::default()
        }
    }

    fn verification(scheme: &str, secret: Option<&str>) -> Option<Option<VerificationDraft>> {
        let secret = secret.map(str::to_owned);
        Some(Some(VerificationDraft { scheme: scheme.to_owned(), secret }))
    }

    fn pointers(draft: InboundDraft) -> Vec<String> {
        let invalid = draft.create(&Zeros).expect_err("something is wrong");
        invalid.errors.into_iter().map(|error| error.pointer).collect()
    }

    #[test]
    fn a_new_one_needs_a_title_a_list_and_an_endpoint() {
        assert_eq!(pointers(InboundDraft::default()), ["/title", "/powerlist_id", "/events"]);
        let settings = draft().create(&Zeros).expect("all that is needed");
        assert_eq!(settings.operations, [InboundOperation::Contact]);
        assert_eq!(settings.rate_limit, default_limit());
        assert_eq!(settings.verification, None);
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let wrong = InboundDraft {
            title: Some(" ".to_owned()),
            powerlist_id: Some("MjcxNT14".to_owned()),
            events: Some(vec!["contact".to_owned(), "call.ended".to_owned()]),
            mapping: Some(vec![
                ("phone".to_owned(), "a".to_owned()),
                ("email".to_owned(), " ".to_owned()),
            ]),
            verification: verification("paypal", None),
            rate_limit: Some(Some((0, 1))),
            ..InboundDraft::default()
        };
        let expected = [
            "/title",
            "/powerlist_id",
            "/events/1",
            "/mapping/phone",
            "/mapping/email",
            "/verification/scheme",
            "/rate_limit/count",
        ];
        assert_eq!(pointers(wrong), expected);
        assert_eq!(pointers(InboundDraft { events: Some(Vec::new()), ..draft() }), ["/events"]);
    }

    #[test]
    fn a_secret_is_made_where_we_may_make_one_and_kept_while_the_scheme_stays() {
        let of = |draft: InboundDraft| draft.create(&Zeros).map(|settings| settings.verification);
        let made = of(InboundDraft { verification: verification("posthaste", None), ..draft() });
        let made = made.expect("valid").expect("asked for");
        assert!(made.secret.expose().starts_with("whsec_"));
        assert_eq!(
            pointers(InboundDraft { verification: verification("github", None), ..draft() }),
            ["/verification/secret"]
        );
        let given = verification("github", Some("a secret of theirs"));
        let settings = InboundDraft { verification: given, ..draft() }.create(&Zeros);
        let settings = settings.expect("valid");
        let again =
            InboundDraft { verification: verification("github", None), ..InboundDraft::default() };
        assert_eq!(again.change(&settings, &Zeros), Ok(settings.clone()));
        let none = InboundDraft { verification: Some(None), ..InboundDraft::default() };
        assert_eq!(none.change(&settings, &Zeros).map(|settings| settings.verification), Ok(None));
        assert_eq!(InboundDraft::default().change(&settings, &Zeros), Ok(settings));
    }
}
