//! The OpenAPI document: its head, and what all operations have in common. The operations
//! describe themselves, next to their handlers.

use utoipa::OpenApi;
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{Content, Ref, RefOr, Response, ResponseBuilder, Schema};

use crate::cookie::SESSION_COOKIE;
use crate::error::{Code, Problem, ProblemField};
use crate::v1::stream::{ResetJson, SkippedJson};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Posthaste",
        description = "Publish events; Posthaste delivers them, signed, to the webhooks that want \
                       them, and shows what became of each. Send your API key as \
                       `Authorization: Bearer phk_…`; a platform key names an account with the \
                       header `posthaste-account`. A browser signs in with `POST /v1/session` and \
                       sends the cookie it gets.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    tags(
        (name = "Events", description = "Publish events and look them up."),
        (name = "Webhooks", description = "Where events go, and where contacts come in."),
        (name = "Inbound", description = "What others post contacts to."),
        (name = "Deliveries", description = "What became of them."),
        (name = "Statistics", description = "Numbers over time."),
        (name = "Event types", description = "The catalogue."),
        (name = "Contacts", description = "Powerlists, who is on them, and how they get there."),
        (name = "Sessions and users", description = "People who sign in, and what was changed by whom."),
        (name = "Keys and accounts", description = "Who may do what."),
        (name = "Test inbox", description = "What a server that was started with `--dev` received."),
        (name = "Operation", description = "For whoever runs the server."),
    ),
    components(schemas(Problem, ProblemField, ResetJson, SkippedJson))
)]
pub struct Head;

/// The names of the security schemes. Their "scopes" are what the caller's role must allow.
pub const API_KEY: &str = "api_key";
pub const SESSION: &str = "session";

/// Adds what every operation has: the security scheme, and the problems it can answer with.
pub fn complete(document: &mut utoipa::openapi::OpenApi) {
    let scheme = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some(
            "An API key. The names beside it are what the key's role must allow: `publish`, \
             `read`, `write`, `manage` (keys, users, the audit log) or `administer` (accounts, the \
             platform); everybody may `myself`. A key with the role `platform` may do all of \
             them, `account` all but `administer`, `publish` and `read` only what they are called.",
        ))
        .build();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme(API_KEY, SecurityScheme::Http(scheme));
    let cookie = ApiKeyValue::with_description(
        SESSION_COOKIE,
        "The cookie of a user who signed in. What changes something must come from a page of this \
         server: with `origin`, or `sec-fetch-site: same-origin`. An `owner` may do everything \
         (one of a single account all but `administer`), an `editor` may `publish`, `read` and \
         `write`, a `viewer` may `read`.",
    );
    components.add_security_scheme(SESSION, SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    for (path, item) in &mut document.paths.paths {
        let operations =
            [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            never_null(operation);
            allow_sessions(operation);
            add_problems(path, operation);
        }
    }
}

/// Whatever a key may do, a user with the same rights may do too.
fn allow_sessions(operation: &mut Operation) {
    let Some(alternatives) = &mut operation.security else { return };
    let described = serde_json::to_value(&alternatives).unwrap_or_default();
    let scopes = described[0][API_KEY].as_array().into_iter().flatten();
    let scopes: Vec<String> = scopes.filter_map(|s| s.as_str().map(str::to_owned)).collect();
    if !scopes.is_empty() {
        alternatives.push(SecurityRequirement::new(SESSION, scopes));
    }
}

/// A body that can be left out is described as one that can be null, which it cannot.
fn never_null(operation: &mut Operation) {
    let Some(RefOr::T(body)) = &mut operation.request_body else { return };
    for content in body.content.values_mut() {
        let RefOr::T(content) = content else { continue };
        let Some(RefOr::T(Schema::OneOf(either))) = &content.schema else { continue };
        if let [body @ RefOr::Ref(_), _null] = either.items.as_slice() {
            content.schema = Some(body.clone());
        }
    }
}

fn add_problems(path: &str, operation: &mut Operation) {
    let mut codes = vec![Code::Internal, Code::StoreUnavailable];
    let open = operation.security.as_ref().is_none_or(|all| {
        all.iter()
            .all(|one| serde_json::to_value(one).is_ok_and(|one| one == serde_json::json!({})))
    });
    if !open {
        codes.extend([Code::Unauthorized, Code::Forbidden, Code::UnknownAccount]);
    }
    if path.contains('{') {
        codes.push(Code::NotFound);
    }
    if operation.request_body.is_some() {
        codes.extend([
            Code::InvalidJson,
            Code::BodyTooSlow,
            Code::BodyTooLarge,
            Code::UnsupportedMediaType,
            Code::Invalid,
        ]);
    }
    let has_query = operation.parameters.iter().flatten().any(|parameter| {
        matches!(parameter, RefOr::T(parameter) if matches!(parameter.parameter_in, ParameterIn::Query))
    });
    if has_query {
        codes.push(Code::Invalid);
    }
    for code in codes {
        let status = code.status().as_u16().to_string();
        operation.responses.responses.entry(status).or_insert_with(|| RefOr::T(problem(code)));
    }
}

fn problem(code: Code) -> Response {
    let schema = RefOr::Ref(Ref::from_schema_name("Problem"));
    ResponseBuilder::new()
        .description(code.title())
        .content("application/problem+json", Content::new(Some(schema)))
        .build()
}
