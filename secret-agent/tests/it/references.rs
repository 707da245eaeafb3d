//! What an option's value refers to.

use secret_agent::{Form, Reference, ReferenceError};

const BOTH: [Form; 2] = [Form::ResourceAndKey, Form::ResourceOptional];

fn parse(value: &str, form: Form) -> Result<(Option<String>, String), ReferenceError> {
    let reference = Reference::parse(value, form)?.unwrap();
    let resource = reference.resource().map(str::to_owned);
    Ok((resource, reference.key().to_owned()))
}

#[test]
fn other_values_are_none() {
    for form in BOTH {
        for value in [
            "",
            "secret",
            "secrets",
            "secret:a:b",
            "Secrets:a:b",
            " secrets:a:b",
        ] {
            assert_eq!(Reference::parse(value, form), Ok(None), "{value}");
            assert!(!Reference::is_meant(value));
        }
    }
    assert!(Reference::is_meant("secrets:"));
}

#[test]
fn resource_and_key() {
    let ok = |resource: &str, key: &str| Ok((Some(resource.to_owned()), key.to_owned()));
    for form in BOTH {
        assert_eq!(parse("secrets:res1:key1", form), ok("res1", "key1"));
        assert_eq!(parse("secrets::key1", form), ok("", "key1"));
        assert_eq!(
            parse("secrets:", form).unwrap_err(),
            match form {
                Form::ResourceAndKey => ReferenceError::NoResource,
                Form::ResourceOptional => ReferenceError::NoKey,
            }
        );
        assert_eq!(parse("secrets:res1:", form), Err(ReferenceError::NoKey));
    }
    let form = Form::ResourceAndKey;
    assert_eq!(parse("secrets:key1", form), Err(ReferenceError::NoResource));
    assert_eq!(
        parse("secrets:a:b:c", form),
        Err(ReferenceError::TooManyParts)
    );
    let form = Form::ResourceOptional;
    assert_eq!(parse("secrets:key1", form), Ok((None, "key1".to_owned())));
    assert_eq!(parse("secrets:a:b:c", form), ok("a:b", "c"));
}

#[test]
fn a_reference_shows_as_it_was_written() {
    for value in ["secrets:res1:key1", "secrets:key1", "secrets::key1"] {
        let reference = Reference::parse(value, Form::ResourceOptional);
        assert_eq!(reference.unwrap().unwrap().to_string(), value);
    }
}
