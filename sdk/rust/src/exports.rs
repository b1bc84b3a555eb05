//! The exports of each world, and the macros that tie a plugin's type to them.
//!
//! Hidden: plugins use the macros. The generated code is the component ABI and therefore unsafe; it stands in the
//! plugin's crate only under the macros' `expect`.

#![allow(missing_docs, reason = "generated; the documentation stands in the WIT")]

pub mod renderer {
    wit_bindgen::generate!({
        path: "../../wit/0.1.0",
        inline: "package windlass:sdk-exports; world renderer-exports { export windlass:plugin/render@0.1.0; }",
        world: "windlass:sdk-exports/renderer-exports",
        with: {
            "windlass:plugin/types@0.1.0": crate::bindings::windlass::plugin::types,
            "windlass:plugin/files@0.1.0": crate::bindings::windlass::plugin::files,
            "windlass:plugin/objects@0.1.0": crate::bindings::windlass::plugin::objects,
            "windlass:plugin/rendering@0.1.0": crate::bindings::windlass::plugin::rendering,
            "windlass:plugin/render@0.1.0": generate,
        },
        export_macro_name: "export",
        pub_export_macro: true,
        default_bindings_module: "windlass_sdk::exports::renderer",
    });
}

pub mod validator {
    wit_bindgen::generate!({
        path: "../../wit/0.1.0",
        inline: "package windlass:sdk-exports; world validator-exports { export windlass:plugin/validate@0.1.0; }",
        world: "windlass:sdk-exports/validator-exports",
        with: {
            "windlass:plugin/types@0.1.0": crate::bindings::windlass::plugin::types,
            "windlass:plugin/objects@0.1.0": crate::bindings::windlass::plugin::objects,
            "windlass:plugin/checking@0.1.0": crate::bindings::windlass::plugin::checking,
            "windlass:plugin/validate@0.1.0": generate,
        },
        export_macro_name: "export",
        pub_export_macro: true,
        default_bindings_module: "windlass_sdk::exports::validator",
    });
}

pub mod notifier {
    wit_bindgen::generate!({
        path: "../../wit/0.1.0",
        inline: "package windlass:sdk-exports; world notifier-exports { export windlass:plugin/notify@0.1.0; }",
        world: "windlass:sdk-exports/notifier-exports",
        with: {
            "windlass:plugin/types@0.1.0": crate::bindings::windlass::plugin::types,
            "windlass:plugin/events@0.1.0": crate::bindings::windlass::plugin::events,
            "windlass:plugin/notify@0.1.0": generate,
        },
        export_macro_name: "export",
        pub_export_macro: true,
        default_bindings_module: "windlass_sdk::exports::notifier",
    });
}

pub mod health_checker {
    wit_bindgen::generate!({
        path: "../../wit/0.1.0",
        inline: "package windlass:sdk-exports; world health-checker-exports { export windlass:plugin/health@0.1.0; }",
        world: "windlass:sdk-exports/health-checker-exports",
        with: {
            "windlass:plugin/types@0.1.0": crate::bindings::windlass::plugin::types,
            "windlass:plugin/objects@0.1.0": crate::bindings::windlass::plugin::objects,
            "windlass:plugin/health@0.1.0": generate,
        },
        export_macro_name: "export",
        pub_export_macro: true,
        default_bindings_module: "windlass_sdk::exports::health_checker",
    });
}

/// Makes a panic reach the user: its message and place go to the log before the trap that ends the call.
pub fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let payload = panic.payload();
        let text = payload.downcast_ref::<&str>().copied();
        let message = text
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("no message");
        let place = panic
            .location()
            .map_or_else(String::new, |place| format!(" at {place}"));
        crate::log::error(&format!("panic{place}: {message}"), &[]);
    }));
}

/// Exports a [`Renderer`](crate::Renderer).
#[macro_export]
macro_rules! renderer {
    ($plugin:ty) => {
        $crate::__export!($plugin, Renderer, renderer, render, (
            fn render(request: &$crate::RenderRequest, out: &$crate::Sink) -> Result<(), $crate::Failure>
        ), (request, out));
    };
}

/// Exports a [`Validator`](crate::Validator).
#[macro_export]
macro_rules! validator {
    ($plugin:ty) => {
        $crate::__export!($plugin, Validator, validator, validate, (
            fn validate(request: &$crate::CheckRequest, findings: &$crate::Findings) -> Result<(), $crate::Failure>
        ), (request, findings));
    };
}

/// Exports a [`Notifier`](crate::Notifier).
#[macro_export]
macro_rules! notifier {
    ($plugin:ty) => {
        $crate::__export!($plugin, Notifier, notifier, notify, (
            fn notify(event: &$crate::Event) -> Result<Option<String>, $crate::NotifyFailure>
        ), (event));
    };
}

/// Exports a [`HealthChecker`](crate::HealthChecker).
#[macro_export]
macro_rules! health_checker {
    ($plugin:ty) => {
        $crate::__export!($plugin, HealthChecker, health_checker, health, (
            fn assess(objects: &$crate::ObjectSet) -> Result<Vec<$crate::Verdict>, $crate::Failure>
        ), (objects));
    };
}

/// Exports a function as start-up work, which `windlass-build` runs once and freezes: tables, parsed libraries.
///
/// There is no request at that time: any call of the host but log and entropy ends the build.
#[macro_export]
macro_rules! warm {
    ($function:path) => {
        #[cfg(target_family = "wasm")]
        #[expect(unsafe_code, reason = "an export by name")]
        const _: () = {
            #[unsafe(export_name = "warm")]
            extern "C" fn warm() {
                $crate::exports::report_panics();
                $function();
            }
        };
        #[cfg(not(target_family = "wasm"))]
        const _: fn() = $function;
    };
}

/// Natively only the type is checked: the ABI's export names aren't valid for a native linker.
#[doc(hidden)]
#[macro_export]
macro_rules! __export {
    ($plugin:ty, $trait:ident, $module:ident, $interface:ident,
     (fn $function:ident($($name:ident: $kind:ty),*) -> $answer:ty), ($($argument:ident),*)) => {
        #[cfg(target_family = "wasm")]
        #[expect(unsafe_code, reason = "the component ABI")]
        const _: () = {
            struct Export;
            impl $crate::exports::$module::exports::windlass::plugin::$interface::Guest for Export {
                fn $function($($name: $kind),*) -> $answer {
                    $crate::exports::report_panics();
                    <$plugin as $crate::$trait>::$function($($argument),*)
                }
            }
            $crate::exports::$module::export!(Export with_types_in $crate::exports::$module);
        };
        #[cfg(not(target_family = "wasm"))]
        const _: fn($($kind),*) -> $answer = <$plugin as $crate::$trait>::$function;
    };
}
