//! The figures that the console, stock clients and tools of monitoring can ask for, by their documented names. None tells what is in a request.

use std::fmt;

use iproto::msgpack::{Scalar, Writer};

use crate::export::ExportStatistics;
use crate::store;

/// A documented figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistic {
    /// `wallarm.stat.export_delay`, in seconds
    ExportDelay,
    /// `wallarm.stat.timeframe_size`, in seconds
    TimeframeSize,
    /// `wallarm.stat.dropped_before_export`, a count
    DroppedBeforeExport,
    /// `wallarm.stat.export_drops_flag`, 0 or 1
    ExportDropsFlag,
    /// `wallarm.stat.last_request_id`, a count
    LastRequestId,
    /// `wallarm.stat.uptime`, in seconds
    Uptime,
}

impl Statistic {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::ExportDelay,
        Self::TimeframeSize,
        Self::DroppedBeforeExport,
        Self::ExportDropsFlag,
        Self::LastRequestId,
        Self::Uptime,
    ];

    /// The name of the function that returns it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ExportDelay => "wallarm.stat.export_delay",
            Self::TimeframeSize => "wallarm.stat.timeframe_size",
            Self::DroppedBeforeExport => "wallarm.stat.dropped_before_export",
            Self::ExportDropsFlag => "wallarm.stat.export_drops_flag",
            Self::LastRequestId => "wallarm.stat.last_request_id",
            Self::Uptime => "wallarm.stat.uptime",
        }
    }

    /// The figure whose function has this name.
    #[must_use]
    pub fn by_name(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|each| each.name().as_bytes() == name)
    }

    /// The figure that `line` asks for as it is typed into a console: its function with `()`, maybe behind `return `,
    /// maybe between blanks.
    #[must_use]
    pub fn by_line(line: &[u8]) -> Option<Self> {
        let line = line.trim_ascii();
        let call = line.strip_prefix(b"return ").map_or(line, <[u8]>::trim_ascii_start);
        call.strip_suffix(b"()").and_then(Self::by_name)
    }

    /// Picks the figure.
    #[must_use]
    pub fn pick(self, store: &store::Statistics, export: &ExportStatistics) -> Number {
        match self {
            Self::ExportDelay => Number::Seconds(export.delay),
            Self::TimeframeSize => Number::Seconds(store.timeframe),
            Self::DroppedBeforeExport => Number::Count(export.dropped),
            Self::ExportDropsFlag => Number::Count(export.dropping.into()),
            Self::LastRequestId => Number::Count(store.requests),
            Self::Uptime => Number::Seconds(store.uptime),
        }
    }
}

/// The value of a figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// Seconds, with a fraction.
    Seconds(f64),
    /// A count.
    Count(u64),
}

impl Number {
    /// The figure in an answer; `None` if it is none, or one that cannot be.
    #[must_use]
    pub fn read(answer: Scalar<'_>) -> Option<Self> {
        match answer {
            Scalar::Uint(count) => Some(Self::Count(count)),
            Scalar::Float(seconds) if seconds.is_finite() && seconds >= 0.0 => Some(Self::Seconds(seconds)),
            _ => None,
        }
    }

    /// For comparing.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Seconds(seconds) => seconds,
            Self::Count(count) => count as f64,
        }
    }

    /// Appends it as MessagePack.
    pub fn write(self, writer: &mut Writer<'_>) {
        match self {
            Self::Seconds(seconds) => writer.float(seconds),
            Self::Count(count) => writer.uint(count),
        };
    }
}

impl fmt::Display for Number {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seconds(seconds) => seconds.fmt(formatter),
            Self::Count(count) => count.fmt(formatter),
        }
    }
}

/// A YAML document with one value, as Tarantool's console prints the result of a line.
#[must_use]
pub fn yaml(value: impl fmt::Display) -> String {
    format!("---\n- {value}\n...\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_understood_with_and_without_return_and_blanks() {
        for line in [
            "wallarm.stat.export_delay()",
            "return wallarm.stat.export_delay()",
            "  return  wallarm.stat.export_delay() \n",
        ] {
            assert_eq!(Statistic::by_line(line.as_bytes()), Some(Statistic::ExportDelay), "{line:?}");
        }
    }

    #[test]
    fn nothing_else_is_understood() {
        for line in [
            "",
            "return",
            "wallarm.stat.export_delay",
            "wallarm.stat.export_delay(1)",
            "wallarm.stat.export_delay();os.exit()",
            "returnwallarm.stat.export_delay()",
        ] {
            assert_eq!(Statistic::by_line(line.as_bytes()), None, "{line:?}");
        }
    }

    #[test]
    fn answers_that_are_no_figure_or_an_impossible_one_are_told_apart() {
        assert_eq!(Number::read(Scalar::Uint(7)), Some(Number::Count(7)));
        assert_eq!(Number::read(Scalar::Float(0.5)), Some(Number::Seconds(0.5)));
        for nonsense in [
            Scalar::Float(f64::NAN),
            Scalar::Float(f64::INFINITY),
            Scalar::Float(-0.5),
            Scalar::Int(-1),
            Scalar::Bool(true),
            Scalar::Str(b"900"),
            Scalar::Nil,
        ] {
            assert_eq!(Number::read(nonsense), None);
        }
    }

    #[test]
    fn documents_look_like_those_of_the_stock_console() {
        assert_eq!(yaml(Number::Seconds(0.5)), "---\n- 0.5\n...\n");
        assert_eq!(yaml(Number::Seconds(0.0)), "---\n- 0\n...\n");
        assert_eq!(yaml(Number::Count(7)), "---\n- 7\n...\n");
    }
}
