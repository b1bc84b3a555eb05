//! A budget and its number, in words.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

/// What is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum BudgetKind {
    /// Wall time; the limit is in milliseconds.
    Time,
    /// Linear memory, in bytes.
    Memory,
    /// The wasm stack, in bytes.
    Stack,
    /// The stack that a guest keeps in its own memory; its size is the guest's choice, the limit is 0.
    OwnStack,
    /// Table elements.
    Table,
    /// Resource handles alive at a time.
    Handles,
    /// Bytes handed to the plugin.
    Read,
    /// Questions to the host.
    Asks,
    /// Bytes of all documents.
    Output,
    /// Bytes of one document.
    Document,
    /// Number of documents.
    Documents,
    /// Bytes in one host call.
    HostCall,
    /// Bytes of an entropy label.
    Label,
    /// Bytes of what stands beside a document's content, of a finding or of a question.
    Message,
    /// Bytes of all questions as the trace keeps them.
    Trace,
    /// Core instances, memories or tables.
    Instances,
    /// Bytes of the worker process: what the host holds for the guest, beside its memory.
    Worker,
    /// Outgoing requests.
    Requests,
}

/// A budget that was used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Which.
    pub kind: BudgetKind,
    /// How much there was.
    pub limit: u64,
}

impl Budget {
    pub(crate) const fn new(kind: BudgetKind, limit: u64) -> Self {
        Self { kind, limit }
    }

    pub(crate) fn time(limit: Duration) -> Self {
        Self::new(BudgetKind::Time, u64::try_from(limit.as_millis()).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limit = self.limit;
        match self.kind {
            BudgetKind::Time => write!(f, "took longer than {}", Seconds(limit)),
            BudgetKind::Memory => write!(f, "needs more than {} of memory", Bytes(limit)),
            BudgetKind::Stack => write!(f, "nests deeper than its stack of {} allows", Bytes(limit)),
            BudgetKind::OwnStack => f.write_str("nests deeper than its own stack allows"),
            BudgetKind::Table => write!(f, "needs more than {limit} table elements"),
            BudgetKind::Handles => write!(f, "holds more than {limit} handles at a time"),
            BudgetKind::Read => write!(f, "reads more than {}", Bytes(limit)),
            BudgetKind::Asks => write!(f, "asks the host more than {limit} times"),
            BudgetKind::Output => write!(f, "emits more than {}", Bytes(limit)),
            BudgetKind::Document => write!(f, "emits a document of more than {}", Bytes(limit)),
            BudgetKind::Documents => write!(f, "emits more than {limit} documents"),
            BudgetKind::HostCall => write!(f, "hands more than {} to the host in one call", Bytes(limit)),
            BudgetKind::Message => write!(
                f,
                "hands more than {} of names, texts or line mappings to the host at a time",
                Bytes(limit)
            ),
            BudgetKind::Trace => write!(f, "asks so much that the record of it takes more than {}", Bytes(limit)),
            BudgetKind::Instances => write!(f, "has more than {limit} core instances, memories or tables"),
            BudgetKind::Worker => write!(f, "makes its worker process need more than {}", Bytes(limit)),
            BudgetKind::Requests => write!(f, "sends more than {limit} requests"),
            BudgetKind::Label => write!(f, "uses an entropy label of more than {}", Bytes(limit)),
        }
    }
}

struct Seconds(u64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_multiple_of(1000) {
            write!(f, "{} s", self.0 / 1000)
        } else {
            write!(f, "{} ms", self.0)
        }
    }
}

struct Bytes(u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, size) in [("GiB", 1_u64 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)] {
            if self.0 >= size && self.0.is_multiple_of(size / 2) {
                let half = if self.0.is_multiple_of(size) { "" } else { ".5" };
                return write!(f, "{}{half} {unit}", self.0 / size);
            }
        }
        write!(f, "{} bytes", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_names_its_number() {
        assert_eq!(
            Budget::time(Duration::from_secs(30)).to_string(),
            "took longer than 30 s"
        );
        assert_eq!(
            Budget::time(Duration::from_millis(250)).to_string(),
            "took longer than 250 ms"
        );
        assert_eq!(
            Budget::new(BudgetKind::Memory, 512 << 20).to_string(),
            "needs more than 512 MiB of memory"
        );
        let stack = Budget::new(BudgetKind::Stack, 3 << 19).to_string();
        assert_eq!(stack, "nests deeper than its stack of 1.5 MiB allows");
        assert_eq!(
            Budget::new(BudgetKind::Output, 1000).to_string(),
            "emits more than 1000 bytes"
        );
    }
}
