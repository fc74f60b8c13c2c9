//! The page: what it says without scripts, and what its script draws in a browser.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use scarlet_report::{Fact, ReportError, RunReport, Usage, evaluation_html, html, training_html};

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
        &chosen.architecture.layers_text(),
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
        let parts = embedded["parts"].as_array().unwrap().iter();
        let parts = parts.map(|place| &data["parts"][place.as_u64().unwrap() as usize]);
        let sum: f64 = parts.map(|part| part["mult_adds"].as_f64().unwrap()).sum();
        assert_eq!(Some(sum), candidate.values[1]);
    }
    assert_eq!(data["budgets"][1], 12e6);
    assert_eq!(data["chosen"]["parts"].as_array().unwrap().len(), 4 + 9);
    // Each part is there once.
    let mut parts: Vec<String> = data["parts"]
        .as_array()
        .unwrap()
        .iter()
        .map(ToString::to_string)
        .collect();
    let all = parts.len();
    parts.sort();
    parts.dedup();
    assert_eq!(parts.len(), all);
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
    run.chosen.as_mut().unwrap().accuracies[0].what = attack.to_owned();
    run.usage.push(Usage::new(attack, attack));
    let mut training = common::training();
    training.lead = attack.to_owned();
    training.training[0].stage = attack.to_owned();
    training.mistakes.judged_on = attack.to_owned();
    training.mistakes.classes[2].name = attack.to_owned();
    training.mistakes.images[0].name = attack.to_owned();
    let mut evaluation = common::evaluation();
    for text in [&mut evaluation.title, &mut evaluation.lead] {
        *text = attack.to_owned();
    }
    evaluation.mistakes = training.mistakes.clone();
    evaluation.trust.temperature = attack.to_owned();
    for picture in &mut evaluation.trust.pictures {
        picture.name = attack.to_owned();
        picture.image = attack.to_owned();
    }
    training.trust = Some(evaluation.trust.clone());
    evaluation.data.push(Fact::new(attack, attack));
    for page in [
        html(&run).unwrap(),
        training_html(&training).unwrap(),
        evaluation_html(&evaluation).unwrap(),
    ] {
        assert_eq!(page.matches("</script>").count(), 2);
        assert_eq!(page.matches("<script").count(), 2);
        assert!(!page.contains("<!--"));
        let data = embedded(&page);
        let said = [&data["training"][0]["stage"], &data["pictures"][0]["name"]];
        assert!(said.contains(&&attack.into()), "{data}");
    }
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

/// Opens a page at a width in a frame, since a browser's own window has a least width, and says what
/// of it is wider.
fn wider_than(browser: &Path, page: &str, width: usize) -> String {
    let srcdoc = page.replace('&', "&amp;").replace('"', "&quot;");
    let frame = format!(
        "<!doctype html><body><iframe style=\"width:{width}px;height:900px;border:0\" \
         srcdoc=\"{srcdoc}\"></iframe><script>
        const frame = document.querySelector(\"iframe\");
        frame.addEventListener(\"load\", () => {{
          const page = frame.contentDocument;
          // Also what is folded away.
          for (const it of page.querySelectorAll(\"details\")) it.open = true;
          const root = page.documentElement;
          const right = (it) => it.getBoundingClientRect().right;
          const scrolls = (it) => it.closest(\".scroll\") && !it.classList.contains(\"scroll\");
          const wide = [...page.body.querySelectorAll(\"*\")]
            .filter((it) => right(it) > root.clientWidth + 0.5 && !scrolls(it))
            .map((it) => `${{it.tagName}}.${{it.className}} ${{right(it)}}`);
          if (root.scrollWidth > root.clientWidth) wide.push(`page ${{root.scrollWidth}}`);
          document.documentElement.dataset.drawn = root.dataset.drawn;
          document.documentElement.dataset.width = root.clientWidth;
          document.documentElement.dataset.wide = wide.join(\", \");
        }});
        </script>"
    );
    let dom = dom(browser, &frame);
    let said = |name: &str| {
        let (_, rest) = dom.split_once(&format!(" data-{name}=\"")).unwrap();
        rest.split('"').next().unwrap().to_owned()
    };
    assert_eq!(said("drawn"), "true");
    // Less a scroll bar's width, where there is one.
    let found: usize = said("width").parse().unwrap();
    assert!((width - 20..=width).contains(&found), "{found}");
    said("wide")
}

/// As a user may write it: nothing in it can be broken.
const UNBREAKABLE: &str = "[[\"maximize\",\"accuracy\"],{\"interpolation\":\"bilinear\",\"ratio\":\
    [0.75,1.3333333333333333],\"scale\":[0.08,1.0],\"source\":\"/home/someone/photographs/of/a/\
    journey/that/took/a/very/long/time/and/went/to/many/places/all-of-the-pictures-1998-2024\"}]";

#[test]
fn the_page_fits_narrow_and_wide_windows() {
    let Some(browser) = browser() else { return };
    let mut run = common::run();
    run.title = UNBREAKABLE.to_owned();
    for facts in [&mut run.data, &mut run.settings] {
        facts.push(Fact::new("search.calibration_images", UNBREAKABLE));
    }
    run.training[0].stage = UNBREAKABLE.to_owned();
    run.references[0].name = UNBREAKABLE.to_owned();
    run.references[0].comparable = true;
    let chosen = run.chosen.as_mut().unwrap();
    chosen.reason = UNBREAKABLE.to_owned();
    // The longest that an architecture may have.
    chosen.architecture.name = UNBREAKABLE[..200].to_owned();
    chosen.notes.push(Fact::new("weights", UNBREAKABLE));
    chosen.accuracies[0].what = UNBREAKABLE.to_owned();
    run.usage.push(Usage::new(UNBREAKABLE, UNBREAKABLE));
    let mut training = common::training();
    for text in [&mut training.title, &mut training.lead] {
        *text = UNBREAKABLE.to_owned();
    }
    training
        .settings
        .push(Fact::new("train.augment", UNBREAKABLE));
    training.usage.push(Usage::new(UNBREAKABLE, UNBREAKABLE));
    training.mistakes.judged_on = UNBREAKABLE.to_owned();
    training.mistakes.classes[1].name = UNBREAKABLE.to_owned();
    training.mistakes.images[0].name = UNBREAKABLE.to_owned();
    let mut evaluation = common::evaluation();
    for text in [&mut evaluation.title, &mut evaluation.lead] {
        *text = UNBREAKABLE.to_owned();
    }
    evaluation.mistakes = training.mistakes.clone();
    evaluation.trust.temperature = UNBREAKABLE.to_owned();
    for picture in &mut evaluation.trust.pictures {
        picture.name = UNBREAKABLE.to_owned();
    }
    training.trust = Some(evaluation.trust.clone());
    evaluation.data.push(Fact::new("weights", UNBREAKABLE));
    for page in [
        html(&run).unwrap(),
        training_html(&training).unwrap(),
        evaluation_html(&evaluation).unwrap(),
    ] {
        for width in [400, 1400] {
            assert_eq!(wider_than(&browser, &page, width), "", "{width} pixels");
        }
    }
}

#[test]
fn a_training_is_there_without_scripts() {
    let report = common::training();
    let page = training_html(&report).unwrap();
    for words in [
        "<title>flowers – scarlet</title>",
        "90.00 %</b><span>test accuracy: 100 images, 95 % interval 82.56 to 94.48 %",
        "The best of 12 epochs is the eleventh.",
        "On the 100 test images.",
        "<td>sunflower (6), buttercup (1)</td>",
        "<td>test/dandelion/0017.jpg</td><td>dandelion</td><td>sunflower</td>\
         <td class=\"number\">97.3</td>",
        "<code>scarlet predict PHOTO --weights best.safetensors</code>",
        &report.network.to_string(),
        "<th scope=\"row\">train.epochs</th>",
    ] {
        assert!(page.contains(words), "no `{words}`");
    }
    // The worst first; a class without images has no accuracy.
    let place = |name: &str| page.find(&format!("<tr><td>{name}</td>"));
    assert!(place("dandelion").unwrap() < place("daisy").unwrap());
    assert!(place("daisy").unwrap() < place("sunflower").unwrap());
    assert_eq!(place("rose"), None);
}

#[test]
fn a_training_of_many_classes_is_told_in_tables() {
    let mut report = common::training();
    let class = report.mistakes.classes[0].clone();
    report.mistakes.classes.resize(61, class);
    let page = training_html(&report).unwrap();
    assert!(!page.contains("id=\"confusion\""));
    assert!(embedded(&page)["mistakes"].is_null());
    assert!(page.contains("<summary>The other 50 classes</summary>"));
    report.mistakes.confused[0].taken_for = 61;
    let error = training_html(&report).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a mistake is of class 61, but there are 61 classes, counted from 0"
    );
}

#[test]
fn the_script_draws_what_a_network_confuses() {
    let Some(browser) = browser() else { return };
    let page = training_html(&common::training()).unwrap();
    let dom = dom(&browser, &page);
    assert!(!dom.contains("data-error"), "{}", error_of(&dom));
    assert!(dom.contains("data-drawn=\"true\""));
    assert!(dom.contains("data-squares=\"36\""));
    // Rows are classes, columns answers.
    let counts: Vec<&str> = dom
        .split("data-count=\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
        .collect();
    assert_eq!(counts[12..18], ["1", "0", "13", "0", "6", "0"]);
    assert!(dom.contains("<title>dandelion, taken for sunflower: 6</title>"));
    assert_eq!(dom.matches("data-layers=\"4\"").count(), 1);
}

#[test]
fn whether_it_can_be_trusted_is_there_without_scripts() {
    let page = evaluation_html(&common::evaluation()).unwrap();
    for words in [
        "<title>custom on flowers – scarlet</title>",
        "It is right about 90 of 100 test images.",
        "3.1 points</b><span>calibration error with a temperature, 12.3 points without, \
         2.1 points by chance alone",
        "55 %</b><span>of the images answered at a threshold of 0.9123, 99 % of them correctly",
        "the difference is <b>12.3 points</b> (expected calibration error, 15 bins). Divided by a \
         temperature, it is <b>3.1 points</b>. On this many images, chance alone would show about 2.1 \
         points",
        "The network’s file says a temperature of 1.37.",
        "Beside each image stands where it looked.",
        "<td class=\"number\">93.3 to 100.0</td><td class=\"number\">18</td>",
        "With <code>--threshold 0.9123</code>, <code>scarlet predict</code> answers 55 % of these",
        "rather than the upper. So few answers say little about others.",
        "<tr class=\"chosen\"><td class=\"number\">0.9123</td>",
        "<td class=\"number\">0.99</td><td class=\"number\">0</td>",
        "<b>dandelion</b>, taken for <b>sunflower</b>, 97.3 % sure",
        "<b>tulip</b>, right, 40.2 % sure",
        "test/daisy/&lt;b&gt;.jpg",
        "alt=\"where it saw sunflower\"",
        "<summary>1 more, of what it confuses and what it gets right</summary>",
        // Recall, its interval, precision, F1.
        "<td>daisy</td><td class=\"number\">20</td><td class=\"number\">90.0</td>\
         <td class=\"number\">18.0 to 100.0</td><td class=\"number\">100.0</td>\
         <td class=\"number\">94.7</td>",
    ] {
        assert!(page.contains(words), "no `{words}`");
    }
    assert!(page.contains("<svg class=\"reliability\""));
    assert!(!page.contains("<b>.jpg"));
    // The same in the page of a training, and nothing of it where it was not looked at.
    let mut training = common::training();
    let without = training_html(&training).unwrap();
    training.trust = Some(common::trust());
    let with = training_html(&training).unwrap();
    for heading in [
        "<h2>Images to look at</h2>",
        "<h2>Is it right as often as it claims?</h2>",
        "<h2>When should it abstain?</h2>",
    ] {
        assert!(
            with.contains(heading) && !without.contains(heading),
            "{heading}"
        );
    }
}

#[test]
fn a_network_without_temperature_or_threshold_is_told_as_it_is() {
    let mut report = common::evaluation();
    report.trust.after = None;
    report.trust.threshold = None;
    report.trust.maps = "There are no maps.".to_owned();
    let page = evaluation_html(&report).unwrap();
    assert!(page.contains("12.3 points</b><span>calibration error, 2.1 points by chance"));
    assert!(!page.contains("Divided by a temperature"));
    assert!(page.contains("No threshold leaves answers of which 99 % are right."));
    assert!(page.contains("There are no maps."));
    report.trust.threshold = Some(report.trust.coverage[0]);
    let page = evaluation_html(&report).unwrap();
    assert!(page.contains("Without any threshold 90 % (95 % interval 80 to 99 %) of its answers"));
    report.trust.pictures.clear();
    let error = evaluation_html(&report).unwrap_err();
    let said = "picture 0 is to be shown, but there are 0, counted from 0";
    assert_eq!(error.to_string(), said);
}

#[test]
fn a_square_shows_its_images_to_the_mouse_and_to_the_keyboard() {
    let Some(browser) = browser() else { return };
    let page = evaluation_html(&common::evaluation()).unwrap();
    let press = |act: &str| {
        let script = format!("<script>{act}</script></body>");
        dom(&browser, &page.replace("</body>", &script))
    };
    // What is in the place for the images, and not the same words elsewhere.
    let cell = |dom: &str| {
        let (_, rest) = dom.split_once("id=\"cell\"").unwrap();
        rest.split("</section>").next().unwrap().to_owned()
    };
    let square = "document.querySelector('[data-row=\"2\"][data-column=\"4\"]')";
    let shown = press(&format!("{square}.dispatchEvent(new MouseEvent('click'));"));
    assert!(!shown.contains("data-error"), "{}", error_of(&shown));
    let shown = cell(&shown);
    for words in [
        "dandelion, taken for sunflower: 6 of 20 images",
        "97.3 % sure",
        "test/dandelion/0017.jpg",
        "5 more",
    ] {
        assert!(shown.contains(words), "no `{words}` in {shown}");
    }
    assert_eq!(shown.matches("<img").count(), 1);
    // From the first square two down and four to the right.
    let keys = "let at = document.querySelector('[data-row=\"0\"][data-column=\"0\"]'); at.focus();
        for (const key of ['ArrowDown', 'ArrowDown', 'ArrowRight', 'ArrowRight', 'ArrowRight',
            'ArrowRight']) {
          document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
        }";
    let by_keys = press(keys);
    assert!(!by_keys.contains("data-error"), "{}", error_of(&by_keys));
    assert!(cell(&by_keys).contains("dandelion, taken for sunflower: 6 of 20 images"));
    assert_eq!(by_keys.matches(" aria-pressed=\"true\"").count(), 1);
    assert_eq!(by_keys.matches("role=\"button\" tabindex=\"0\"").count(), 1);
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
