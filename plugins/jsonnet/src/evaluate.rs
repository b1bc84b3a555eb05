//! Evaluation: one program state for all files of an app, so that what they share is parsed and evaluated once.

use std::collections::BTreeMap;

use rsjsonnet_lang::arena::Arena;
use rsjsonnet_lang::interner::InternedStr;
use rsjsonnet_lang::program::{
    Callbacks, EvalError, EvalStackTraceItem, ImportError, LoadError, NativeError, Program, Thunk, Value,
};
use rsjsonnet_lang::span::SpanId;
use windlass_sdk::{Diagnostic, Location, log};

use crate::config::{Config, Variable};
use crate::errors::{self, Origin, Sources};
use crate::importer::{Found, Importer};
use crate::objects;
use crate::standard;

/// Depth of calls, as of the native command. The evaluator keeps its own stack, so a deeper one costs memory only.
const MAX_STACK: usize = 500;

/// The state of an app's evaluation.
pub(crate) struct Session<'p, 't> {
    program: Program<'p>,
    tlas: Vec<(InternedStr<'p>, Thunk<'p>)>,
    host: Host<'p, 't>,
}

/// What the evaluator calls back.
struct Host<'p, 't> {
    importer: Importer<'t>,
    sources: Sources,
    /// Programs by path: a file that is imported twice is one value.
    loaded: BTreeMap<String, Thunk<'p>>,
    /// What makes the standard library of the evaluator that of go-jsonnet, once a program asked for it.
    overlay: Option<Thunk<'p>>,
    /// Why the last import or native function failed: the evaluator's own error can't carry it.
    failed: Option<Box<Diagnostic>>,
}

impl<'p, 't> Session<'p, 't> {
    /// A session without variables.
    pub(crate) fn new(arena: &'p Arena, importer: Importer<'t>) -> Self {
        let mut program = Program::new(arena);
        program.set_max_stack(MAX_STACK);
        standard::register(&mut program);
        let host = Host {
            importer,
            sources: Sources::default(),
            loaded: BTreeMap::new(),
            overlay: None,
            failed: None,
        };
        Self {
            program,
            tlas: Vec::new(),
            host,
        }
    }

    /// Takes over external variables and top-level arguments.
    pub(crate) fn set_variables(&mut self, config: &Config) -> Result<(), Box<Diagnostic>> {
        refuse_twins("extVars", &config.ext_vars)?;
        refuse_twins("tlas", &config.tlas)?;
        for (index, variable) in config.ext_vars.iter().enumerate() {
            let thunk = self.variable("extVars", index, variable)?;
            let name = self.program.intern_str(&variable.name);
            self.program.add_ext_var(name, &thunk);
        }
        for (index, variable) in config.tlas.iter().enumerate() {
            let thunk = self.variable("tlas", index, variable)?;
            self.tlas.push((self.program.intern_str(&variable.name), thunk));
        }
        Ok(())
    }

    fn variable(&mut self, key: &str, index: usize, variable: &Variable) -> Result<Thunk<'p>, Box<Diagnostic>> {
        if !variable.code {
            return Ok(self.program.value_to_thunk(&Value::string(&variable.value)));
        }
        let origin = Origin::Config(format!("/{key}/{index}/value"));
        self.host
            .load(&mut self.program, origin, variable.value.clone().into_bytes())
    }

    /// The manifests of the program at `path`, each as the native command would print it.
    pub(crate) fn render(&mut self, path: &str) -> Result<Vec<String>, Box<Diagnostic>> {
        let found = self.host.importer.program(path)?;
        let thunk = self.host.load_file(&mut self.program, found)?;
        let value = self.evaluate(&thunk)?;
        let manifests = objects::manifests(path, &value)?;
        self.program.maybe_gc();
        Ok(manifests)
    }

    /// The value of `thunk`, called with the top-level arguments when it is a function.
    fn evaluate(&mut self, thunk: &Thunk<'p>) -> Result<Value<'p>, Box<Diagnostic>> {
        let value = self.program.eval_value(thunk, &mut self.host);
        let value = match value {
            Ok(value) if value.is_function() => self.program.eval_call(thunk, &[], &self.tlas, &mut self.host),
            other => other,
        };
        value.map_err(|error| self.host.explain(&self.program, &error))
    }
}

/// The evaluator takes each name once.
fn refuse_twins(key: &str, variables: &[Variable]) -> Result<(), Box<Diagnostic>> {
    for (index, variable) in variables.iter().enumerate() {
        if variables[..index].iter().any(|earlier| earlier.name == variable.name) {
            let message = format!("`{}` is given twice", variable.name);
            let at = Location::Config(format!("/{key}/{index}/name"));
            return Err(Box::new(Diagnostic::error("repeated-variable", message).at(at)));
        }
    }
    Ok(())
}

impl<'p> Host<'p, '_> {
    /// The program in a file, loaded once.
    fn load_file(&mut self, program: &mut Program<'p>, found: Found) -> Result<Thunk<'p>, Box<Diagnostic>> {
        if let Some(thunk) = self.loaded.get(&found.path) {
            return Ok(thunk.clone());
        }
        let thunk = self.load(program, Origin::File(found.path.clone()), found.bytes)?;
        self.loaded.insert(found.path, thunk.clone());
        Ok(thunk)
    }

    fn load(&mut self, program: &mut Program<'p>, origin: Origin, text: Vec<u8>) -> Result<Thunk<'p>, Box<Diagnostic>> {
        let program_text = [standard::PREFIX.as_bytes(), &text].concat();
        let (context, _) = program.span_manager_mut().insert_source_context(program_text.len());
        let name = origin.name();
        let loaded = program.load_source(context, &program_text, true, &name);
        self.sources.add(context, origin, text);
        loaded.map_err(|error: LoadError| errors::load(&error, program.span_manager(), &self.sources))
    }

    /// The overlay of the standard library. It is no [`Origin`]: its places help nobody.
    fn overlay(&mut self, program: &mut Program<'p>) -> Result<Thunk<'p>, ImportError> {
        if let Some(overlay) = &self.overlay {
            return Ok(overlay.clone());
        }
        let text = standard::OVERLAY.as_bytes();
        let (context, _) = program.span_manager_mut().insert_source_context(text.len());
        let overlay = program.load_source(context, text, false, standard::IMPORT);
        let overlay =
            overlay.map_err(|_| self.fail(Diagnostic::error("bad-import", "the standard library is broken")))?;
        self.overlay = Some(overlay.clone());
        Ok(overlay)
    }

    fn explain(&mut self, program: &Program<'p>, error: &EvalError) -> Box<Diagnostic> {
        errors::evaluation(error, self.failed.take(), program.span_manager(), &self.sources)
    }

    /// The file that the import at `from` names.
    fn find(&mut self, program: &Program<'p>, from: SpanId, path: &str) -> Result<Found, ImportError> {
        let importing = self.sources.file_of(program.span_manager(), from);
        let found = self.importer.find(importing.as_deref(), path);
        found.map_err(|reason| self.fail(Diagnostic::error("bad-import", reason)))
    }

    fn fail(&mut self, why: impl Into<Box<Diagnostic>>) -> ImportError {
        self.failed = Some(why.into());
        ImportError
    }
}

impl<'p> Callbacks<'p> for Host<'p, '_> {
    fn import(&mut self, program: &mut Program<'p>, from: SpanId, path: &str) -> Result<Thunk<'p>, ImportError> {
        if path == standard::IMPORT {
            return self.overlay(program);
        }
        let found = self.find(program, from, path)?;
        self.load_file(program, found).map_err(|why| self.fail(why))
    }

    fn import_str(&mut self, program: &mut Program<'p>, from: SpanId, path: &str) -> Result<String, ImportError> {
        let found = self.find(program, from, path)?;
        String::from_utf8(found.bytes).map_err(|error| {
            let offset = error.utf8_error().valid_up_to();
            let message = format!(
                "`{}` isn't UTF-8 (offset {offset}), so `importstr` can't take it",
                found.path
            );
            self.fail(Diagnostic::error("bad-import", message).help("`importbin` gives the bytes as an array"))
        })
    }

    fn import_bin(&mut self, program: &mut Program<'p>, from: SpanId, path: &str) -> Result<Vec<u8>, ImportError> {
        Ok(self.find(program, from, path)?.bytes)
    }

    fn trace(&mut self, program: &mut Program<'p>, message: &str, stack: &[EvalStackTraceItem]) {
        let place = errors::place_of_innermost(stack, program.span_manager(), &self.sources);
        log::info(message, &[("at", &place)]);
    }

    fn native_call(
        &mut self,
        program: &mut Program<'p>,
        name: InternedStr<'p>,
        arguments: &[Value<'p>],
    ) -> Result<Value<'p>, NativeError> {
        standard::call(program, name.value(), arguments).map_err(|why| {
            self.failed = Some(Box::new(Diagnostic::error("evaluation-failed", why)));
            NativeError
        })
    }
}

#[cfg(test)]
mod tests;
