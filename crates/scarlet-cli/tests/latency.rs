//! `scarlet latency-table`, and latency as what `scarlet search` searches for.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{Ran, scarlet, tiny_data, tiny_run};
use scarlet::arch::{TimedPart, TimingPlan};
use serde_json::Value;
use tempfile::TempDir;

/// Networks of microseconds, on a machine that is busy with other tests, may be off by anything.
const ANY_ERROR: &str = "--max-error=1e9";

struct Place {
    _folder: TempDir,
    data: PathBuf,
    table: PathBuf,
    out: PathBuf,
}

fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let place = Place {
        data: path.join("data"),
        table: path.join("table.json"),
        out: path.join("run"),
        _folder: folder,
    };
    tiny_data(&place.data);
    place
}

fn run(command: &str, data: &Path, out: &Path, more: &[&str]) -> Ran {
    let run = tiny_run(command, data, out);
    scarlet(run.iter().map(String::as_str).chain(more.iter().copied()))
}

impl Place {
    fn measure(&self) -> Value {
        let more = ["--rounds", "2", "--networks", "3", "--json", ANY_ERROR];
        run("latency-table", &self.data, &self.table, &more).json()
    }

    /// A table of times that can be added up in one's head.
    fn table(&self) {
        let mut table = self.measure();
        table["overhead"]["ms"] = 0.into();
        table["check"]["mean_error"] = 0.05.into();
        for part in table["fixed"].as_array_mut().unwrap() {
            part["time"]["ms"] = 1.into();
        }
        for (layer, times) in [[2.0, 1.0], [5.0, 0.0]].iter().enumerate() {
            for (choice, &ms) in times.iter().enumerate() {
                table["layers"][layer][choice]["time"]["ms"] = ms.into();
            }
        }
        fs::write(&self.table, table.to_string()).unwrap();
    }

    fn search(&self, budget: &str, more: &[&str]) -> Ran {
        let budget = format!("search.budget=[{budget:?}]");
        let wanted = ["--objective", "maximize accuracy", "minimize latency_ms"];
        let more: Vec<&str> = [&["--set", &budget], &wanted[..], more].concat();
        run("search", &self.data, &self.out, &more)
    }

    fn search_by_table(&self, budget: &str, more: &[&str]) -> Ran {
        let table = self.table.display().to_string();
        self.search(budget, &[&["--latency-table", &table], more].concat())
    }

    fn resume(&self) -> Ran {
        let run = self.out.display().to_string();
        scarlet(["search", "--resume", &run, "--json"])
    }

    fn front(&self) -> String {
        fs::read_to_string(self.out.join("front.csv")).unwrap()
    }
}

/// The columns of a table of candidates.
fn columns<'a>(csv: &'a str, names: &[&str]) -> Vec<Vec<&'a str>> {
    let mut lines = csv.lines();
    let heading: Vec<&str> = lines.next().unwrap().split(',').collect();
    let places: Vec<usize> = names
        .iter()
        .map(|name| heading.iter().position(|it| it == name).unwrap())
        .collect();
    lines
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            places.iter().map(|&place| cells[place]).collect()
        })
        .collect()
}

#[test]
fn a_table_is_measured_and_written() {
    let place = place();
    let table = place.measure();
    let mut written: Value = serde_json::from_slice(&fs::read(&place.table).unwrap()).unwrap();
    // What only the file has.
    assert!(
        written
            .as_object_mut()
            .unwrap()
            .remove("checksum")
            .is_some()
    );
    assert_eq!(written, table);
    assert_eq!(table["device"], "cpu");
    assert_eq!(
        (&table["threads"], &table["batch"], &table["resolution"]),
        (&1.into(), &1.into(), &8.into())
    );
    assert_eq!(table["check"]["networks"], 3);
    let printed = run(
        "latency-table",
        &place.data,
        &place.table,
        &["--rounds", "1", "--networks", "2", ANY_ERROR],
    );
    for part in [
        "8×8, batch 1, on cpu with 1 thread",
        "stem",
        "layer 2",
        "E3K3",
        "2 random networks of",
        "Kendall's tau",
    ] {
        assert!(printed.stdout.contains(part), "no {part:?} in {printed:?}");
    }
}

#[test]
fn a_search_by_a_table_keeps_its_budget() {
    let place = place();
    place.table();
    let json = place.search_by_table("latency_ms <= 7", &["--json"]).json();
    let latency = json["network"]["latency_ms"].as_f64().unwrap();
    assert!(latency <= 7.0, "{json}");
    // Four fixed parts; layer 1 takes 2 or 1 ms, layer 2 takes 5 or 0.
    let front = place.front();
    for row in columns(&front, &["genome", "latency_ms"]) {
        let expected = match row[0] {
            "00" => "11",
            "01" => "6",
            "10" => "10",
            _ => "5",
        };
        assert_eq!(row[1], expected, "{front}");
    }
    let report = fs::read_to_string(place.out.join("report.html")).unwrap();
    let picture = fs::read_to_string(place.out.join("front.svg")).unwrap();
    assert!(report.contains("Latency (ms)"));
    assert!(picture.contains("Latency (ms)"));

    // The run has a copy of its own.
    fs::remove_file(&place.table).unwrap();
    fs::remove_file(place.out.join("search/state.json")).unwrap();
    assert_eq!(place.resume().json()["network"], json["network"]);
    assert_eq!(place.front(), front);
}

#[test]
fn an_impossible_latency_names_the_cheapest_network() {
    let place = place();
    place.table();
    let ran = place.search_by_table("latency_ms <= 4.5", &["--dry-run"]);
    ran.assert_fails(
        2,
        &["no network of this search space has latency_ms <= 4.5: the cheapest has 5 (`11`: "],
    );
    let plan = place.search_by_table("latency_ms <= 6", &["--dry-run"]);
    assert_eq!(plan.code, 0, "{plan:?}");
    assert!(plan.stdout.contains("5.000 ms"), "{plan:?}");
}

#[test]
fn tables_of_other_spaces_and_damaged_ones_are_refused() {
    let place = place();
    place.table();
    let other = ["--set", "space.head=24", "--dry-run"];
    place
        .search_by_table("latency_ms <= 7", &other)
        .assert_fails(
            2,
            &[
                "the latency table is of another search space",
                r#"its `template.blocks[4]` is "P16:relu6", but here it is "P24:relu6""#,
            ],
        );
    fs::write(&place.table, "{").unwrap();
    place
        .search_by_table("latency_ms <= 7", &["--dry-run"])
        .assert_fails(1, &["table.json` is no latency table"]);
    fs::remove_file(&place.table).unwrap();
    place
        .search_by_table("latency_ms <= 7", &["--dry-run"])
        .assert_fails(1, &["cannot read the latency table"]);
}

#[test]
fn tables_that_are_far_off_are_neither_written_nor_used() {
    let place = place();
    // No table is that good.
    let never = ["--rounds", "1", "--networks", "2", "--max-error=-1"];
    run("latency-table", &place.data, &place.table, &never).assert_fails(
        1,
        &[
            "the latency table is off by",
            "for the 2 networks that were also measured whole",
            "while nothing else runs",
        ],
    );
    assert!(!place.table.exists());

    place.table();
    let mut table: Value = serde_json::from_slice(&fs::read(&place.table).unwrap()).unwrap();
    table["check"]["mean_error"] = 0.25.into();
    fs::write(&place.table, table.to_string()).unwrap();
    for more in [&["--dry-run"][..], &[]] {
        place.search_by_table("latency_ms <= 7", more).assert_fails(
            1,
            &[
                "off by 25.0 % on average",
                "10.0 % is the most",
                "`search.latency_error`",
            ],
        );
    }
    assert!(!place.out.exists());
    let named = ["--set", "search.latency_error=0.25", "--dry-run"];
    let plan = place.search_by_table("latency_ms <= 7", &named);
    assert_eq!(plan.code, 0, "{plan:?}");
    place
        .search_by_table("latency_ms <= 7", &["--set", "search.latency_error=-1"])
        .assert_fails(2, &["search.latency_error"]);
}

#[test]
fn a_latency_that_was_measured_once_is_kept() {
    let place = place();
    let first = place.search("latency_ms <= 1000", &["--json"]).json();
    assert!(first["network"]["latency_ms"].as_f64().unwrap() > 0.0);
    let front = place.front();
    let latencies = place.out.join("search/latencies.jsonl");
    let measured = fs::read_to_string(&latencies).unwrap();
    assert_eq!(measured.lines().count(), front.lines().count() - 1);
    // As if it had been killed before the first generation was done.
    fs::remove_file(place.out.join("search/state.json")).unwrap();
    assert_eq!(place.resume().json()["network"], first["network"]);
    assert_eq!(place.front(), front);
    assert_eq!(fs::read_to_string(&latencies).unwrap(), measured);
}

#[test]
fn a_latency_that_no_candidate_keeps_is_a_clear_failure() {
    let place = place();
    let ran = place.search("latency_ms <= 0.000001", &[]);
    ran.assert_fails(
        1,
        &["none of the 4 candidates satisfies `latency_ms <= 0.000001`"],
    );
}

#[test]
fn objectives_go_either_way() {
    let place = place();
    let wanted = ["--objectives", "maximize parameters", "minimize accuracy"];
    let best = run("search", &place.data, &place.out, &wanted);
    assert_eq!(best.code, 0, "{best:?}");
    let front = place.front();
    let of = |wanted: &str| {
        let rows = columns(&front, &["parameters", "genome"]);
        let row = rows.iter().find(|row| row[1] == wanted).unwrap();
        row[0].parse::<u64>().unwrap()
    };
    let choice: Value =
        serde_json::from_slice(&fs::read(place.out.join("choice.json")).unwrap()).unwrap();
    let most = ["00", "01", "10", "11"].map(of).into_iter().max();
    assert_eq!(choice["parameters"].as_u64(), most, "{front}");
}

/// What another device would have measured of a plan: parts of 1 ms each, and a call that takes 0.5 ms
/// more.
fn measured_elsewhere(plan: &Path, csv: &Path) {
    let plan = TimingPlan::from_json(&fs::read_to_string(plan).unwrap()).unwrap();
    let mut rows = "operation,shape,milliseconds\n".to_owned();
    for planned in plan.networks {
        let side = planned.network.preprocessing.resolution;
        let parts = TimedPart::all_of(&planned.network, side);
        let whole = 0.5 + parts.len() as f64;
        for part in parts {
            rows += &format!("\"{}\",{},1\n", part.operation, part.shape);
        }
        rows += &format!("network,{},{whole}\n", planned.genome);
    }
    fs::write(csv, rows).unwrap();
}

#[test]
fn a_table_is_made_of_what_another_device_measured() {
    let place = place();
    let folder = place.data.parent().unwrap();
    let [plan, csv] = ["plan.json", "pixel.csv"].map(|name| folder.join(name));
    let arguments = |out: &Path, more: &[&str]| {
        // Neither needs --out where it writes something else.
        let all = tiny_run("latency-table", &place.data, out);
        let all = all.iter().map(String::as_str).chain(more.iter().copied());
        all.map(str::to_owned).collect::<Vec<_>>()
    };
    let mut asked = arguments(&place.table, &["--plan", plan.to_str().unwrap()]);
    let out = asked.iter().position(|it| it == "--out").unwrap();
    asked.drain(out..out + 2);
    let ran = scarlet(&asked);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("scarlet-latency"), "{ran:?}");
    measured_elsewhere(&plan, &csv);
    let from = ["--from", csv.to_str().unwrap(), "--batch", "4"];
    let json = scarlet(arguments(&place.table, &[&from[..], &["--json"]].concat())).json();
    assert_eq!(
        (&json["device"], &json["batch"]),
        (&"pixel".into(), &4.into())
    );
    assert_eq!(json["threads"], 1);
    assert_eq!(json["overhead"]["ms"], 0.5);
    assert_eq!(json["check"]["mean_error"], 0.0);
    assert!(place.table.is_file());

    // A search takes either, and keeps what it began with.
    let table = csv.display().to_string();
    let ran = place.search("latency_ms <= 100", &["--latency-table", &table, "--json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let front = place.front();
    for row in columns(&front, &["latency_ms"]) {
        assert!(row[0].parse::<f64>().unwrap() >= 3.5, "{front}");
    }
    fs::remove_file(&csv).unwrap();
    assert_eq!(place.resume().code, 0);

    // A hole, no check, a bad check, no file.
    let text = "operation,shape,milliseconds\nstem@8,3x8x8,\n";
    fs::write(&csv, text).unwrap();
    fs::remove_file(&place.table).unwrap();
    let from = |more: &[&str]| {
        let csv = csv.to_str().unwrap();
        scarlet(arguments(&place.table, &[&["--from", csv], more].concat()))
    };
    from(&[]).assert_fails(
        1,
        &["pixel.csv`, line 2, column `milliseconds`: it is empty"],
    );
    measured_elsewhere(&plan, &csv);
    let all = fs::read_to_string(&csv).unwrap();
    let lines = |keep: &dyn Fn(&str) -> bool| -> String {
        let lines = all.lines().filter(|line| keep(line));
        lines.map(|line| format!("{line}\n")).collect()
    };
    fs::write(&csv, lines(&|line| !line.contains("classifier"))).unwrap();
    from(&[]).assert_fails(1, &["has no row of operation `classifier@2`"]);
    assert!(!place.table.exists());
    fs::write(&csv, lines(&|line| !line.starts_with("network"))).unwrap();
    let ran = from(&[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("could not be checked"), "{ran:?}");
    fs::remove_file(&place.table).unwrap();
    fs::write(&csv, all.replace(".5\n", ".5e1\n")).unwrap();
    from(&["--max-error", "0.05"]).assert_fails(1, &["the latency table is off by"]);
    assert!(!place.table.exists());
    from(&["--rounds", "3"]).assert_fails(2, &["cannot be used with"]);
    let profile = ["--profile", "no.txt", "no.tflite"];
    scarlet(arguments(&place.table, &profile)).assert_fails(1, &["no.tflite"]);
}
