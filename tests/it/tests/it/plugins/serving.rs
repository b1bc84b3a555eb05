//! Which renderers serve a repository, in which version, and with which configs.

use super::{
    configure, objects, said, sandbox, sync,
    variant::{Variant, plugin},
    windlass,
};

#[test]
fn a_repository_says_which_renderers_serve_it_and_in_which_version() {
    let sandbox = sandbox();
    let old = Variant::new(sandbox.path(), "yaml", "0.1.5", &[]);
    let new = Variant::new(sandbox.path(), "yaml", "0.2.0", &["b.yaml"]);
    let document = plugin("yaml", "", &[old.entry(), new.entry()]);
    let named = "  render: [{plugin: {name: yaml}}]\n";
    let by_itself = "  render: [{plugin: {name: yaml, version: '0.1'}}]\n";
    for (serving, render, wanted) in [
        ("", "", &["a"][..]),
        ("", named, &["a"]),
        ("", by_itself, &["a", "b"]),
        (
            "  plugins: {renderers: [{name: yaml, version: '0.1'}]}\n",
            "",
            &["a", "b"],
        ),
        (
            "  plugins: {renderers: [{name: yaml, version: '0.1'}]}\n",
            named,
            &["a", "b"],
        ),
        ("  plugins: {renderers: [{name: yaml}, {name: helm}]}\n", "", &["a"]),
        (
            "  plugins: {renderers: [{name: yaml, version: '0.2'}]}\n",
            by_itself,
            &["a", "b"],
        ),
    ] {
        configure(&sandbox, serving, &[("app", render)], &document);
        let synced = sync(&sandbox);
        assert_eq!(synced.code, Some(0), "{serving}{render}: {synced:?}");
        assert_eq!(objects(&sandbox, "app"), wanted, "{serving}{render}");
    }
    for (serving, render, code, says) in [
        (
            "  plugins: {renderers: []}\n",
            "",
            "unrecognised-folder",
            "no renderer serves it",
        ),
        (
            "  plugins: {renderers: [{name: helm}]}\n",
            "",
            "unrecognised-folder",
            "has `helm`",
        ),
        (
            "  plugins: {renderers: [{name: helm}]}\n",
            named,
            "no-plugin",
            "has `helm`",
        ),
        (
            "  plugins: {renderers: [{name: yaml, version: '0.3'}]}\n",
            "",
            "no-plugin",
            "0.1.5, 0.2.0",
        ),
    ] {
        configure(&sandbox, serving, &[("app", render)], &document);
        let synced = sync(&sandbox);
        assert_eq!((synced.code, synced.code_of("app")), (Some(1), code), "{synced:?}");
        let help = synced.report("app")["diagnostics"][0]["help"]
            .as_str()
            .unwrap_or_default();
        assert!(help.contains(says), "{help}");
        assert_eq!(objects(&sandbox, "app"), ["a", "b"], "what was applied stays");
    }
    let twice = "  plugins: {renderers: [{name: yaml}, {name: yaml, version: '0.1'}]}\n";
    configure(&sandbox, twice, &[("app", "")], &document);
    let refused = windlass(&sandbox, &["validate", "windlass.yaml"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        said(&refused).contains("spec.plugins.renderers: `yaml` stands there twice"),
        "{}",
        said(&refused)
    );
}

#[test]
fn a_config_that_its_plugin_does_not_take_is_told_at_its_line_before_any_render() {
    let sandbox = sandbox();
    let good = ("other", "");
    for (serving, render, field, says) in [
        (
            "",
            "  render: [{plugin: {name: yaml}, config: {recurse: 3}}]\n",
            "App `app`: spec.render.0.config.recurse",
            "not of type",
        ),
        (
            "  plugins: {validators: [{name: schema, config: {nonsense: true}}]}\n",
            "",
            "Repository `shop`: spec.plugins.validators.0.config",
            "nonsense",
        ),
        (
            "  plugins: {notify: [{name: webhook, config: {url: 7}}]}\n",
            "",
            "Repository `shop`: spec.plugins.notify.0.config",
            "7",
        ),
    ] {
        configure(&sandbox, serving, &[("app", render), good], "");
        for verb in ["validate", "sync", "diff"] {
            let refused = windlass(&sandbox, &[verb, "windlass.yaml"]);
            let said = said(&refused);
            assert_eq!(refused.status.code(), Some(2), "{verb}: {said}");
            assert!(said.contains(field) && said.contains(says), "{verb}: {said}");
            assert!(said.contains("--> windlass.yaml:"), "{verb}: {said}");
        }
        assert!(sandbox.files().is_empty(), "nothing was tried");
    }
}
