//! The native tools, run on a case as a person would.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use super::{
    Problem,
    case::{Case, Tool},
};

/// What a tool printed, and how that compares with documents.
#[derive(Debug)]
pub(super) enum Printed {
    Text(Vec<u8>),
    /// `---`, a document, …, `...`.
    Stream(Vec<u8>),
    /// A text each.
    Files(Vec<Vec<u8>>),
    /// Not bytes: the objects within one value.
    Objects(Vec<Value>),
}

/// What it printed, or its standard error.
pub(super) type Answer = Result<Printed, String>;

/// Runs the native tool on a case.
pub(super) fn run(oracles: &Path, case: &Case) -> Result<Answer, Problem> {
    let oracle = Oracle {
        program: oracles.join(case.tool.name()),
        case,
    };
    match case.tool {
        Tool::Helm => Ok(oracle.run(&helm(case)?)?.map(Printed::Text)),
        Tool::Kustomize => Ok(oracle.run(&kustomize(case))?.map(Printed::Text)),
        Tool::Jsonnet => oracle.jsonnet(),
    }
}

/// A native tool about to be run on a case.
struct Oracle<'a> {
    program: PathBuf,
    case: &'a Case,
}

impl Oracle<'_> {
    /// In the tree's root, without anything of the user's.
    fn run(&self, args: &[OsString]) -> Result<Result<Vec<u8>, String>, Problem> {
        let output = Command::new(&self.program)
            .args(args)
            .current_dir(self.case.root())
            .env_clear()
            .env("PATH", "/nowhere")
            .env("HOME", self.case.scratch.path())
            .env("TZ", "UTC")
            .output()
            .map_err(|error| format!("no native tool: {} can't be run: {error}", self.program.display()))?;
        if output.status.success() {
            Ok(Ok(output.stdout))
        } else {
            Ok(Err(String::from_utf8_lossy(&output.stderr).into_owned()))
        }
    }

    fn jsonnet(&self) -> Result<Answer, Problem> {
        let main = || format!("{}/main.jsonnet", self.case.app());
        match self.case.facts.native.as_deref() {
            None | Some("object") => Ok(self.programs(&[main()])?.map(Printed::Text)),
            Some("stream") => Ok(self.programs(&["-y".to_owned(), main()])?.map(Printed::Stream)),
            Some("multi") => self.multi(&main()),
            Some("tree") => self.objects(&main()),
            Some("each") => self.each(),
            Some("any") => self.any(),
            Some(other) => Err(format!("{}: `native` is `{other}`", self.case.name).into()),
        }
    }

    fn programs(&self, args: &[String]) -> Result<Result<Vec<u8>, String>, Problem> {
        self.run(&with_libraries(self.case, args)?)
    }

    fn multi(&self, main: &str) -> Result<Answer, Problem> {
        let out = self.case.scratch.path().join("multi-out");
        let folder = out.to_string_lossy().into_owned();
        let args = ["-m".to_owned(), folder, "-c".to_owned(), main.to_owned()];
        if let Err(said) = self.programs(&args)? {
            return Ok(Err(said));
        }
        let entries = fs::read_dir(&out)?.map(|entry| entry.map(|entry| entry.path()));
        let mut files: Vec<PathBuf> = entries.collect::<Result<_, _>>()?;
        files.sort();
        let contents = files.iter().map(fs::read).collect::<Result<_, _>>()?;
        Ok(Ok(Printed::Files(contents)))
    }

    fn objects(&self, main: &str) -> Result<Answer, Problem> {
        Ok(match self.programs(&[main.to_owned()])? {
            Ok(printed) => Ok(Printed::Objects(objects_in(&printed)?)),
            Err(said) => Err(said),
        })
    }

    fn each(&self) -> Result<Answer, Problem> {
        let mut files = Vec::new();
        for program in &self.case.facts.programs {
            match self.programs(std::slice::from_ref(program))? {
                Ok(printed) => files.push(printed),
                Err(said) => return Ok(Err(said)),
            }
        }
        Ok(Ok(Printed::Files(files)))
    }

    /// A file that nothing is known of: one object is compared in bytes, anything else by the objects within.
    fn any(&self) -> Result<Answer, Problem> {
        let printed = match self.programs(&[self.case.app().to_owned()])? {
            Ok(printed) => printed,
            Err(said) => return Ok(Err(said)),
        };
        let value: Value = serde_json::from_slice(&printed)?;
        Ok(Ok(if is_object(&value) {
            Printed::Text(printed)
        } else {
            Printed::Objects(objects_in(&printed)?)
        }))
    }
}

fn texts<'a>(case: &'a Case, key: &str) -> impl Iterator<Item = &'a str> {
    let list = case.config.get(key).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str)
}

fn flag(case: &Case, key: &str) -> Option<bool> {
    case.config.get(key).and_then(Value::as_bool)
}

/// The command's word for the app; it knows no empty path.
fn path(case: &Case) -> &str {
    if case.app().is_empty() { "." } else { case.app() }
}

/// `/x` is the tree's root, `$name/x` a source, anything else relative to the app.
fn file(case: &Case, text: &str) -> PathBuf {
    if let Some((name, rest)) = text.strip_prefix('$').and_then(|t| t.split_once('/')) {
        let folder = case.facts.sources.get(name).map_or("missing-source", String::as_str);
        return case.root().join(folder).join(rest);
    }
    match text.strip_prefix('/') {
        Some(path) => case.root().join(path),
        None => case.root().join(case.app()).join(text),
    }
}

fn helm(case: &Case) -> Result<Vec<OsString>, Problem> {
    let mut args: Vec<OsString> = ["template", &case.release(), path(case), "--namespace", case.namespace()]
        .map(Into::into)
        .into();
    if flag(case, "includeCrds") != Some(false) {
        args.push("--include-crds".into());
    }
    for (key, option) in [
        ("skipTests", "--skip-tests"),
        ("skipSchemaValidation", "--skip-schema-validation"),
        ("isUpgrade", "--is-upgrade"),
    ] {
        if flag(case, key) == Some(true) {
            args.push(option.into());
        }
    }
    if let Some(version) = &case.facts.kube_version {
        args.extend(["--kube-version".into(), version.into()]);
    }
    for api in &case.facts.apis {
        args.extend(["--api-versions".into(), api.into()]);
    }
    args.extend(helm_values(case)?);
    Ok(args)
}

fn helm_values(case: &Case) -> Result<Vec<OsString>, Problem> {
    let mut args: Vec<OsString> = Vec::new();
    for path in texts(case, "valueFiles").map(|text| file(case, text)) {
        if path.exists() || flag(case, "ignoreMissingValueFiles") != Some(true) {
            args.extend(["--values".into(), path.into()]);
        }
    }
    if let Some(values) = case.config.get("values") {
        let path = case.scratch.path().join("values.yaml");
        fs::write(&path, values.to_string())?;
        args.extend(["--values".into(), path.into()]);
    }
    for (key, option) in [
        ("setJson", "--set-json"),
        ("set", "--set"),
        ("setString", "--set-string"),
    ] {
        for text in texts(case, key) {
            args.extend([option.into(), text.into()]);
        }
    }
    for text in texts(case, "setFile") {
        let (key, path) = text.split_once('=').ok_or("`setFile` wants KEY=PATH")?;
        let mut pair = OsString::from(format!("{key}="));
        pair.push(file(case, path));
        args.extend(["--set-file".into(), pair]);
    }
    for text in texts(case, "setLiteral") {
        args.extend(["--set-literal".into(), text.into()]);
    }
    Ok(args)
}

fn kustomize(case: &Case) -> Vec<OsString> {
    let mut args: Vec<OsString> = ["build", path(case)].map(Into::into).into();
    let text = |key: &str| case.config.get(key).and_then(Value::as_str).filter(|t| !t.is_empty());
    if let Some(order) = text("reorder") {
        args.extend(["--reorder".into(), order.into()]);
    }
    if text("loadRestrictor") == Some("none") {
        args.extend(["--load-restrictor".into(), "LoadRestrictionsNone".into()]);
    }
    args
}

fn with_libraries(case: &Case, rest: &[String]) -> Result<Vec<OsString>, Problem> {
    let mut args: Vec<OsString> = Vec::new();
    // The last `-J` is searched first, as the last of the config's libraries is.
    for folder in [format!("{}/vendor", case.app()), case.app().to_owned()] {
        args.extend(["-J".into(), folder.trim_start_matches('/').into()]);
    }
    for folder in texts(case, "libs") {
        args.extend(["-J".into(), folder.trim_start_matches('/').into()]);
    }
    for (key, kind) in [("extVars", "ext"), ("tlas", "tla")] {
        for variable in case.config.get(key).and_then(Value::as_array).into_iter().flatten() {
            let form = if variable["code"] == true { "code" } else { "str" };
            let (name, value) = (
                variable["name"].as_str().ok_or("a variable has no name")?,
                &variable["value"],
            );
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            args.extend([format!("--{kind}-{form}").into(), format!("{name}={value}").into()]);
        }
    }
    args.extend(rest.iter().map(OsString::from));
    Ok(args)
}

fn objects_in(printed: &[u8]) -> Result<Vec<Value>, Problem> {
    let mut objects = Vec::new();
    collect(serde_json::from_slice(printed)?, &mut objects);
    Ok(objects)
}

fn is_object(value: &Value) -> bool {
    value.get("apiVersion").is_some() && value.get("kind").is_some()
}

/// Objects with `apiVersion` and `kind`, in the order of their keys: `serde_json` sorts them as Jsonnet does.
fn collect(value: Value, objects: &mut Vec<Value>) {
    match value {
        object if is_object(&object) => objects.push(object),
        Value::Object(map) => map.into_iter().for_each(|(_, value)| collect(value, objects)),
        Value::Array(list) => list.into_iter().for_each(|value| collect(value, objects)),
        _ => {}
    }
}
