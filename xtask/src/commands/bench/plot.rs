//! The figures as a picture: a bar for each variant in each case, on a logarithmic axis, since the peer is beyond any other.

use std::fmt::Write as _;

use crate::nginx::bench::results::Results;

const WIDTH: f64 = 860.0;
const LEFT: f64 = 250.0;
const RIGHT: f64 = 90.0;
const TOP: f64 = 70.0;
const BAR: f64 = 18.0;
const GAP: f64 = 26.0;
/// The axis begins at this many microseconds.
const FLOOR: f64 = 1.0;

/// Fill of each variant, in order; a palette that colour-blind readers can tell apart.
const FILLS: [&str; 3] = ["#8a9099", "#0072b2", "#d55e00"];

/// The picture.
pub fn svg(results: &Results) -> String {
    let bars: usize = results.cases.iter().map(|row| row.variants.len()).sum();
    let bottom = TOP + bars as f64 * BAR + results.cases.len() as f64 * GAP;
    let most = results.cases.iter().flat_map(|row| &row.variants).map(|cell| cell.cpu_us).fold(100.0, f64::max);
    let scale = Scale { decades: most.log10().ceil() };
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         font-family=\"sans-serif\" font-size=\"13\">\n<title>Processor time of an NGINX worker by request</title>\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n\
         <text x=\"20\" y=\"30\" font-size=\"17\" font-weight=\"bold\">Processor time of an NGINX worker by request, µs</text>\n\
         <text x=\"20\" y=\"50\" fill=\"#555\">logarithmic; the black mark is the goal</text>\n",
        height = bottom + 40.0
    );
    axis(&mut svg, &scale, bottom);
    let mut y = TOP;
    for row in &results.cases {
        y += GAP;
        let _ = writeln!(svg, "<text x=\"20\" y=\"{:.1}\">{}</text>", y - 6.0, escape(row.case));
        let alone = row.variants.first().map_or(0.0, |cell| cell.cpu_us);
        for (number, cell) in row.variants.iter().enumerate() {
            let (end, fill) = (scale.x(cell.cpu_us), FILLS[number % FILLS.len()]);
            let _ = write!(
                svg,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#333\">{}</text>\n\
                 <rect x=\"{LEFT}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{fill}\"/>\n\
                 <text x=\"{:.1}\" y=\"{:.1}\">{:.1}</text>\n",
                LEFT - 8.0,
                y + 13.0,
                escape(cell.name),
                y + 2.0,
                end - LEFT,
                BAR - 4.0,
                end + 6.0,
                y + 13.0,
                cell.cpu_us,
            );
            if let (1, Some(goal)) = (number, row.goal_us) {
                let x = scale.x(alone + goal);
                let _ = writeln!(
                    svg,
                    "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{:.1}\" y2=\"{:.1}\" stroke=\"#000\" stroke-width=\"3\"/>",
                    y - 1.0,
                    y + BAR - 1.0
                );
            }
            y += BAR;
        }
    }
    svg.push_str("</svg>\n");
    svg
}

fn axis(svg: &mut String, scale: &Scale, bottom: f64) {
    let mut value = FLOOR;
    while value <= 10_f64.powf(scale.decades) * 1.001 {
        let x = scale.x(value);
        // Writing into a String cannot fail.
        let _ = write!(
            svg,
            "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{bottom:.1}\" stroke=\"#ddd\"/>\n\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#555\">{value:.0}</text>\n",
            bottom + 20.0
        );
        value *= 10.0;
    }
}

/// From microseconds to a place on the picture.
struct Scale {
    decades: f64,
}

impl Scale {
    fn x(&self, us: f64) -> f64 {
        LEFT + (us.max(FLOOR) / FLOOR).log10() / self.decades * (WIDTH - LEFT - RIGHT)
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_runs_from_one_microsecond_to_the_end_of_the_last_decade() {
        let scale = Scale { decades: 3.0 };
        assert_eq!((scale.x(0.1), scale.x(1.0), scale.x(1000.0)), (LEFT, LEFT, WIDTH - RIGHT));
    }
}
