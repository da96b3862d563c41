//! The settings of a server: from flags, then `POSTHASTE_*`, then `posthaste.toml`, then defaults.
//! Read once, at start; what comes out is checked and complete. The settings of the command
//! line's other verbs are flags only and stand in `cli`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};
use posthaste_core::account::KeyText;
use posthaste_core::egress::EgressPolicy;
use posthaste_core::limits::{BODY_BYTES_MAX, RETENTION_DEFAULT};
use posthaste_core::remote::TrustedProxies;
use posthaste_core::target_url::TargetUrl;
use serde::Deserialize;

/// Looked for in the working directory when no `--config` is given.
pub const DEFAULT_FILE: &str = "posthaste.toml";
pub const DEFAULT_DATA: &str = "./posthaste-data";
pub const DEFAULT_LISTEN: &str = "127.0.0.1:8080";

/// Below this a realistic event does not fit.
const BODY_BYTES_LOWEST: usize = 1024;
/// Above this one event could hold up the commits of all others.
const BODY_BYTES_HIGHEST: usize = 16 * 1024 * 1024;
const RETENTION_DAYS_HIGHEST: u32 = 3_650;

/// What may be set, from whichever place. `None` leaves it to the next place.
///
/// One struct is both the flags and the file, so that neither can know a setting the other does
/// not.
#[derive(Debug, Clone, Default, PartialEq, Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Address and port for the API and its pages; port 0 takes a free one [default:
    /// 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS", env = "POSTHASTE_LISTEN", value_parser = parse_listen)]
    pub listen: Option<SocketAddr>,

    /// Where people reach this server, if that is not the address above: https://hooks.example.com
    #[arg(long, value_name = "URL", env = "POSTHASTE_PUBLIC_URL")]
    pub public_url: Option<String>,

    /// Folder that holds everything the server keeps [default: ./posthaste-data]
    #[arg(long, value_name = "DIR", env = "POSTHASTE_DATA")]
    pub data: Option<PathBuf>,

    /// For trying things out: loopback targets, a test inbox and a ready key
    #[arg(long, value_name = "BOOL", env = "POSTHASTE_DEV", num_args = 0..=1,
          value_parser = BoolishValueParser::new(), default_missing_value = "true", require_equals = true)]
    pub dev: Option<bool>,

    /// Network, address or host name (*.corp.example) that webhooks may call although it is not
    /// public, also by plain http; may be repeated
    #[arg(long, value_name = "CIDR|HOST", env = "POSTHASTE_EGRESS_ALLOW", value_delimiter = ',')]
    pub egress_allow: Option<Vec<String>>,

    /// File with further certificate authorities (PEM) that receivers may use
    #[arg(long, value_name = "FILE", env = "POSTHASTE_CA_FILE")]
    pub ca_file: Option<PathBuf>,

    /// Largest request body that is accepted, in bytes [default: 262144]
    #[arg(long, value_name = "BYTES", env = "POSTHASTE_BODY_BYTES_MAX")]
    pub body_bytes_max: Option<usize>,

    /// Days after which events, deliveries and attempts are dropped [default: 30]
    #[arg(long, value_name = "DAYS", env = "POSTHASTE_RETENTION_DAYS")]
    pub retention_days: Option<u32>,

    /// What to log: error, warn, info, debug, trace, or per part (posthaste_dispatch=debug,info)
    /// [default: info]
    #[arg(long, value_name = "LEVEL", env = "POSTHASTE_LOG_LEVEL")]
    pub log_level: Option<String>,

    /// How to write the log, which goes to stderr [default: text]
    #[arg(long, value_name = "FORMAT", env = "POSTHASTE_LOG_FORMAT", value_enum)]
    pub log_format: Option<LogFormat>,

    /// Answer /metrics without an API key
    #[arg(long, value_name = "BOOL", env = "POSTHASTE_METRICS_OPEN", num_args = 0..=1,
          value_parser = BoolishValueParser::new(), default_missing_value = "true", require_equals = true)]
    pub metrics_open: Option<bool>,

    /// Network or address of a proxy in front of this server, whose x-forwarded-for is believed; may
    /// be repeated
    #[arg(long, value_name = "CIDR", env = "POSTHASTE_TRUSTED_PROXIES", value_delimiter = ',')]
    pub trusted_proxies: Option<Vec<String>>,

    /// Becomes the first platform key of an empty store; better given as POSTHASTE_API_KEY, since
    /// flags can be seen by everybody on the machine
    #[arg(long, value_name = "KEY", env = "POSTHASTE_API_KEY", hide_env_values = true)]
    pub api_key: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// A line for people
    #[default]
    Text,
    /// A JSON object per line
    Json,
}

/// Complete and checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    pub listen: SocketAddr,
    /// Without a slash at its end.
    pub public_url: Option<String>,
    pub data: PathBuf,
    pub dev: bool,
    pub egress_allow: Vec<String>,
    pub ca_file: Option<PathBuf>,
    pub body_bytes_max: usize,
    pub retention_days: u32,
    pub log_level: String,
    pub log_format: LogFormat,
    pub metrics_open: bool,
    pub trusted_proxies: Vec<String>,
    pub api_key: Option<KeyText>,
}

impl Default for Config {
    fn default() -> Config {
        let retention_days = RETENTION_DEFAULT.as_secs() / 86_400;
        Config {
            listen: DEFAULT_LISTEN.parse().expect("the default is an address"),
            public_url: None,
            data: DEFAULT_DATA.into(),
            dev: false,
            egress_allow: Vec::new(),
            ca_file: None,
            body_bytes_max: BODY_BYTES_MAX,
            retention_days: u32::try_from(retention_days).expect("a default of days is small"),
            log_level: "info".to_owned(),
            log_format: LogFormat::Text,
            metrics_open: false,
            trusted_proxies: Vec::new(),
            api_key: None,
        }
    }
}

impl Settings {
    /// Reads a settings file. A key that is not known is refused by its name: a setting that is
    /// misspelled and passed over would be found out at the worst time.
    pub fn from_toml(text: &str) -> anyhow::Result<Settings> {
        toml::from_str(text).map_err(|error| anyhow::anyhow!("{}", error.to_string().trim_end()))
    }

    /// The file at `path`, or the default one if it exists.
    pub fn from_file(path: Option<&Path>) -> anyhow::Result<Settings> {
        let (path, required) = match path {
            Some(path) => (path, true),
            None => (Path::new(DEFAULT_FILE), false),
        };
        match std::fs::read_to_string(path) {
            Ok(text) => Settings::from_toml(&text)
                .with_context(|| format!("the settings file {} is not right", path.display())),
            Err(error) if !required && error.kind() == std::io::ErrorKind::NotFound => {
                Ok(Settings::default())
            }
            Err(error) => Err(error)
                .with_context(|| format!("the settings file {} cannot be read", path.display())),
        }
    }

    /// These settings, and `lower`'s where these say nothing.
    pub fn over(self, lower: Settings) -> Settings {
        Settings {
            listen: self.listen.or(lower.listen),
            public_url: self.public_url.or(lower.public_url),
            data: self.data.or(lower.data),
            dev: self.dev.or(lower.dev),
            egress_allow: self.egress_allow.or(lower.egress_allow),
            ca_file: self.ca_file.or(lower.ca_file),
            body_bytes_max: self.body_bytes_max.or(lower.body_bytes_max),
            retention_days: self.retention_days.or(lower.retention_days),
            log_level: self.log_level.or(lower.log_level),
            log_format: self.log_format.or(lower.log_format),
            metrics_open: self.metrics_open.or(lower.metrics_open),
            trusted_proxies: self.trusted_proxies.or(lower.trusted_proxies),
            api_key: self.api_key.or(lower.api_key),
        }
    }

    /// Fills in the defaults and checks the whole.
    pub fn complete(self) -> anyhow::Result<Config> {
        let default = Config::default();
        // An empty variable is how a compose file says that there is none.
        let api_key = match self.api_key.filter(|text| !text.is_empty()) {
            None => None,
            Some(text) => Some(KeyText::parse(&text).context("api_key is not right")?),
        };
        let public_url = match self.public_url.filter(|text| !text.is_empty()) {
            None => None,
            Some(text) => Some(parse_public_url(&text)?),
        };
        let config = Config {
            listen: self.listen.unwrap_or(default.listen),
            public_url,
            data: self.data.unwrap_or(default.data),
            dev: self.dev.unwrap_or(default.dev),
            egress_allow: self.egress_allow.unwrap_or(default.egress_allow),
            ca_file: self.ca_file,
            body_bytes_max: self.body_bytes_max.unwrap_or(default.body_bytes_max),
            retention_days: self.retention_days.unwrap_or(default.retention_days),
            log_level: self.log_level.unwrap_or(default.log_level),
            log_format: self.log_format.unwrap_or(default.log_format),
            metrics_open: self.metrics_open.unwrap_or(default.metrics_open),
            trusted_proxies: self.trusted_proxies.unwrap_or(default.trusted_proxies),
            api_key,
        };
        config.egress_policy()?;
        config.trusted_proxies()?;
        config.log_filter()?;
        check_range(
            "body_bytes_max",
            config.body_bytes_max,
            BODY_BYTES_LOWEST,
            BODY_BYTES_HIGHEST,
        )?;
        check_range("retention_days", config.retention_days, 1, RETENTION_DAYS_HIGHEST)?;
        Ok(config)
    }
}

impl Config {
    /// Where webhooks may point.
    pub fn egress_policy(&self) -> anyhow::Result<EgressPolicy> {
        let policy = EgressPolicy::allowing(&self.egress_allow)?;
        Ok(if self.dev { policy.with_loopback() } else { policy })
    }

    /// Who may say where requests come from.
    pub fn trusted_proxies(&self) -> anyhow::Result<TrustedProxies> {
        TrustedProxies::parse(&self.trusted_proxies).context("trusted_proxies is not right")
    }

    pub fn log_filter(&self) -> anyhow::Result<tracing_subscriber::EnvFilter> {
        tracing_subscriber::EnvFilter::try_new(&self.log_level)
            .map_err(|error| anyhow!("log_level {:?} is not right: {error}", self.log_level))
    }

    pub fn retention(&self) -> Duration {
        Duration::from_hours(24 * u64::from(self.retention_days))
    }
}

fn parse_listen(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "it is no IP address with a port, such as 127.0.0.1:8080".to_owned())
}

fn parse_public_url(text: &str) -> anyhow::Result<String> {
    TargetUrl::parse(text).with_context(|| format!("public_url {text:?} is not right"))?;
    Ok(text.trim_end_matches('/').to_owned())
}

fn check_range<T: PartialOrd + Copy + std::fmt::Display>(
    name: &str,
    value: T,
    lowest: T,
    highest: T,
) -> anyhow::Result<()> {
    if value < lowest || value > highest {
        bail!("{name} is {value}, it must be from {lowest} to {highest}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> Settings {
        Settings::from_toml(text).expect("right")
    }

    #[test]
    fn a_flag_wins_over_the_file_and_the_file_over_the_default() {
        let flags = Settings { retention_days: Some(3), ..Settings::default() };
        let file = settings("retention_days = 7\nlog_format = \"json\"\n");
        let config = flags.over(file).complete().expect("right");
        assert_eq!(config.retention_days, 3);
        assert_eq!(config.log_format, LogFormat::Json);
        assert_eq!(config.listen, Config::default().listen);
    }

    #[test]
    fn what_is_wrong_is_told_by_its_name() {
        let check = |text: &str, expected: &str| {
            let error = Settings::from_toml(text).and_then(Settings::complete).expect_err(text);
            let message = format!("{error:#}");
            assert!(message.contains(expected), "{text}: {message}");
        };
        check("retention_day = 30", "unknown field `retention_day`");
        check("retention_days = 0", "retention_days is 0, it must be from 1");
        check("body_bytes_max = 12", "body_bytes_max is 12, it must be from 1024");
        check("egress_allow = [\"10.0.0.0/99\"]", "10.0.0.0/99");
        check("trusted_proxies = [\"proxy\"]", "trusted_proxies is not right: \"proxy\"");
        check("log_level = \"posthaste=loud\"", "log_level");
        check("api_key = \"phk_short\"", "api_key");
        check("public_url = \"hooks.example.com\"", "public_url");
        check("listen = \"here\"", "socket address");
    }

    #[test]
    fn dev_opens_loopback_and_nothing_else_does() {
        let loopback = TargetUrl::parse("http://127.0.0.1:9/").expect("a URL");
        let check = |text: &str, expected: bool| {
            let config = settings(text).complete().expect("right");
            let policy = config.egress_policy().expect("checked");
            assert_eq!(policy.check_url(&loopback).is_ok(), expected, "{text}");
        };
        check("", false);
        check("dev = true", true);
        check("egress_allow = [\"127.0.0.1\"]", true);
    }
}
