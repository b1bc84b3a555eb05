//! Figures as a page.

use crate::{
    figure::{Figure, Target, Unit},
    machine,
};

/// Markdown; ends with a line feed. `command`: what was run.
pub(crate) fn text(command: &str, before: &str, parts: &[(&str, Vec<Figure>)]) -> String {
    let mut text = format!(
        "# What Windlass costs\n\n\
         Made by `{command}` on {}.\n\
         Load average before: {before}; after: {}. A load above the number of cores means that others used the machine\n\
         meanwhile: times are then too long on both sides, and the ratios are what holds.\n\n\
         Profile `dev`: wasmtime, compilers and hashes at level 2, all else at 1. Each figure is the\n\
         median of five rounds, each round the median of its runs; beside it stands the least of all single runs. A peer runs\n\
         in turns with us, and the ratio is the median of the five ratios. Below 1 we are faster.\n",
        machine::describe(),
        machine::load(),
    );
    for (title, figures) in parts {
        let other = figures.iter().find_map(|figure| figure.other.as_ref());
        let (more, rule) = other.map_or_else(Default::default, |other| {
            (format!(" {0}'s median | ratio to {0} |", other.name), "---|---|")
        });
        text.push_str(&format!(
            "\n## {title}\n\n| work | median | least | peer | peer's median | ratio | target |{more}\n|---|---|---|---|---|---|---|{rule}\n"
        ));
        for figure in figures {
            text.push_str(&line(figure));
            if other.is_some() {
                text.push_str(&beside(figure));
            }
            text.push('\n');
        }
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

    #[test]
    fn a_table_has_columns_for_another_peer_where_there_is_one() {
        let plain = || Figure::new("w", Samples::of([2.0]), Unit::Seconds);
        let page = text("c", "0", &[("a", vec![plain()])]);
        assert!(page.contains("| ratio | target |\n|---|---|---|---|---|---|---|\n| w | 2 s | 2 s | — |  |  |  |\n"));
        let both = vec![plain(), plain().and("q", Some(Samples::of([4.0])))];
        let page = text("c", "0", &[("a", both)]);
        assert!(page.contains("| ratio | target | q's median | ratio to q |\n|---|---|---|---|---|---|---|---|---|\n"));
        assert!(page.ends_with("|  |  |\n| w | 2 s | 2 s | — |  |  |  | 4 s | 0.50 |\n"));
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
