//! The commands of the README, of the pages in `docs` and of the help texts are such as can be given.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use clap::{CommandFactory, Parser};

use super::Cli;

/// Commands of `scarlet` in a text, their lines joined and their words as a shell has them.
fn commands(text: &str) -> Vec<Vec<String>> {
    let joined = text.replace("\\\n", " ");
    let lines = joined.lines().map(str::trim);
    let commands = lines.filter(|line| line.starts_with("scarlet "));
    commands.map(words).collect()
}

fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.extend(Some(std::mem::take(&mut word))),
            '#' | '>' if !quoted && word.is_empty() => break,
            c => word.push(c),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

/// The shell blocks of a page.
fn page(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let blocks = text.split("```sh\n").skip(1);
    blocks
        .filter_map(|block| block.split("```").next())
        .collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn parse(command: &[String]) -> Cli {
    Cli::try_parse_from(command).unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// Files and folders that the reader is told to have, or that the repository holds.
const GIVEN: [&str; 11] = [
    "flowers",
    "photo.jpg",
    "photos",
    "examples",
    "fashion-sample",
    "runs",
    "imagenet",
    "lite0.onnx",
    "synset_labels.txt",
    "ILSVRC2012_img_val",
    "usr",
];

/// Checks that commands can be given one after the other where these files and folders are `there`;
/// says what they make.
fn follow(commands: &[Vec<String>], there: &BTreeSet<String>) -> BTreeSet<String> {
    let mut made = BTreeSet::new();
    for command in commands {
        parse(command);
        let value = |option: &str| {
            let place = command.iter().position(|word| word == option);
            place.map(|place| command[place + 1].clone())
        };
        let first = |path: &str| {
            path.trim_start_matches('/')
                .split('/')
                .next()
                .unwrap()
                .to_owned()
        };
        let is_there = |made: &BTreeSet<String>, path: &str| {
            let path = first(path);
            assert!(
                made.contains(&path) || there.contains(&path),
                "{path} is not there yet: {command:?}"
            );
        };
        let is_new = value("--resume").is_none();
        for option in [
            "--resume",
            "--supernet",
            "--weights",
            "--against",
            "--latency-table",
        ] {
            if let Some(path) = value(option) {
                is_there(&made, &path);
            }
        }
        if command[1] == "extract" {
            is_there(&made, &command[2]);
            made.insert(command[3].clone());
        }
        if command[1] == "deploy" {
            made.insert(command[2].clone());
        }
        if command[1] == "study" && command[2] == "search" {
            is_there(&made, &command[3]);
        }
        for option in ["--data", "--config", "--int8"] {
            // After a run, `--int8` takes its images.
            if let Some(path) = value(option).filter(|path| !path.starts_with('-')) {
                assert!(
                    GIVEN.contains(&first(&path).as_str()),
                    "{path}: {command:?}"
                );
            }
        }
        if let Some(out) = value("--out") {
            assert!(made.insert(out), "it is there already: {command:?}");
        } else if ["search", "train", "finetune", "supernet"].contains(&command[1].as_str()) {
            let only_looks = ["--preview", "--find-learning-rate"];
            let only_looks = only_looks
                .iter()
                .any(|option| command.contains(&(*option).to_owned()));
            let begins = is_new && !only_looks;
            assert!(!begins, "without a folder: {command:?}");
        }
    }
    made
}

#[test]
fn the_commands_of_the_pages_can_be_given_one_after_the_other() {
    let readme = commands(&page(&root().join("README.md")));
    assert!(readme.len() > 15, "{readme:?}");
    // The search of "Try it", which is run by cargo.
    let mut there = BTreeSet::from(["scarlet-run".to_owned()]);
    there.extend(follow(&readme, &there));
    let mut pages: Vec<PathBuf> = fs::read_dir(root().join("docs"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "md"))
        .collect();
    pages.sort();
    let mut count = 0;
    for path in pages {
        let commands = commands(&page(&path));
        follow(&commands, &there);
        count += commands.len();
    }
    assert!(count > 30, "{count}");
}

#[test]
fn the_examples_of_the_help_can_be_given() {
    fn examples(command: &clap::Command, found: &mut Vec<Vec<String>>) {
        let help = command.get_after_help().map(ToString::to_string);
        // After a command of the first page stands what it is for.
        let lines = help.unwrap_or_default().replace("\\\n", " ");
        for line in lines.lines() {
            let line = line.trim().split("   ").next().unwrap_or_default();
            found.extend(commands(line));
        }
        for command in command.get_subcommands() {
            examples(command, found);
        }
    }
    let mut found = Vec::new();
    examples(&Cli::command(), &mut found);
    assert!(found.len() > 40, "{found:?}");
    for command in &found {
        parse(command);
    }
}
