use super::*;

fn reach(private: &[&str], plain: &[&str]) -> Reach {
    let places = |texts: &[&str]| {
        let place = |text: &&str| Place::try_from((*text).to_owned()).unwrap();
        texts.iter().map(place).collect()
    };
    Reach {
        private: places(private),
        plain: places(plain),
    }
}

fn refusal(reach: &Reach, host: &str, address: &str) -> Option<Class> {
    reach.refusal(host, address.parse().unwrap())
}

#[test]
fn only_public_addresses_are_everybodys() {
    let nothing = Reach::default();
    for (address, class) in [
        ("127.0.0.1", Class::Loopback),
        ("127.255.0.9", Class::Loopback),
        ("::1", Class::Loopback),
        ("::ffff:127.0.0.1", Class::Loopback),
        ("64:ff9b::7f00:1", Class::Loopback),
        ("2002:7f00:1::", Class::Loopback),
        ("10.0.0.1", Class::Private),
        ("172.16.0.1", Class::Private),
        ("172.31.255.255", Class::Private),
        ("192.168.1.1", Class::Private),
        ("::ffff:10.0.0.1", Class::Private),
        ("fc00::1", Class::Private),
        ("fd12:3456::1", Class::Private),
        ("100.64.0.1", Class::Shared),
        ("100.127.255.255", Class::Shared),
        ("169.254.169.254", Class::LinkLocal),
        ("::ffff:169.254.169.254", Class::LinkLocal),
        ("fe80::1", Class::LinkLocal),
        ("fec0::1", Class::LinkLocal),
        ("224.0.0.1", Class::Multicast),
        ("239.255.255.255", Class::Multicast),
        ("ff02::1", Class::Multicast),
        ("0.0.0.0", Class::Reserved),
        ("0.1.2.3", Class::Reserved),
        ("240.0.0.1", Class::Reserved),
        ("255.255.255.255", Class::Reserved),
        ("192.0.2.1", Class::Reserved),
        ("198.18.0.1", Class::Reserved),
        ("203.0.113.9", Class::Reserved),
        ("::", Class::Reserved),
        ("::7f00:1", Class::Reserved),
        ("64:ff9b:1::1", Class::Reserved),
        ("2001:db8::1", Class::Reserved),
        ("2001::1", Class::Reserved),
        ("100::1", Class::Reserved),
        ("4000::1", Class::Reserved),
    ] {
        assert_eq!(refusal(&nothing, "a.test", address), Some(class), "{address}");
    }
    for address in [
        "1.1.1.1",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.1",
        "172.15.255.255",
        "172.32.0.0",
        "169.253.255.255",
        "223.255.255.255",
        "2606:4700::1111",
        "2001:4860:4860::8888",
        "::ffff:1.1.1.1",
        "64:ff9b::101:101",
    ] {
        assert_eq!(refusal(&nothing, "a.test", address), None, "{address}");
    }
}

#[test]
fn what_the_operator_lists_is_reached() {
    let listed = reach(&["10.2.0.0/16", "Hooks.Internal", "fd00::/8", "169.254.1.1"], &[]);
    for (host, address, open) in [
        ("x", "10.2.255.1", true),
        ("x", "::ffff:10.2.0.1", true),
        ("x", "10.3.0.1", false),
        ("x", "fd99::1", true),
        ("x", "fc99::1", false),
        ("hooks.internal", "10.9.9.9", true),
        ("hooks.internal.", "127.0.0.1", true),
        ("a.hooks.internal", "10.9.9.9", false),
        ("hooks.internal", "169.254.169.254", false),
        ("hooks.internal", "224.0.0.1", false),
        ("hooks.internal", "0.0.0.0", false),
        ("x", "169.254.1.1", true),
        ("x", "169.254.1.2", false),
    ] {
        assert_eq!(refusal(&listed, host, address).is_none(), open, "{host} {address}");
    }
}

#[test]
fn plain_is_by_name_or_by_number() {
    let listed = reach(&[], &["collector", "10.0.0.0/8"]);
    let plain = |host: &str, address: &str| listed.may_be_plain(host, address.parse().unwrap());
    assert!(plain("collector", "1.1.1.1") && plain("x", "10.1.1.1"));
    assert!(!plain("x", "1.1.1.1"));
}

#[test]
fn places_are_read_and_told() {
    for (text, shown) in [
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("10.1.2.3", "10.1.2.3/32"),
        ("::/0", "::/0"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("fd00::/8", "fd00::/8"),
        ("Hooks.Example.ORG.", "hooks.example.org"),
    ] {
        assert_eq!(Place::try_from(text.to_owned()).unwrap().to_string(), shown);
    }
    for (text, reason) in [
        ("10.0.0.1/8", "bits beyond the prefix"),
        ("10.0.0.0/33", "no number of bits"),
        ("10.0.0.0/", "no number of bits"),
        ("a.test/8", "is no address"),
        ("https://a.test", "is no address"),
        ("a.test:443", "without scheme, port"),
        ("*.a.test", "without scheme, port"),
        ("", "without scheme, port"),
    ] {
        let error = Place::try_from(text.to_owned()).unwrap_err().to_string();
        assert!(error.contains(reason), "{text}: {error}");
    }
}

#[test]
fn all_addresses_of_a_kind_can_be_listed() {
    let all = reach(&["0.0.0.0/0", "::/0"], &[]);
    assert_eq!(refusal(&all, "x", "169.254.169.254"), None);
    assert_eq!(refusal(&all, "x", "fe80::1"), None);
}
