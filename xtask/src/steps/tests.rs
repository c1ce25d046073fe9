use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::drive::{self, Listener, Outcome, Row};
use super::{Facts, Journal, Lasts, Span, Step, facts};

/// A bakery: flour is milled, dough is made of it, bread of that; each step appends its name to a list of what was done.
struct Bakery {
    folder: PathBuf,
}

impl Bakery {
    fn do_step(&self, name: &str, from: &str, to: &str) -> anyhow::Result<String> {
        let mut done = fs::read_to_string(self.folder.join("done")).unwrap_or_default();
        done += &format!("{name}\n");
        fs::write(self.folder.join("done"), done)?;
        if std::env::var(ABORT_AT).is_ok_and(|step| step == name) {
            std::process::abort();
        }
        let text = fs::read_to_string(self.folder.join(from))?;
        fs::write(self.folder.join(to), format!("{text}{name}\n"))?;
        Ok(format!("{name} is done"))
    }

    fn file(&self, name: &str) -> anyhow::Result<Facts> {
        facts::files(&self.folder, |path| path == name)
    }

    fn done(&self) -> Vec<String> {
        let text = fs::read_to_string(self.folder.join("done")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

const ABORT_AT: &str = "STEPS_TEST_ABORT_AT";
const FOLDER: &str = "STEPS_TEST_FOLDER";

const STEPS: [Step<Bakery>; 4] = [
    Step {
        name: "look",
        what: "Look into the barn",
        lasts: Lasts::ForNow,
        inputs: |_| Ok(Facts::new()),
        outputs: |_| Ok(Facts::new()),
        run: |bakery| Ok(fs::read_to_string(bakery.folder.join("corn"))?),
    },
    Step {
        name: "mill",
        what: "Mill",
        lasts: Lasts::WhileUnchanged,
        inputs: |bakery| bakery.file("corn"),
        outputs: |bakery| bakery.file("flour"),
        run: |bakery| bakery.do_step("mill", "corn", "flour"),
    },
    Step {
        name: "knead",
        what: "Knead",
        lasts: Lasts::WhileUnchanged,
        inputs: |bakery| bakery.file("flour"),
        outputs: |bakery| bakery.file("dough"),
        run: |bakery| bakery.do_step("knead", "flour", "dough"),
    },
    Step {
        name: "bake",
        what: "Bake",
        lasts: Lasts::WhileUnchanged,
        inputs: |bakery| bakery.file("dough"),
        outputs: |bakery| bakery.file("bread"),
        run: |bakery| bakery.do_step("bake", "dough", "bread"),
    },
];

struct Quiet;

impl Listener for Quiet {
    fn begins(&self, _: &'static str, _: &str, _: &str) {}
    fn ended(&self, _: &Row) {}
}

fn bakery() -> (tempfile::TempDir, Bakery) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("corn"), "corn\n").unwrap();
    let bakery = Bakery { folder: folder.path().to_owned() };
    (folder, bakery)
}

fn run(bakery: &Bakery, span: &Span) -> anyhow::Result<Vec<Row>> {
    let mut journal = Journal::open(&bakery.folder.join("journal"))?;
    drive::run(&STEPS, span, bakery, &mut journal, &Quiet)
}

fn whole(bakery: &Bakery) -> Vec<Outcome> {
    run(bakery, &Span::default()).unwrap().iter().map(|row| row.outcome).collect()
}

fn span(from: &str, until: &str) -> Span {
    let some = |name: &str| (!name.is_empty()).then(|| name.to_owned());
    Span { from: some(from), until: some(until) }
}

#[test]
fn a_second_run_does_only_what_is_of_the_moment() {
    let (_folder, bakery) = bakery();
    assert_eq!(whole(&bakery), [Outcome::Done; 4]);
    assert_eq!(whole(&bakery), [Outcome::Done, Outcome::StillTrue, Outcome::StillTrue, Outcome::StillTrue]);
    assert_eq!(bakery.done(), ["mill", "knead", "bake"]);
    let remark = &run(&bakery, &Span::default()).unwrap()[2].remark;
    assert_eq!(remark, "knead is done", "what it said then is said again");
}

#[test]
fn a_changed_input_does_everything_again_that_is_made_from_it() {
    let (_folder, bakery) = bakery();
    whole(&bakery);
    fs::write(bakery.folder.join("dough"), "better dough").unwrap();
    // The dough is not what kneading left, so that is done again; and then it is what it was when the bread was baked.
    assert_eq!(whole(&bakery), [Outcome::Done, Outcome::StillTrue, Outcome::Done, Outcome::StillTrue]);
    fs::write(bakery.folder.join("corn"), "rye").unwrap();
    assert_eq!(whole(&bakery), [Outcome::Done; 4]);
    assert_eq!(fs::read_to_string(bakery.folder.join("bread")).unwrap(), "ryemill\nknead\nbake\n");
}

#[test]
fn a_result_that_is_gone_is_made_again() {
    let (_folder, bakery) = bakery();
    whole(&bakery);
    fs::remove_file(bakery.folder.join("bread")).unwrap();
    let journal = Journal::open(&bakery.folder.join("journal")).unwrap();
    let planned = drive::plan(&STEPS, &Span::default(), &bakery, &journal).unwrap();
    assert_eq!((planned[3].outcome, planned[3].remark.as_str()), (Outcome::ToDo, "its result is not as it was: bread"));
    drop(journal);
    assert_eq!(whole(&bakery)[3], Outcome::Done);
}

#[test]
fn a_dry_run_says_what_would_be_done_and_does_nothing() {
    let (_folder, bakery) = bakery();
    run(&bakery, &span("", "mill")).unwrap();
    let journal = Journal::open(&bakery.folder.join("journal")).unwrap();
    let planned = drive::plan(&STEPS, &Span::default(), &bakery, &journal).unwrap();
    let said: Vec<_> = planned.iter().map(|row| (row.outcome, row.remark.as_str())).collect();
    assert_eq!(
        said,
        [
            (Outcome::ToDo, "of this moment"),
            (Outcome::StillTrue, ""),
            (Outcome::ToDo, "not finished yet"),
            (Outcome::ToDo, "not finished yet")
        ]
    );
    assert_eq!(bakery.done(), ["mill"]);
}

#[test]
fn a_dry_run_does_not_promise_what_an_earlier_step_may_change() {
    let (_folder, bakery) = bakery();
    whole(&bakery);
    fs::remove_file(bakery.folder.join("flour")).unwrap();
    let journal = Journal::open(&bakery.folder.join("journal")).unwrap();
    let planned = drive::plan(&STEPS, &span("mill", ""), &bakery, &journal).unwrap();
    assert_eq!((planned[1].outcome, planned[1].remark.as_str()), (Outcome::ToDo, "asked for"));
    assert_eq!(planned[2].remark, "flour has changed");
    assert_eq!(planned[3].outcome, Outcome::StillTrue);
    assert_eq!(planned[3].remark, "unless knead changes what it is made from");
}

#[test]
fn a_span_leaves_out_what_lies_outside_and_runs_its_first_step_again() {
    let (_folder, bakery) = bakery();
    run(&bakery, &span("", "knead")).unwrap();
    let outcomes: Vec<_> = run(&bakery, &span("knead", "knead")).unwrap().iter().map(|row| row.outcome).collect();
    assert_eq!(outcomes, [Outcome::LeftOut, Outcome::LeftOut, Outcome::Done, Outcome::LeftOut]);
    assert_eq!(bakery.done(), ["mill", "knead", "knead"]);
    let error = run(&bakery, &span("bake", "mill")).unwrap_err().to_string();
    assert!(error.contains("exchange them"), "{error}");
    let error = run(&bakery, &span("eat", "")).unwrap_err().to_string();
    assert_eq!(error, "there is no step `eat`; there are look, mill, knead, bake");
}

#[test]
fn a_step_that_fails_names_itself_and_is_the_first_of_the_next_run() {
    let (_folder, bakery) = bakery();
    run(&bakery, &span("", "mill")).unwrap();
    let flour = fs::read(bakery.folder.join("flour")).unwrap();
    fs::create_dir(bakery.folder.join("dough")).unwrap();
    let error = format!("{:#}", run(&bakery, &Span::default()).unwrap_err());
    assert!(error.starts_with("step knead has failed: "), "{error}");
    fs::remove_dir(bakery.folder.join("dough")).unwrap();
    assert_eq!(whole(&bakery), [Outcome::Done, Outcome::StillTrue, Outcome::Done, Outcome::Done]);
    assert_eq!(fs::read(bakery.folder.join("flour")).unwrap(), flour);
}

/// What the child of the next test does; in a run of its own there is nothing to do but to see that nothing is set.
#[test]
fn a_child_that_may_be_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        assert!(std::env::var_os(ABORT_AT).is_none());
        return;
    };
    whole(&Bakery { folder: PathBuf::from(folder) });
}

#[test]
fn killed_in_any_step_only_that_one_is_done_twice() {
    for (number, victim) in ["mill", "knead", "bake"].into_iter().enumerate() {
        let (_folder, bakery) = bakery();
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "steps::tests::a_child_that_may_be_killed"]);
        let killed = child.env(FOLDER, &bakery.folder).env(ABORT_AT, victim).output().unwrap();
        assert!(!killed.status.success(), "{killed:?}");
        let mut expected = [Outcome::Done; 4];
        expected[1..=number].fill(Outcome::StillTrue);
        assert_eq!(whole(&bakery), expected, "{victim}");
        let twice = bakery.done().iter().filter(|step| *step == victim).count();
        assert_eq!((twice, bakery.done().len()), (2, 4), "{victim}: {:?}", bakery.done());
        assert_eq!(fs::read_to_string(bakery.folder.join("bread")).unwrap(), "corn\nmill\nknead\nbake\n");
    }
}

#[test]
fn a_second_run_at_the_same_time_is_refused() {
    let (_folder, bakery) = bakery();
    let _first = Journal::open(&bakery.folder.join("journal")).unwrap();
    let error = run(&bakery, &Span::default()).unwrap_err().to_string();
    assert!(error.contains("another run works in"), "{error}");
}

#[test]
fn a_damaged_journal_is_refused_and_nothing_is_guessed() {
    let (_folder, bakery) = bakery();
    whole(&bakery);
    let path = bakery.folder.join("journal/state.json");
    let good = fs::read_to_string(&path).unwrap();
    for bad in ["", "{", &good.replace("\"schema\": 1", "\"schema\": 2"), &good.replace("remark", "remarks")] {
        fs::write(&path, bad).unwrap();
        let error = format!("{:#}", run(&bakery, &Span::default()).unwrap_err());
        assert!(error.contains("remove it, and every step is done again"), "{error}");
    }
    assert_eq!(bakery.done().len(), 3);
}

#[test]
fn an_input_that_changes_while_a_step_is_at_work_makes_it_fail() {
    const RESTLESS: [Step<PathBuf>; 1] = [Step {
        name: "restless",
        what: "Change what it is made from",
        lasts: Lasts::WhileUnchanged,
        inputs: |folder| facts::files(folder, |path| path == "input"),
        outputs: |_| Ok(Facts::new()),
        run: |folder| Ok(fs::write(folder.join("input"), "other").map(|()| String::new())?),
    }];
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("input"), "one").unwrap();
    let mut journal = Journal::open(Path::new(&folder.path().join("journal"))).unwrap();
    let ran = drive::run(&RESTLESS, &Span::default(), &folder.path().to_owned(), &mut journal, &Quiet);
    assert!(ran.unwrap_err().to_string().contains("input has changed while it was at work"));
    assert!(journal.of("restless").is_none());
}
