//! Figures as a picture: groups of bars on one axis.

use std::fmt::Write as _;

const WIDTH: f64 = 860.0;
const LEFT: f64 = 250.0;
const RIGHT: f64 = 130.0;
const TOP: f64 = 70.0;
const BAR: f64 = 18.0;
const GAP: f64 = 26.0;
/// A logarithmic axis begins here.
const FLOOR: f64 = 1.0;

/// Fill of this project's bars, and of the others in their order; a palette that colour-blind readers can tell apart.
const OURS: &str = "#0072b2";
const OTHERS: [&str; 4] = ["#8a9099", "#d55e00", "#e69f00", "#56b4e9"];

/// A picture.
pub struct Chart {
    /// What is shown, with its unit.
    pub title: String,
    /// Below it, in small.
    pub remark: String,
    /// How values become lengths.
    pub axis: Axis,
    /// From top to bottom.
    pub groups: Vec<Group>,
}

/// How values become lengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// From 0 to the largest.
    Linear,
    /// Whole decades, from 1.
    Logarithmic,
}

/// Bars that are compared.
pub struct Group {
    /// Above them.
    pub name: String,
    /// From top to bottom.
    pub bars: Vec<Bar>,
}

/// One figure.
pub struct Bar {
    /// On its left.
    pub name: String,
    /// Its length.
    pub value: f64,
    /// On its right.
    pub label: String,
    /// It is this project's.
    pub ours: bool,
    /// Where a mark is set.
    pub goal: Option<f64>,
}

impl Chart {
    /// The picture as SVG.
    pub fn svg(&self) -> String {
        let bars: usize = self.groups.iter().map(|group| group.bars.len()).sum();
        let bottom = TOP + bars as f64 * BAR + self.groups.len() as f64 * GAP;
        let scale = self.scale();
        let title = escape(&self.title);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
             font-family=\"sans-serif\" font-size=\"13\">\n<title>{title}</title>\n\
             <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n\
             <text x=\"20\" y=\"30\" font-size=\"17\" font-weight=\"bold\">{title}</text>\n\
             <text x=\"20\" y=\"50\" fill=\"#555\">{}</text>\n",
            escape(&self.remark),
            height = bottom + 40.0
        );
        axis(&mut svg, &scale, bottom);
        let mut y = TOP;
        for group in &self.groups {
            y += GAP;
            // Writing into a String cannot fail.
            let _ = writeln!(svg, "<text x=\"20\" y=\"{:.1}\">{}</text>", y - 6.0, escape(&group.name));
            let mut others = OTHERS.iter().cycle();
            for bar in &group.bars {
                let fill = if bar.ours { OURS } else { others.next().unwrap_or(&OURS) };
                draw(&mut svg, bar, fill, y, &scale);
                y += BAR;
            }
        }
        svg.push_str("</svg>\n");
        svg
    }

    fn scale(&self) -> Scale {
        let most = self.groups.iter().flat_map(|group| &group.bars).map(|bar| bar.value).fold(0.0, f64::max);
        match self.axis {
            Axis::Linear => Scale::Linear { most: if most > 0.0 { most } else { 1.0 } },
            Axis::Logarithmic => Scale::Logarithmic { decades: most.max(100.0).log10().ceil() },
        }
    }
}

fn draw(svg: &mut String, bar: &Bar, fill: &str, y: f64, scale: &Scale) {
    let end = scale.x(bar.value);
    let _ = write!(
        svg,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#333\">{}</text>\n\
         <rect x=\"{LEFT}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{fill}\"/>\n\
         <text x=\"{:.1}\" y=\"{:.1}\">{}</text>\n",
        LEFT - 8.0,
        y + 13.0,
        escape(&bar.name),
        y + 2.0,
        end - LEFT,
        BAR - 4.0,
        end + 6.0,
        y + 13.0,
        escape(&bar.label),
    );
    if let Some(goal) = bar.goal {
        let x = scale.x(goal);
        let _ = writeln!(
            svg,
            "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{:.1}\" y2=\"{:.1}\" stroke=\"#000\" stroke-width=\"3\"/>",
            y - 1.0,
            y + BAR - 1.0
        );
    }
}

fn axis(svg: &mut String, scale: &Scale, bottom: f64) {
    for value in scale.marks() {
        let x = scale.x(value);
        let _ = write!(
            svg,
            "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{bottom:.1}\" stroke=\"#ddd\"/>\n\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#555\">{value}</text>\n",
            bottom + 20.0
        );
    }
}

/// From a value to a place on the picture.
enum Scale {
    Linear { most: f64 },
    Logarithmic { decades: f64 },
}

impl Scale {
    fn x(&self, value: f64) -> f64 {
        let part = match self {
            Self::Linear { most } => value / most,
            Self::Logarithmic { decades } => (value.max(FLOOR) / FLOOR).log10() / decades,
        };
        LEFT + part * (WIDTH - LEFT - RIGHT)
    }

    /// Where the axis has lines: at whole decades, or at four to nine round values.
    fn marks(&self) -> Vec<f64> {
        match self {
            Self::Logarithmic { decades } => {
                std::iter::successors(Some(FLOOR), |value| Some(value * 10.0)).take(*decades as usize + 1).collect()
            }
            Self::Linear { most } => {
                let decade = 10_f64.powf((most / 4.0).log10().floor());
                let steps = [1.0, 2.0, 5.0].map(|factor| factor * decade);
                let step = steps.into_iter().rev().find(|step| most / step >= 4.0).unwrap_or(decade);
                (0..).map(|number| f64::from(number) * step).take_while(|value| value <= most).collect()
            }
        }
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logarithmic_axis_runs_from_one_to_the_end_of_the_last_decade() {
        let scale = Scale::Logarithmic { decades: 3.0 };
        assert_eq!((scale.x(0.1), scale.x(1.0), scale.x(1000.0)), (LEFT, LEFT, WIDTH - RIGHT));
        assert_eq!(scale.marks(), [1.0, 10.0, 100.0, 1000.0]);
    }

    #[test]
    fn a_linear_axis_has_round_marks() {
        assert_eq!(Scale::Linear { most: 13.2 }.marks(), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0]);
        assert_eq!(Scale::Linear { most: 4.0 }.marks(), [0.0, 1.0, 2.0, 3.0, 4.0]);
    }
}
