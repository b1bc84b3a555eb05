//! What the host offers, generated once for all kinds of plugin, so that a `Tree` is a `Tree` everywhere.
//!
//! A component imports only the interfaces that it calls: a name here costs nothing.

#![allow(missing_docs, reason = "generated; the documentation stands in the WIT")]

wit_bindgen::generate!({
    path: "../../wit/0.1.0",
    inline: "
        package windlass:sdk;
        world host {
            import windlass:plugin/types@0.1.0;
            import windlass:plugin/log@0.1.0;
            import windlass:plugin/entropy@0.1.0;
            import windlass:plugin/files@0.1.0;
            import windlass:plugin/objects@0.1.0;
            import windlass:plugin/rendering@0.1.0;
            import windlass:plugin/sources@0.1.0;
            import windlass:plugin/compose@0.1.0;
            import windlass:plugin/cluster@0.1.0;
            import windlass:plugin/http@0.1.0;
            import windlass:plugin/checking@0.1.0;
            import windlass:plugin/events@0.1.0;
        }
    ",
    world: "windlass:sdk/host",
    generate_all,
    generate_unused_types: true,
    additional_derives: [PartialEq],
});
