//! Holds posthaste.example.toml and the settings equal: the example says every default, and every
//! setting stands in the example.
#![expect(clippy::unwrap_used, reason = "a failed test panics, helper functions included")]

use clap::Args;
use posthaste::config::{Config, Settings};

fn example() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../posthaste.example.toml");
    std::fs::read_to_string(path).unwrap()
}

/// The names of all settings, as clap knows them.
fn names() -> Vec<String> {
    let command = Settings::augment_args(clap::Command::new("settings"));
    command.get_arguments().map(|argument| argument.get_id().to_string()).collect()
}

#[test]
fn the_example_says_exactly_the_defaults() {
    let config = Settings::from_toml(&example()).unwrap().complete().unwrap();
    assert_eq!(config, Config::default());
}

#[test]
fn every_setting_stands_in_the_example_with_a_sentence_above_it() {
    let example = example();
    let lines: Vec<&str> = example.lines().collect();
    for name in names() {
        let at = lines
            .iter()
            .position(|line| line.trim_start_matches("# ").starts_with(&format!("{name} = ")))
            .unwrap_or_else(|| panic!("{name} is not in posthaste.example.toml"));
        assert!(lines[at - 1].starts_with("# "), "{name} is not explained");
    }
}

#[test]
fn the_help_of_the_flags_says_the_defaults() {
    let file: toml::Table = example().parse().unwrap();
    let command = Settings::augment_args(clap::Command::new("settings"));
    for (name, default) in file {
        let text = default.as_str().map_or_else(|| default.to_string(), str::to_owned);
        let argument = command.get_arguments().find(|argument| argument.get_id() == name.as_str());
        let help = argument.unwrap().get_help().unwrap().to_string();
        // Nobody needs to be told that a switch is off and a list empty.
        let is_nothing = ["false", "[]"].contains(&text.as_str());
        assert!(is_nothing || help.contains(&format!("[default: {text}]")), "{name}: {help}");
    }
}

#[test]
fn the_settings_that_the_example_leaves_out_are_right_as_well() {
    let uncommented: String = example()
        .lines()
        .map(|line| line.strip_prefix("# ").filter(|rest| rest.contains(" = ")).unwrap_or(line))
        .map(|line| line.replace("phk_…", "phk_abcdefghijklmnopqrstuvwxyz012345") + "\n")
        .collect();
    let config = Settings::from_toml(&uncommented).unwrap().complete().unwrap();
    assert!(config.ca_file.is_some() && config.api_key.is_some());
}

#[test]
fn every_setting_is_also_a_flag_and_an_environment_variable() {
    let command = Settings::augment_args(clap::Command::new("settings"));
    for argument in command.get_arguments() {
        let name = argument.get_id().as_str();
        assert_eq!(argument.get_long(), Some(name.replace('_', "-").as_str()));
        let variable = argument.get_env().and_then(|text| text.to_str());
        assert_eq!(variable, Some(format!("POSTHASTE_{}", name.to_uppercase()).as_str()));
    }
}
