//! Joins neighbouring data segments of a core module.
//!
//! Go's linker emits up to 100,000 active segments, exactly what a runtime allows; a snapshot adds its own and
//! would go over. Joined, a handful are left, for under one megabyte of zeros.

use std::ops::Range;

use wasm_encoder::{ConstExpr, DataSection, Module, RawSection};
use wasmparser::{Data, DataKind, Operator, Parser, Payload};

/// Largest hole, in bytes, that is filled with zeros to join two segments: a page, which keeps the growth of a
/// 27 MB module under one megabyte while leaving a handful of segments.
const MAX_GAP: u32 = 4096;

/// Why a module's segments can't be joined.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The compiler's output is no valid module.
    #[error("the compiler's output isn't a valid core module")]
    Module {
        /// Why.
        #[from]
        source: wasmparser::BinaryReaderError,
    },
}

/// What came out.
#[derive(Debug)]
pub struct Merged {
    /// The module.
    pub module: Vec<u8>,
    /// Segments before.
    pub before: usize,
    /// Segments after.
    pub after: usize,
}

/// A run of bytes that memory holds at the start.
#[derive(Debug, PartialEq, Eq)]
struct Segment {
    memory: u32,
    offset: u32,
    bytes: Vec<u8>,
}

impl Segment {
    /// Takes `next` in, zeros between, unless it lies before the end or too far behind it.
    fn join(&mut self, next: &Self) -> bool {
        let Some(end) = u32::try_from(self.bytes.len())
            .ok()
            .and_then(|len| self.offset.checked_add(len))
        else {
            return false;
        };
        if next.memory != self.memory || next.offset < end || next.offset - end > MAX_GAP {
            return false;
        }
        self.bytes.resize((next.offset - self.offset) as usize, 0);
        self.bytes.extend_from_slice(&next.bytes);
        true
    }
}

/// Joins the data segments of `wasm`. A module with passive or computed segments is returned as it is: they are
/// addressed by index at run time.
///
/// # Errors
/// `wasm` is no core module.
pub fn merge(wasm: &[u8]) -> Result<Merged, Error> {
    let mut sections: Vec<(u8, Range<usize>)> = Vec::new();
    let mut joined: Option<Vec<Segment>> = None;
    let mut before = 0;
    let mut data_at = 0;
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload?;
        match &payload {
            Payload::DataSection(reader) => {
                before = reader.count() as usize;
                data_at = sections.len();
                joined = join_all(reader.clone())?;
                if joined.is_none() {
                    return Ok(Merged {
                        module: wasm.to_vec(),
                        before,
                        after: before,
                    });
                }
            }
            // Only `memory.init` and `data.drop` need the count, and those work on passive segments.
            Payload::DataCountSection { .. } => {}
            _ => sections.extend(payload.as_section()),
        }
    }
    let segments = joined.unwrap_or_default();
    Ok(Merged {
        after: segments.len(),
        before,
        module: write(wasm, &sections, data_at, &segments),
    })
}

/// All segments joined; nothing when one of them isn't active at a constant.
fn join_all(reader: wasmparser::DataSectionReader<'_>) -> Result<Option<Vec<Segment>>, Error> {
    let mut joined: Vec<Segment> = Vec::new();
    for data in reader {
        let Some(next) = active(&data?)? else { return Ok(None) };
        if !joined.last_mut().is_some_and(|last| last.join(&next)) {
            joined.push(next);
        }
    }
    Ok(Some(joined))
}

fn active(data: &Data<'_>) -> Result<Option<Segment>, Error> {
    let DataKind::Active {
        memory_index,
        offset_expr,
    } = &data.kind
    else {
        return Ok(None);
    };
    let mut operators = offset_expr.get_operators_reader();
    let Operator::I32Const { value } = operators.read()? else {
        return Ok(None);
    };
    if !matches!(operators.read()?, Operator::End) {
        return Ok(None);
    }
    Ok(Some(Segment {
        memory: *memory_index,
        offset: value.cast_unsigned(),
        bytes: data.data.to_vec(),
    }))
}

fn write(wasm: &[u8], sections: &[(u8, Range<usize>)], data_at: usize, segments: &[Segment]) -> Vec<u8> {
    let mut module = Module::new();
    for (index, (id, range)) in sections.iter().enumerate() {
        if index == data_at {
            write_data(&mut module, segments);
        }
        module.section(&RawSection {
            id: *id,
            data: &wasm[range.clone()],
        });
    }
    if data_at == sections.len() {
        write_data(&mut module, segments);
    }
    module.finish()
}

fn write_data(module: &mut Module, segments: &[Segment]) {
    if segments.is_empty() {
        return;
    }
    let mut section = DataSection::new();
    for segment in segments {
        let offset = ConstExpr::i32_const(segment.offset.cast_signed());
        section.active(segment.memory, &offset, segment.bytes.iter().copied());
    }
    module.section(&section);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(wasm: &[u8]) -> Vec<(u32, Vec<u8>)> {
        let mut found = Vec::new();
        for payload in Parser::new(0).parse_all(wasm) {
            if let Payload::DataSection(reader) = payload.unwrap() {
                for data in reader {
                    let segment = active(&data.unwrap()).unwrap().unwrap();
                    found.push((segment.offset, segment.bytes));
                }
            }
        }
        found
    }

    fn merged(wat: &str) -> Merged {
        let merged = merge(&wat::parse_str(wat).unwrap()).unwrap();
        wasmparser::Validator::new().validate_all(&merged.module).unwrap();
        merged
    }

    #[test]
    fn neighbours_are_joined_and_holes_filled_with_zeros() {
        let merged = merged(
            r#"(module (memory 1) (data (i32.const 8) "ab") (data (i32.const 12) "c") (data (i32.const 9000) "z"))"#,
        );
        assert_eq!((merged.before, merged.after), (3, 2));
        assert_eq!(
            segments(&merged.module),
            [(8, b"ab\0\0c".to_vec()), (9000, b"z".to_vec())]
        );
    }

    #[test]
    fn an_overlapping_segment_stays_apart_because_order_matters() {
        let merged = merged(r#"(module (memory 1) (data (i32.const 8) "abc") (data (i32.const 9) "X"))"#);
        assert_eq!(segments(&merged.module), [(8, b"abc".to_vec()), (9, b"X".to_vec())]);
    }

    #[test]
    fn addresses_above_two_gigabytes_are_unsigned() {
        let merged =
            merged(r#"(module (memory 65536) (data (i32.const 0x90000000) "a") (data (i32.const 0x90000001) "b"))"#);
        assert_eq!(segments(&merged.module), [(0x9000_0000, b"ab".to_vec())]);
    }

    #[test]
    fn the_other_sections_keep_their_order() {
        let merged = merged(
            r#"(module (func (export "f") (result i32) i32.const 7) (memory 1)
               (data (i32.const 0) "a") (data (i32.const 1) "b") (@custom "late" (after data) "x"))"#,
        );
        assert_eq!(segments(&merged.module).len(), 1);
    }

    #[test]
    fn passive_segments_are_left_alone() {
        let wasm = wat::parse_str(
            r#"(module (memory 1) (data "p") (data (i32.const 0) "a")
               (func (memory.init 0 (i32.const 0) (i32.const 0) (i32.const 1))))"#,
        )
        .unwrap();
        assert_eq!(merge(&wasm).unwrap().module, wasm);
    }

    #[test]
    fn a_module_without_data_is_kept() {
        assert_eq!(merged("(module (memory 1))").after, 0);
    }

    #[test]
    fn noise_is_refused() {
        assert!(merge(b"not wasm").is_err());
    }
}
