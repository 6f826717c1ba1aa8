//! As text: `leaky_relu(negative_slope=0.01)`.

use std::fmt;
use std::str::FromStr;

use super::{ActivationError, AnyActivation, MEMBERS, list, quoted, values};
use crate::activation::activations;
use crate::activation::all::*;
use crate::named;

macro_rules! display {
    ($($file:ident::$activation:ident,)*) => {
        $(
            /// As [`AnyActivation`]'s.
            impl fmt::Display for $activation {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.pad(&named::text(*self))
                }
            }
        )*

        impl fmt::Display for AnyActivation {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$activation(activation) => activation.fmt(f),)*
                }
            }
        }
    };
}
activations!(display);

impl FromStr for AnyActivation {
    type Err = ActivationError;

    fn from_str(text: &str) -> Result<Self, ActivationError> {
        let (name, arguments) = split(text.trim())?;
        let Some(member) = MEMBERS.iter().find(|member| member.name == name) else {
            let known = list(MEMBERS.iter().map(|member| member.name));
            let name = quoted(name);
            return Err(ActivationError(format!(
                "{name} is no activation: there are {known}"
            )));
        };
        let given = match arguments.trim() {
            "" => vec![],
            arguments => arguments
                .split(',')
                .map(|argument| parse(name, argument.trim()))
                .collect::<Result<_, _>>()?,
        };
        Ok((member.build)(&values(name, member.parameters, &given)?))
    }
}

/// The name, and what is between the parentheses behind it.
fn split(text: &str) -> Result<(&str, &str), ActivationError> {
    let Some((name, rest)) = text.split_once('(') else {
        return Ok((text, ""));
    };
    let wrong = match rest.split_once(')') {
        Some((arguments, "")) => return Ok((name.trim_end(), arguments)),
        Some(_) => "does not end with its closing parenthesis",
        None => "has no closing parenthesis",
    };
    Err(ActivationError(format!("{} {wrong}", quoted(text))))
}

/// `parameter=number`, an argument of `of`.
fn parse<'t>(of: &str, argument: &'t str) -> Result<(&'t str, f64), ActivationError> {
    let Some((parameter, value)) = argument.split_once('=') else {
        let argument = quoted(argument);
        return Err(ActivationError(format!(
            "{argument} in `{of}(...)` is not of the form `parameter=number`"
        )));
    };
    let (parameter, value) = (parameter.trim(), value.trim());
    let wrong = |what: &str| {
        let (parameter, value) = (quoted(parameter), quoted(value));
        ActivationError(format!("{parameter} of `{of}` is {value}: {what}"))
    };
    let number: f64 = value.parse().map_err(|_| wrong("it must be a number"))?;
    if number.is_infinite() && value.contains(|c: char| c.is_ascii_digit()) {
        return Err(wrong("it is too large, and infinity is `inf`"));
    }
    Ok((parameter, number))
}
