//! Guests that break the rules of the component model: each is ended by name, none learns anything.

use super::Attack;

#[test]
fn what_breaks_the_component_model_ends_the_call() {
    for (guest, sentence) in [
        ("traps", "unreachable"),
        ("says-what-is-not-utf-8", "utf-8"),
        ("points-outside-its-memory", "out of bounds"),
        ("lists-four-billion-fields", "out of bounds"),
        ("returns-garbage", "discriminant"),
        ("returns-a-pointer-to-nowhere", "out of bounds"),
        ("keeps-what-it-was-lent", "borrow"),
        ("forges-a-handle", "handle"),
        ("drops-twice", "handle"),
        ("gives-no-room-for-an-answer", "realloc"),
        ("asks-while-it-is-answered", "cannot leave component instance"),
    ] {
        Attack::by(guest).crashes(sentence);
    }
}
