//! `posthaste contact`: who is on a powerlist.

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::{Context, powerlist};
use crate::client::{Query, encode};
use crate::exit::{Exit, Failure, Outcome};
use crate::output::{Column, text_at};

const COLUMNS: &[Column] = &[
    ("ID", "/id"),
    ("PHONE", "/phone_number"),
    ("FIRST NAME", "/first_name"),
    ("LAST NAME", "/last_name"),
    ("E-MAIL", "/email"),
    ("TAGS", "/tags"),
    ("UPDATED", "/updated_at"),
];
const FIELDS: &[Column] = &[
    ("Id", "/id"),
    ("Powerlist", "/powerlist_id"),
    ("Phone", "/phone_number"),
    ("First name", "/first_name"),
    ("Last name", "/last_name"),
    ("E-mail", "/email"),
    ("Address", "/address"),
    ("City", "/city"),
    ("State", "/state"),
    ("Postal code", "/postal_code"),
    ("Country", "/country"),
    ("Time zone", "/timezone"),
    ("Disposition", "/disposition"),
    ("Tags", "/tags"),
    ("Consent", "/consent"),
    ("Do not disturb", "/dnd"),
    ("Custom fields", "/custom_fields"),
    ("Source", "/source"),
    ("Created", "/created_at"),
    ("Updated", "/updated_at"),
];

#[derive(Debug, Args)]
pub struct ContactArgs {
    #[command(subcommand)]
    verb: ContactVerb,
}

#[derive(Debug, Subcommand)]
enum ContactVerb {
    /// List the contacts of a powerlist, newest first
    #[command(
        visible_alias = "list",
        before_help = "Examples:\n  posthaste contact ls Berlin\n  posthaste contact ls Berlin \
                       --search 'ada ki' --tag hot"
    )]
    Ls {
        /// Name or id of the powerlist
        list: String,
        /// Beginnings of words, or digits of the number
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        #[arg(long)]
        tag: Option<String>,
        #[arg(long, value_name = "COUNT", default_value_t = 50)]
        limit: usize,
    },
    /// Show a contact
    #[command(before_help = "Examples:\n  posthaste contact show ct_0123456789abc\n  posthaste \
                             contact show ct_0123456789abc -o json")]
    Show { contact: String },
    /// Add a contact, or change the one with that number
    #[command(before_help = "Examples:\n  posthaste contact add Berlin '030 123456' --set \
                             first_name=Ada\n  posthaste contact add Berlin +4930123456 --tag hot \
                             --set custom_fields.budget=85")]
    Add {
        /// Name or id of the powerlist
        list: String,
        /// As people write it
        phone_number: String,
        /// A field and its value, repeatable: email=…, custom_fields.budget=…; empty takes away
        #[arg(long, value_name = "FIELD=VALUE")]
        set: Vec<String>,
        /// In place of the tags that are there, by comma or repeated
        #[arg(long = "tag", value_name = "TAG", value_delimiter = ',')]
        tags: Vec<String>,
    },
    /// Delete a contact
    #[command(before_help = "Examples:\n  posthaste contact rm ct_0123456789abc\n  posthaste \
                             contact rm ct_0123456789abc --reason gdpr --yes")]
    Rm {
        contact: String,
        /// What the event says: user, api, disposition, gdpr or opt_out
        #[arg(long)]
        reason: Option<String>,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}

pub async fn run(arguments: ContactArgs, context: &Context) -> Outcome {
    match arguments.verb {
        ContactVerb::Ls { list, search, tag, limit } => {
            let path = contacts_of(&powerlist::find(context, &list).await?);
            let query = Query::default().with("q", search).with("tag", tag);
            context.output.list(&context.client.list(&path, &query, limit).await?, COLUMNS);
        }
        ContactVerb::Show { contact } => {
            context.output.one(&context.client.get(&path_of(&contact)).await?, FIELDS);
        }
        ContactVerb::Add { list, phone_number, set, tags } => {
            let body = body(&phone_number, &set, &tags)?;
            let path = contacts_of(&powerlist::find(context, &list).await?);
            context.output.one(&context.client.post(&path, &body).await?, FIELDS);
        }
        ContactVerb::Rm { contact, reason, yes } => {
            let path = path_of(&contact);
            let number = text_at(&context.client.get(&path).await?, "/phone_number");
            context.confirm(&format!("Delete the contact {number}?"), yes)?;
            let reason = reason.map(|reason| format!("?reason={}", encode(&reason)));
            context.client.delete(&format!("{path}{}", reason.unwrap_or_default())).await?;
            context.output.say(&format!("deleted {number}"));
        }
    }
    Ok(Exit::Ok)
}

fn contacts_of(list: &Value) -> String {
    format!("{}/contacts", powerlist::path_of(list))
}

fn path_of(contact: &str) -> String {
    format!("/v1/contacts/{}", encode(contact))
}

/// What was named, as the API takes it. `consent` and `dnd` are true or false, a custom field is
/// JSON if it can be read as that.
fn body(phone_number: &str, set: &[String], tags: &[String]) -> Result<Value, Failure> {
    let mut body = Map::new();
    let mut custom = Map::new();
    body.insert("phone_number".to_owned(), json!(phone_number));
    for change in set {
        let (field, text) = change
            .split_once('=')
            .ok_or_else(|| Failure::usage(format!("--set {change:?} is not FIELD=VALUE")))?;
        let json = || serde_json::from_str(text).unwrap_or_else(|_| json!(text));
        match (field.strip_prefix("custom_fields."), field) {
            (_, _) if text.is_empty() && field.starts_with("custom_fields.") => {
                custom.insert(field["custom_fields.".len()..].to_owned(), Value::Null);
            }
            (Some(name), _) => drop(custom.insert(name.to_owned(), json())),
            (None, field) if text.is_empty() => drop(body.insert(field.to_owned(), Value::Null)),
            (None, "consent" | "dnd") => drop(body.insert(field.to_owned(), json())),
            (None, field) => drop(body.insert(field.to_owned(), json!(text))),
        }
    }
    if !tags.is_empty() {
        body.insert("tags".to_owned(), json!(tags));
    }
    if !custom.is_empty() {
        body.insert("custom_fields".to_owned(), Value::Object(custom));
    }
    Ok(Value::Object(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_set_as_the_api_takes_them() {
        let set = [
            "first_name=Ada",
            "consent=true",
            "custom_fields.budget=85",
            "city=",
            "custom_fields.a=",
        ];
        let set = set.map(str::to_owned);
        let expected = json!({
            "phone_number": "030 1", "first_name": "Ada", "consent": true, "city": null,
            "tags": ["hot"], "custom_fields": {"budget": 85, "a": null},
        });
        assert_eq!(body("030 1", &set, &["hot".to_owned()]).unwrap(), expected);
        assert!(body("030 1", &["city".to_owned()], &[]).is_err());
    }
}
