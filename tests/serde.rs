//! With the feature `serde`: an activation is serialized as its text.

use rectify::{AnyActivation, LeakyRelu};

#[test]
fn serialized_it_is_its_text() {
    let activation = AnyActivation::from(LeakyRelu::new(0.25));
    let json = serde_json::to_string(&activation).unwrap();
    assert_eq!(json, r#""leaky_relu(negative_slope=0.25)""#);
    assert_eq!(
        serde_json::from_str::<AnyActivation>(&json).unwrap(),
        activation
    );
    let error = serde_json::from_str::<AnyActivation>(r#""parrot""#).unwrap_err();
    assert!(
        error.to_string().contains("`parrot` is no activation"),
        "{error}"
    );
}
