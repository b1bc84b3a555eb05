//! Figures as a page.

use crate::{
    figure::{Figure, Target, Unit},
    machine,
};

/// What stands before the sections.
const PREAMBLE: &str = "# What Windlass costs\n\n\
    Each figure is the median of five rounds, each round the median of its runs; beside it stands the least of all single runs. A\n\
    peer runs in turns with us, and the ratio is the median of the five ratios. Below 1 we are faster. A load above the number of\n\
    cores means that others used the machine meanwhile: times are then too long on both sides, and the ratios are what holds.\n\
    Profile `dev`: wasmtime, compilers and hashes at level 2, all else at 1.\n";

/// Begins a section.
const HEADING: &str = "\n## ";

/// Circumstances of a part, in words.
pub(crate) struct Made<'a> {
    /// What was run.
    pub(crate) command: &'a str,
    /// Load averages before it.
    pub(crate) before: &'a str,
}

/// The page: of every part its section of now, or else the one that `kept` has. `sections`: all there may be, in order.
pub(crate) fn page(kept: &str, sections: &[(&str, Option<String>)]) -> String {
    let found = |title: &str| {
        let mut old = kept.split(HEADING).skip(1);
        old.find_map(|section| section.strip_prefix(title)?.strip_prefix('\n'))
    };
    let mut page = PREAMBLE.to_owned();
    for (title, text) in sections {
        if let Some(text) = text.as_deref().or_else(|| found(title)) {
            page.push_str(&format!("{HEADING}{title}\n{}\n", text.trim_end()));
        }
    }
    page
}

/// What stands below the title of a part, as Markdown.
pub(crate) fn section(made: &Made<'_>, figures: &[Figure]) -> String {
    let other = figures.iter().find_map(|figure| figure.other.as_ref());
    let (more, rule) = other.map_or_else(Default::default, |other| {
        (format!(" {0}'s median | ratio to {0} |", other.name), "---|---|")
    });
    let mut text = format!(
        "\nMade by `{}` on {}.\nLoad average before: {}; after: {}.\n\n\
         | work | median | least | peer | peer's median | ratio | target |{more}\n|---|---|---|---|---|---|---|{rule}\n",
        made.command,
        machine::describe(),
        made.before,
        machine::load(),
    );
    for figure in figures {
        text.push_str(&line(figure));
        if other.is_some() {
            text.push_str(&beside(figure));
        }
        text.push('\n');
    }
    text
}

fn line(figure: &Figure) -> String {
    let value = |value: f64| shown(value, figure.unit);
    let peer = figure.peer.as_ref();
    let ratio = peer.map(|peer| figure.ours.ratio(&peer.samples));
    format!(
        "| {} | {} | {} | {} | {} | {} | {} |",
        figure.work,
        value(figure.ours.median()),
        value(figure.ours.least()),
        peer.map_or("—", |peer| peer.name.as_str()),
        peer.map(|peer| value(peer.samples.median())).unwrap_or_default(),
        ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default(),
        figure
            .target
            .map(|target| verdict(figure, target, ratio))
            .unwrap_or_default(),
    )
}

/// The columns of a peer that is not measured in every run.
fn beside(figure: &Figure) -> String {
    let other = figure.other.as_ref().map(|other| &other.samples);
    format!(
        " {} | {} |",
        other
            .map(|other| shown(other.median(), figure.unit))
            .unwrap_or_default(),
        other
            .map(|other| to_two_digits(figure.ours.ratio(other)))
            .unwrap_or_default(),
    )
}

/// A ratio that may be small: two digits that say something.
fn to_two_digits(ratio: f64) -> String {
    let mut places = 2;
    while places < 6 && ratio > 0.0 && ratio * 10_f64.powi(places - 1) < 1.0 {
        places += 1;
    }
    format!("{ratio:.*}", usize::try_from(places).unwrap_or_default())
}

fn verdict(figure: &Figure, target: Target, ratio: Option<f64>) -> String {
    let median = figure.ours.median();
    let (words, met) = match target {
        Target::AtMost(most) => (format!("≤ {}", shown(most, figure.unit)), median <= most),
        Target::Exactly(wanted) => (shown(wanted, figure.unit), (median - wanted).abs() < 1e-9),
        Target::RatioAtMost(most) => match ratio {
            Some(ratio) => (format!("ratio ≤ {most}"), ratio <= most),
            None => return format!("ratio ≤ {most}: no peer here"),
        },
    };
    format!("{words}: {}", if met { "met" } else { "**missed**" })
}

fn shown(value: f64, unit: Unit) -> String {
    let name = match unit {
        Unit::Milliseconds => " ms",
        Unit::Microseconds => " µs",
        Unit::Seconds => " s",
        Unit::Mebibytes => " MiB",
        Unit::Kilobytes => " kB",
        Unit::Number => "",
    };
    if value.fract() == 0.0 || value >= 100.0 {
        format!("{value:.0}{name}")
    } else if value >= 10.0 {
        format!("{value:.1}{name}")
    } else {
        format!("{value:.2}{name}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::Samples;

    const MADE: Made<'_> = Made {
        command: "c",
        before: "0",
    };

    #[test]
    fn a_table_has_columns_for_another_peer_where_there_is_one() {
        let plain = || Figure::new("w", Samples::of([2.0]), Unit::Seconds);
        let table = section(&MADE, &[plain()]);
        assert!(table.contains("| ratio | target |\n|---|---|---|---|---|---|---|\n| w | 2 s | 2 s | — |  |  |  |\n"));
        let table = section(&MADE, &[plain(), plain().and("q", Some(Samples::of([4.0])))]);
        assert!(
            table.contains("| ratio | target | q's median | ratio to q |\n|---|---|---|---|---|---|---|---|---|\n")
        );
        assert!(table.ends_with("|  |  |\n| w | 2 s | 2 s | — |  |  |  | 4 s | 0.50 |\n"));
    }

    #[test]
    fn what_was_not_measured_stays_as_it_was() {
        let first = page("", &[("A", Some("\na\n".into())), ("B", Some("\nb\n\nmore\n".into()))]);
        assert!(first.ends_with("\n## A\n\na\n\n## B\n\nb\n\nmore\n"), "{first}");
        let second = page(&first, &[("B", None), ("A", Some("\nnew".into())), ("A B", None)]);
        assert!(second.ends_with("\n## B\n\nb\n\nmore\n\n## A\n\nnew\n"), "{second}");
        assert_eq!(second.matches("# What").count(), 1);
    }

    #[test]
    fn a_line_says_whether_its_target_is_met() {
        let figure = Figure::new("w", Samples::of([2.0, 1.0, 3.0]), Unit::Milliseconds);
        assert_eq!(line(&figure), "| w | 2 ms | 1 ms | — |  |  |  |");
        let figure = figure
            .beside("p", Some(Samples::of([1.0, 1.0, 2.0])))
            .within(Target::RatioAtMost(1.0));
        assert_eq!(
            line(&figure),
            "| w | 2 ms | 1 ms | p | 1 ms | 1.50 | ratio ≤ 1: **missed** |"
        );
        let figure = figure.and("q", Some(Samples::of([1_000.0])));
        assert_eq!(beside(&figure), " 1000 ms | 0.0020 |");
        let figure = figure.within(Target::AtMost(2.5));
        assert!(line(&figure).ends_with("| ≤ 2.50 ms: met |"));
    }
}
