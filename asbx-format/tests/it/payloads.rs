//! What a restore changes in a message (asbx-binary.md §2.2, §5).

use asbx_format::payload::{Effect, ExistsPolicy, GenerationPolicy, WritePolicy, effect};

use crate::golden::{hex, vector};
use crate::replay::decode;

fn check(generation: GenerationPolicy, exists: ExistsPolicy, start: &str) {
    let stored = decode(&vector()).tokens.remove(0).1;
    let mut payload = stored.clone();
    WritePolicy { generation, exists }.apply(&mut payload);
    assert_eq!(payload[..14], hex(start), "{generation:?} {exists:?}");
    assert_eq!(payload[14..], stored[14..]);
}

#[test]
fn policies_are_two_bytes() {
    use ExistsPolicy::{CreateOnly, Replace, ReplaceOnly, Update, UpdateOnly};
    use GenerationPolicy::{Equal, Greater, None};
    check(Greater, Update, "0203000000000078160009000000");
    check(None, Update, "0203000000000078160001000000");
    check(Greater, Replace, "0203000000000078160009100000");
    check(Greater, CreateOnly, "0203000000000078160029000000");
    check(Equal, ReplaceOnly, "0203000000000078160005200000");
    check(None, UpdateOnly, "0203000000000078160001080000");
}

#[test]
fn deletes_stay_deletes() {
    let mut payload = vec![0; 30];
    payload[10] = 0x13;
    WritePolicy::default().apply(&mut payload);
    assert_eq!(payload[10], 0x1b);
    assert_eq!(effect(&payload), Effect::Delete { durable: true });
    payload[10] = 0x03;
    assert_eq!(effect(&payload), Effect::Delete { durable: false });
    payload[10] = 0x11;
    assert_eq!(effect(&payload), Effect::Write);
    WritePolicy::default().apply(&mut []);
}
