//! What `control-plane` writes of a running cluster.

use std::path::PathBuf;

use super::process::Process;
use crate::json::Json;

/// How the folders of clusters begin; nothing else is ever removed.
const FOLDER_PREFIX: &str = "windlass-cluster-";

/// The part of it that a task needs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// Of Kubernetes.
    pub(super) version: String,
    /// URL of the API server.
    pub(super) server: String,
    /// Everything of this cluster.
    pub(super) folder: PathBuf,
    /// `control-plane`, which ends the others, comes first.
    pub(super) processes: Vec<Process>,
}

impl Record {
    /// Reads the file's text.
    ///
    /// # Errors
    /// Which field is missing.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let json = Json::parse(text.trim_end())?;
        let processes = json
            .get("processes")
            .and_then(Json::items)
            .ok_or("no list `processes`")?;
        Ok(Self {
            version: field(&json, "version")?,
            server: field(&json, "server")?,
            folder: field(&json, "folder")?.into(),
            processes: processes.iter().map(process).collect::<Result<_, _>>()?,
        })
    }

    /// Whether any process of it does.
    pub(super) fn runs(&self) -> bool {
        self.processes.iter().any(Process::runs)
    }

    /// Whether the folder's name is one that clusters get.
    pub(super) fn is_folder_ours(&self) -> bool {
        let name = self.folder.file_name().unwrap_or_default();
        name.to_string_lossy().starts_with(FOLDER_PREFIX)
    }
}

fn process(json: &Json) -> Result<Process, String> {
    let count = |name: &str| {
        json.get(name)
            .and_then(Json::count)
            .ok_or_else(|| format!("no number `{name}`"))
    };
    Ok(Process {
        name: field(json, "name")?,
        id: count("pid")?,
        started: count("started")?,
    })
}

fn field(json: &Json, name: &str) -> Result<String, String> {
    let text = json.get(name).and_then(Json::text);
    text.map(str::to_owned).ok_or_else(|| format!("no text `{name}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_is_needed_and_names_what_is_missing() {
        let text = r#"{"version":"v1.37.2","server":"https://127.0.0.1:6443","folder":"/dev/shm/windlass-cluster-1","audit":"",
            "processes":[{"name":"etcd","pid":12,"started":345}]}"#;
        let record = Record::parse(text).unwrap();
        assert_eq!((record.processes[0].id, record.processes[0].started), (12, 345));
        assert!(record.is_folder_ours());
        let missing = Record::parse(&text.replace("pid", "id")).unwrap_err();
        assert_eq!(missing, "no number `pid`");
    }
}
