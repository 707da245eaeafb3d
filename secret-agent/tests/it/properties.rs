//! Any answer, any reference: no panic, and values arrive as they are.

use proptest::prelude::*;
use secret_agent::{Address, Agent, Form, Reference, Settings};

use crate::agent::{Answer, fetch, frame, json, settings, tcp};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_value(value: String) {
        let quoted = serde_json::to_string(&value).unwrap();
        let (address, running) = tcp(json(&format!("{{\"SecretValue\":{quoted}}}")));
        prop_assert_eq!(fetch(settings(address)).unwrap(), value);
        running.request().unwrap();
    }

    #[test]
    fn any_bytes(bytes: Vec<u8>, framed: bool) {
        let bytes = if framed { frame(&bytes) } else { bytes };
        let (address, running) = tcp(Answer::Bytes(bytes));
        let outcome = fetch(settings(address));
        // A client may leave before it has read what it does not understand.
        let _ = running.request();
        prop_assert!(outcome.is_err());
    }

    #[test]
    fn any_reference(resource in "[^:]{0,20}", key in "[^:]{1,20}") {
        let value = format!("secrets:{resource}:{key}");
        let reference = Reference::parse(&value, Form::ResourceAndKey).unwrap().unwrap();
        let (address, running) = tcp(json("{\"SecretValue\":\"v\"}"));
        let settings = Settings::new(Address::tcp("127.0.0.1", address.port()));
        Agent::new(settings).unwrap().fetch(&reference).unwrap();
        let request = running.request().unwrap();
        let request: serde_json::Value = serde_json::from_slice(&request[8..]).unwrap();
        prop_assert_eq!(&request, &serde_json::json!({"Resource": resource, "SecretKey": key}));
    }
}
