//! A plan as a picture: a row a distro, a column a package, and a mark of one colour wherever the same built thing is packed.

use std::collections::BTreeSet;

use maud::{Markup, PreEscaped, html};
use packaging::names::PackageName;

use super::{Module, Package, Plan, System};

/// Left of the first column: the distros' names.
const MARGIN: f64 = 220.0;
/// Above the first row: the title, what is built once, and the slanted names of the packages.
const TOP: f64 = 330.0;
const ROW: f64 = 34.0;
/// A mark with a version in it, and the space to the next.
const MARK: f64 = 54.0;
const MARK_GAP: f64 = 5.0;
const NARROW: f64 = 66.0;
/// Right of the last column: its slanted name leans out.
const LEAN: f64 = 110.0;

const STYLE: &str = "
    text { font-family: system-ui, 'Segoe UI', Helvetica, Arial, 'DejaVu Sans', sans-serif; fill: #1f2328 }
    .title { font-size: 20px; font-weight: 600 }
    .what { font-size: 12px; fill: #57606a }
    .head { font-size: 13px; font-weight: 600 }
    .name { font-size: 13px }
    .mark { font-size: 11px; text-anchor: middle; font-family: ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace }
    .line { stroke: #d0d7de; stroke-width: 1 }
    .plain { fill: #8c959f }
";

/// The picture.
pub fn svg(plan: &Plan) -> String {
    let columns = columns(plan);
    let right = columns.last().map_or(MARGIN, |column| column.x + column.width);
    let (width, bottom) = (right + LEAN, TOP + plan.distros.len() as f64 * ROW);
    let height = bottom + 44.0;
    let title = format!("{} packages for {} distros", plan.packages(), plan.distros.len());
    // Neighbours of one family stand together.
    let mut by_title: Vec<&System> = plan.distros.iter().collect();
    by_title.sort_by(|a, b| a.title.cmp(&b.title));
    let picture = html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox={ "0 0 " (width) " " (height) } role="img" aria-label=(title) {
            style { (PreEscaped(STYLE)) }
            rect width=(width) height=(height) rx="8" fill="#ffffff" {}
            text class="title" x="24" y="38" { (title) }
            text class="what" x="24" y="60" { "A row a distro, a column a package. The same colour is the same file, built once." }
            (built_once(plan, width))
            @for column in &columns { (head(column, bottom)) }
            @for (number, system) in by_title.into_iter().enumerate() {
                (row(system, TOP + number as f64 * ROW, &columns, plan, right))
            }
            text class="what" x="24" y=(bottom + 26.0) {
                "A dot is a package without machine code; a number is the NGINX that a module is for. Everything but a dot has its debugging symbols in a package beside it."
            }
        }
    };
    picture.into_string() + "\n"
}

/// A package's place.
struct Column {
    name: PackageName,
    arches: String,
    x: f64,
    width: f64,
}

/// Packages for every server first, then those with something built inside; each as wide as its fullest cell.
fn columns(plan: &Plan) -> Vec<Column> {
    // Where there are symbols follows from the rest: columns of their own would say nothing more.
    let all = || plan.distros.iter().flat_map(|system| &system.packages).filter(|one| one.symbols_of.is_none());
    let key = |package: &Package| (!package.nginx.is_empty(), !package.binaries.is_empty(), package.name.clone());
    let names: BTreeSet<_> = all().map(key).collect();
    let mut x = MARGIN;
    let column = |(.., name): (bool, bool, PackageName)| {
        let here: Vec<&Package> = all().filter(|package| package.name == name).collect();
        let arches: BTreeSet<&str> = here.iter().map(|package| package.arch.as_str()).collect();
        let marks = here.iter().map(|package| package.nginx.len() + package.binaries.len()).max().unwrap_or(0);
        let width = NARROW.max(marks as f64 * (MARK + MARK_GAP) + 18.0);
        let column = Column { name, arches: arches.into_iter().collect::<Vec<_>>().join(", "), x, width };
        x += width;
        column
    };
    names.into_iter().map(column).collect()
}

fn head(column: &Column, bottom: f64) -> Markup {
    let (x, y) = (column.x + column.width / 2.0, TOP - 14.0);
    html! {
        line class="line" x1=(column.x) x2=(column.x) y1=(TOP - 6.0) y2=(bottom) {}
        g transform={ "translate(" (x) " " (y) ") rotate(-45)" } {
            text class="head" { (column.name) }
            text class="what" y="14" x="14" { (column.arches) }
        }
    }
}

fn row(system: &System, y: f64, columns: &[Column], plan: &Plan, right: f64) -> Markup {
    let middle = y + ROW / 2.0;
    html! {
        line class="line" x1="24" x2=(right) y1=(y) y2=(y) {}
        text class="name" x="24" y=(middle + 4.5) { (system.title) }
        @for column in columns {
            @let here: Vec<&Package> = system.packages.iter().filter(|package| package.name == column.name).collect();
            @if let Some(package) = here.first() {
                g { title { (package.file) } (cell(package, column, middle, plan)) }
            }
        }
    }
}

/// The marks of one package for one distro.
fn cell(package: &Package, column: &Column, middle: f64, plan: &Plan) -> Markup {
    let colour_of = |build: &super::NginxBuild| {
        let fits = |module: &&Module| (module.nginx, &module.signature) == (build.version, &build.signature);
        colour(plan.modules.iter().position(|module| fits(&module)).unwrap_or(0) + 1, plan)
    };
    let programs = package.binaries.iter().map(|_| ("server".to_owned(), colour(0, plan)));
    let modules = package.nginx.iter().map(|build| (build.version.to_string(), colour_of(build)));
    let marks: Vec<_> = programs.chain(modules).collect();
    let whole = marks.len() as f64 * (MARK + MARK_GAP) - MARK_GAP;
    let x = column.x + (column.width - whole) / 2.0;
    html! {
        @if marks.is_empty() {
            circle class="plain" cx=(column.x + column.width / 2.0) cy=(middle) r="5" {}
        }
        @for (number, (text, colour)) in marks.iter().enumerate() {
            (mark(x + number as f64 * (MARK + MARK_GAP), middle, MARK, text, colour))
        }
    }
}

fn mark(x: f64, middle: f64, width: f64, text: &str, colour: &Colour) -> Markup {
    html! {
        rect x=(x) y=(middle - 10.0) width=(width) height="20" rx="10" fill=(colour.fill) stroke=(colour.edge) {}
        text class="mark" x=(x + width / 2.0) y=(middle + 4.0) { (text) }
    }
}

/// The things that are built, in a band across the top.
fn built_once(plan: &Plan, width: f64) -> Markup {
    let programs = plan.binaries.iter().map(|binary| (format!("{} {}", binary.name, binary.arch), colour(0, plan)));
    let modules = plan
        .modules
        .iter()
        .enumerate()
        .map(|(number, module)| (format!("NGINX {} {}", module.nginx, module.arch), colour(number + 1, plan)));
    let (wide, gap) = (150.0, 8.0);
    let fits = ((width - 48.0) / (wide + gap)).floor().max(1.0);
    html! {
        text class="head" x="24" y="92" { "Built once, for glibc " (plan.glibc) }
        @for (number, (text, colour)) in programs.chain(modules).enumerate() {
            @let (line, place) = ((number as f64 / fits).floor(), number as f64 % fits);
            (mark(24.0 + place * (wide + gap), 114.0 + line * 27.0, wide, &text, &colour))
        }
    }
}

/// How one built thing is marked everywhere.
struct Colour {
    fill: String,
    edge: String,
}

/// Colours as far apart as the number of things allows; neighbours differ in lightness, too.
fn colour(number: usize, plan: &Plan) -> Colour {
    let count = plan.modules.len() + 1;
    let hue = 360 * number / count;
    let light = if number.is_multiple_of(2) { 90 } else { 80 };
    Colour { fill: format!("hsl({hue}, 75%, {light}%)"), edge: format!("hsl({hue}, 45%, 45%)") }
}

#[cfg(test)]
mod tests {
    use crate::plan::golden;

    #[test]
    fn every_distro_package_and_module_is_in_the_picture() {
        let plan = golden::whole();
        let svg = super::svg(&plan);
        for system in &plan.distros {
            assert!(svg.contains(&format!(">{}</text>", system.title)), "{}", system.title);
            for package in system.packages.iter().filter(|one| one.symbols_of.is_none()) {
                assert!(svg.contains(&format!("<title>{}</title>", package.file)), "{}", package.file);
            }
        }
        for module in &plan.modules {
            assert!(svg.contains(&format!(">NGINX {} {}</text>", module.nginx, module.arch)), "{}", module.nginx);
        }
    }

    #[test]
    fn it_is_well_formed_xml() {
        let mut open = Vec::new();
        for part in super::svg(&golden::whole()).split('<').skip(1) {
            let tag = part.split('>').next().unwrap();
            match tag.strip_prefix('/') {
                Some(name) => assert_eq!(open.pop().as_deref(), Some(name)),
                None => open.push(tag.split_whitespace().next().unwrap().to_owned()),
            }
        }
        assert!(open.is_empty(), "{open:?}");
    }
}
