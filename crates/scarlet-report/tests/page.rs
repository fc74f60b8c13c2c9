//! The page: what it says without scripts, and what its script draws in a browser.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use scarlet_report::{Fact, ReportError, RunReport, html};

mod common;

/// The JSON that is embedded in a page.
fn embedded(page: &str) -> serde_json::Value {
    let (_, json) = page
        .split_once("<script type=\"application/json\" id=\"run\">")
        .unwrap();
    let (json, _) = json.split_once("</script>").unwrap();
    serde_json::from_str(json).unwrap()
}

#[test]
fn everything_is_there_without_scripts() {
    let run = common::run();
    let page = html(&run).unwrap();
    let chosen = run.chosen.as_ref().unwrap();
    for words in [
        "<title>Fashion-MNIST sample – scarlet</title>",
        "89.30 %",
        "Best accuracy under the budget of 12 M mult-adds.",
        &chosen.architecture.to_string(),
        "mb_module.8",
        "scarlet-a",
        "5,400",
        "NSGA-II, population 20, 120 evaluations",
        "<noscript><svg",
    ] {
        assert!(page.contains(words), "no `{words}`");
    }
    let front = run.search.candidates.iter().filter(|it| it.on_front);
    for candidate in front {
        assert!(page.contains(&format!("<td>{}</td>", candidate.genome)));
    }
}

#[test]
fn it_needs_no_other_file() {
    let page = html(&common::run()).unwrap();
    for needle in ["src=", "href=", "@import", "url(", "fetch(", "import("] {
        assert!(!page.contains(needle), "`{needle}`");
    }
    let addresses = page.matches("http").count();
    assert_eq!(
        addresses,
        page.matches("http://www.w3.org/2000/svg").count()
    );
}

#[test]
fn the_data_hold_every_candidate_and_the_parts_costs() {
    let run = common::run();
    let data = embedded(&html(&run).unwrap());
    let candidates = data["candidates"].as_array().unwrap();
    assert_eq!(candidates.len(), run.search.candidates.len());
    for (embedded, candidate) in candidates.iter().zip(&run.search.candidates) {
        assert_eq!(embedded["genome"], candidate.genome.to_string());
        let costs = embedded["mult_adds"].as_array().unwrap();
        let sum: f64 = costs.iter().map(|cost| cost.as_f64().unwrap()).sum();
        assert_eq!(Some(sum), candidate.values[1]);
    }
    assert_eq!(data["budgets"][1], 12e6);
    assert_eq!(data["chosen"]["layers"].as_array().unwrap().len(), 9);
}

#[test]
fn no_text_can_break_out_of_its_place() {
    let attack = "</script><script>document.title='x'</script>\"'&<!--";
    let mut run = common::run();
    run.title = attack.to_owned();
    run.data.push(Fact::new(attack, attack));
    run.training[0].stage = attack.to_owned();
    run.references[0].name = attack.to_owned();
    run.references[0].comparable = true;
    run.chosen.as_mut().unwrap().reason = attack.to_owned();
    run.chosen.as_mut().unwrap().architecture.name = attack.to_owned();
    let page = html(&run).unwrap();
    assert_eq!(page.matches("</script>").count(), 2);
    assert_eq!(page.matches("<script").count(), 2);
    assert!(!page.contains("<!--"));
    assert_eq!(embedded(&page)["training"][0]["stage"], attack);
}

#[test]
fn a_search_that_found_nothing_yet_has_a_page_too() {
    let run = nothing_yet();
    let page = html(&run).unwrap();
    assert!(page.contains("No network has been chosen yet."));
    assert!(!page.contains("id=\"chosen-network\""));
}

/// Nothing was within the budget, nothing was chosen and nothing was trained.
fn nothing_yet() -> RunReport {
    let mut run = common::run();
    run.chosen = None;
    run.training.clear();
    for candidate in &mut run.search.candidates {
        candidate.values[0] = None;
        candidate.feasible = false;
        candidate.on_front = false;
    }
    run.search.candidates[0].values.clear();
    run.search.candidates[0].failure = Some("out of memory".to_owned());
    run
}

#[test]
fn wrong_values_are_errors() {
    let mut run = common::run();
    run.search.candidates[3].values.pop();
    let genome = run.search.candidates[3].genome.to_string();
    let error = html(&run).unwrap_err();
    assert!(matches!(error, ReportError::ValueCount { .. }));
    assert_eq!(
        error.to_string(),
        format!("candidate {genome} has 2 values, but there are 3 metrics")
    );
    let mut run = common::run();
    run.search.cost = "latency".to_owned();
    assert_eq!(
        html(&run).unwrap_err().to_string(),
        "no metric is called `latency`; the candidates have: accuracy, mult_adds, parameters"
    );
}

#[test]
fn the_script_draws_in_a_browser() {
    let Some(browser) = browser() else { return };
    let run = common::run();
    let dom = dom(&browser, &html(&run).unwrap());
    assert!(!dom.contains("data-error"), "{}", error_of(&dom));
    assert!(dom.contains("data-drawn=\"true\""));
    let places = run.search.candidates.iter();
    let places = places.filter(|it| it.values[0].is_some()).count();
    assert!(dom.contains(&format!("data-points=\"{places}\"")));
    let front = run.search.candidates.iter().filter(|it| it.on_front);
    assert!(dom.contains(&format!("data-rows=\"{}\"", front.count())));
    // The chosen and the pinned network.
    assert_eq!(dom.matches("data-layers=\"9\"").count(), 2);

    let dom = self::dom(&browser, &html(&nothing_yet()).unwrap());
    assert!(!dom.contains("data-error"), "{}", error_of(&dom));
    assert!(dom.contains("data-points=\"0\""));
}

/// Appends to a page: writes into its root what a pointer on the first dot of the front brings up,
/// what a click there does, and what the published networks' toggle draws.
const POINTER: &str = r##"<script>
const say = (name, text) => document.documentElement.setAttribute(`data-said-${name}`, text);
const plot = () => document.querySelector("#front svg");
const dot = plot().querySelector("circle[fill='var(--scarlet)']");
const frame = plot().getBoundingClientRect();
const at = {
  clientX: frame.left + Number(dot.getAttribute("cx")) + 2,
  clientY: frame.top + Number(dot.getAttribute("cy")) - 1,
};
const tip = () => document.querySelector("#front .tip");
say("before", tip().hidden);
plot().dispatchEvent(new PointerEvent("pointermove", at));
say("hovered", tip().innerText.replaceAll("\n", "; "));
plot().dispatchEvent(new PointerEvent("pointermove", { clientX: -999, clientY: -999 }));
say("after", tip().hidden);
plot().dispatchEvent(new MouseEvent("click", at));
say("pinned", document.getElementById("pinned-title").textContent);
const published = () => {
  const dots = [...plot().querySelectorAll("circle.published")];
  const hollow = dots.every((it) => it.getAttribute("fill") === "none");
  const names = [...plot().querySelectorAll("text")].filter((it) => it.textContent === "scarlet-a");
  const note = document.getElementById("front-published-note");
  return `${dots.length} ${hollow} ${names.length} ${note.hidden ? "" : note.textContent}`;
};
say("off", published());
document.getElementById("front-published").click();
say("on", published());
</script>"##;

/// What [`POINTER`] wrote.
fn said<'a>(dom: &'a str, name: &str) -> &'a str {
    let (_, rest) = dom
        .split_once(&format!(" data-said-{name}=\""))
        .unwrap_or_else(|| panic!("`{name}` was not said: {}", error_of(dom)));
    rest.split('"').next().unwrap()
}

#[test]
fn pointing_names_a_network_and_clicking_pins_it() {
    let Some(browser) = browser() else { return };
    let mut run = common::run();
    let dom = dom(&browser, &(html(&run).unwrap() + POINTER));
    assert!(!dom.contains("data-error"), "{}", error_of(&dom));
    assert_eq!(
        (said(&dom, "before"), said(&dom, "after")),
        ("true", "true")
    );
    let front = run.search.candidates.iter().filter(|it| it.on_front);
    let cheapest = front.min_by(|a, b| a.values[1].unwrap().total_cmp(&b.values[1].unwrap()));
    let cheapest = cheapest.unwrap();
    let hovered = said(&dom, "hovered");
    for words in [
        format!("{} · on the front", cheapest.genome),
        format!("mult-adds {:.3} M", cheapest.values[1].unwrap() / 1e6),
        format!("accuracy {:.2} %", cheapest.values[0].unwrap() * 100.0),
    ] {
        assert!(hovered.contains(&words), "no `{words}` in `{hovered}`");
    }
    assert_eq!(said(&dom, "pinned"), format!("Pinned: {}", cheapest.genome));

    // Other networks' accuracies are of other data: only for those who ask.
    let count = run.references.len();
    assert_eq!(said(&dom, "off"), "0 true 0 ");
    let on = said(&dom, "on");
    assert!(on.starts_with(&format!("{count} true 1 Hollow: ")), "{on}");
    assert!(
        on.contains("accuracy on ImageNet and their cost at the resolution"),
        "{on}"
    );
    assert!(on.contains("cannot be compared"), "{on}");
    // Of the same data, they are there from the beginning.
    for reference in &mut run.references {
        reference.comparable = true;
    }
    let dom = self::dom(&browser, &(html(&run).unwrap() + POINTER));
    let shown = said(&dom, "off");
    assert!(
        shown.starts_with(&format!("{count} true 1 Hollow: ")),
        "{shown}"
    );
    assert!(!shown.contains("cannot be compared"), "{shown}");
    assert_eq!(said(&dom, "on"), "0 true 0 ");
}

#[test]
fn narrow_screens_see_it_without_complaint() {
    let Some(browser) = browser() else { return };
    let report = "<script>
        console.log(`drawn: ${document.documentElement.dataset.drawn}`);
        addEventListener(\"error\", (event) => console.log(`failed: ${event.message}`));
        </script>";
    let page = html(&common::run()).unwrap() + report;
    // Painted, which shows what only the passing of frames brings about.
    let args = [
        "--window-size=420,2400",
        "--enable-logging=stderr",
        "--screenshot=narrow.png",
    ];
    let output = open(&browser, &page, &args);
    let said = String::from_utf8_lossy(&output.stderr);
    let said: Vec<&str> = said.lines().filter(|it| it.contains("CONSOLE")).collect();
    assert!(
        said.len() == 1 && said[0].contains("drawn: true"),
        "{said:?}"
    );
}

fn error_of(dom: &str) -> &str {
    let start = dom.find("data-error").unwrap_or(0);
    dom.get(start..start + 200).unwrap_or(dom)
}

/// A browser on the path. Where `SCARLET_REQUIRE_BROWSER` is set there must be one; else tests
/// that need it are skipped.
fn browser() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let mut candidates =
        std::env::split_paths(&path).flat_map(|folder| names.map(|name| folder.join(name)));
    let found = candidates.find(|path| path.is_file());
    if found.is_none() {
        assert!(
            std::env::var_os("SCARLET_REQUIRE_BROWSER").is_none(),
            "SCARLET_REQUIRE_BROWSER is set, but none of {names:?} is on the path"
        );
        println!("skipped: no chromium on the path");
    }
    found
}

/// A page after its scripts ran.
fn dom(browser: &Path, content: &str) -> String {
    let output = open(browser, content, &["--window-size=1200,900", "--dump-dom"]);
    String::from_utf8(output.stdout).unwrap()
}

/// Opens a page in a browser of its own.
fn open(browser: &Path, content: &str, args: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("report.html");
    fs::write(&page, content).unwrap();
    let output = Command::new(browser)
        .args(["--headless=new", "--no-sandbox", "--disable-gpu"])
        .args(["--no-first-run", "--disable-background-networking"])
        .args([
            "--disable-component-update",
            "--disable-sync",
            "--disable-quic",
        ])
        .arg(format!(
            "--user-data-dir={}",
            folder.path().join("profile").display()
        ))
        .args(args)
        .arg(format!("file://{}", page.display()))
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    output
}

#[test]
fn a_summary_says_which_generation_brought_a_network_and_which_are_best() {
    let run = common::run();
    let generations = &run.search.generations;
    for (position, candidate) in run.search.candidates.iter().enumerate() {
        let before = match candidate.generation {
            1 => 0,
            later => generations[later - 2].evaluations,
        };
        let until = generations[candidate.generation - 1].evaluations;
        assert!((before..until).contains(&position), "{position}");
        assert!(!candidate.on_front || candidate.feasible);
    }
    let front = run.search.candidates.iter().filter(|it| it.on_front);
    assert_eq!(front.count(), generations.last().unwrap().front);
}
