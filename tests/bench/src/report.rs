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
        text.push_str(&format!(
            "\n## {title}\n\n| work | median | least | peer | peer's median | ratio | target |\n|---|---|---|---|---|---|---|\n"
        ));
        for figure in figures {
            text.push_str(&line(figure));
        }
    }
    text
}

fn line(figure: &Figure) -> String {
    let value = |value: f64| shown(value, figure.unit);
    let peer = figure.peer.as_ref();
    let ratio = peer.map(|peer| figure.ours.ratio(&peer.samples));
    format!(
        "| {} | {} | {} | {} | {} | {} | {} |\n",
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
    fn a_line_says_whether_its_target_is_met() {
        let figure = Figure::new("w", Samples::of([2.0, 1.0, 3.0]), Unit::Milliseconds);
        assert_eq!(line(&figure), "| w | 2 ms | 1 ms | — |  |  |  |\n");
        let figure = figure
            .beside("p", Some(Samples::of([1.0, 1.0, 2.0])))
            .within(Target::RatioAtMost(1.0));
        assert_eq!(
            line(&figure),
            "| w | 2 ms | 1 ms | p | 1 ms | 1.50 | ratio ≤ 1: **missed** |\n"
        );
        let figure = figure.within(Target::AtMost(2.5));
        assert!(line(&figure).ends_with("| ≤ 2.50 ms: met |\n"));
    }
}
