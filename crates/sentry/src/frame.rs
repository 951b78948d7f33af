//! Where in people's own code an event happened: the last frame of its own application. Stack traces are the larger part of an
//! event; they are read past, and one frame at a time is held.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use zentry_domain::text;

use crate::wire::Text;

const FRAME_MAX: usize = 200;

/// `checkout/pay.py:88 in charge_card`, from an event's `exception` (Sentry, event object). What has another shape tells none.
pub(crate) fn of_exception<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    // The outermost exception comes last, and so does the innermost frame.
    let trace = Member("stacktrace", Member("frames", Last(Frame)));
    Member("values", Last(trace)).deserialize(deserializer)
}

/// One member of an object.
#[derive(Clone, Copy)]
struct Member<S>(&'static str, S);

/// The last of a list that tells one.
#[derive(Clone, Copy)]
struct Last<S>(S);

/// A frame, if it is of the application itself.
#[derive(Clone, Copy)]
struct Frame;

/// Reads a value of any shape, and nothing of one that it does not expect.
trait Reader<'de>: Copy + Sized {
    fn object<A: MapAccess<'de>>(self, mut object: A) -> Result<Option<String>, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn list<A: SeqAccess<'de>>(self, mut list: A) -> Result<Option<String>, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

#[derive(Clone, Copy)]
struct Seed<R>(R);

impl<'de, S: Reader<'de>> Reader<'de> for Member<S> {
    fn object<A: MapAccess<'de>>(self, mut object: A) -> Result<Option<String>, A::Error> {
        let mut found = None;
        while let Some(key) = object.next_key::<Text>()? {
            if key.get() == Some(self.0) {
                found = object.next_value_seed(Seed(self.1))?;
            } else {
                object.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

impl<'de, S: Reader<'de>> Reader<'de> for Last<S> {
    fn list<A: SeqAccess<'de>>(self, mut list: A) -> Result<Option<String>, A::Error> {
        let mut last = None;
        while let Some(found) = list.next_element_seed(Seed(self.0))? {
            last = found.or(last);
        }
        Ok(last)
    }
}

impl<'de> Reader<'de> for Frame {
    fn object<A: MapAccess<'de>>(self, mut object: A) -> Result<Option<String>, A::Error> {
        let (mut file, mut function, mut line, mut is_own) = (Text::default(), Text::default(), Text::default(), false);
        while let Some(key) = object.next_key::<Text>()? {
            match key.get() {
                Some("filename") => file = object.next_value()?,
                Some("function") => function = object.next_value()?,
                Some("lineno") => line = object.next_value()?,
                Some("in_app") => is_own = object.next_value_seed(Truth(PhantomData))?,
                _ => drop(object.next_value::<IgnoredAny>()?),
            }
        }
        let Some(file) = file.get().filter(|_| is_own) else { return Ok(None) };
        let line = line.number().map(|line| format!(":{line}")).unwrap_or_default();
        let function = function.get().map(|function| format!(" in {function}")).unwrap_or_default();
        Ok(Some(text::cut(&format!("{file}{line}{function}"), FRAME_MAX)))
    }
}

/// `true`, and nothing else.
struct Truth(PhantomData<bool>);

impl<'de> DeserializeSeed<'de> for Truth {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        crate::wire::lenient::<D, bool>(deserializer).map(|told| told == Some(true))
    }
}

impl<'de, S> DeserializeSeed<'de> for Member<S>
where
    Self: Reader<'de>,
{
    type Value = Option<String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        Seed(self).deserialize(deserializer)
    }
}

impl<'de, R: Reader<'de>> DeserializeSeed<'de> for Seed<R> {
    type Value = Option<String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, R: Reader<'de>> Visitor<'de> for Seed<R> {
    type Value = Option<String>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("anything")
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Self::Value, A::Error> {
        self.0.object(object)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
        self.0.list(list)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(json: &str) -> Option<String> {
        of_exception(&mut serde_json::Deserializer::from_str(json)).expect("it is read")
    }

    fn trace(frames: &str) -> String {
        format!(r#"{{"mechanism":{{}},"values":[{{"type":"A","stacktrace":{{"frames":{frames}}}}}]}}"#)
    }

    #[test]
    fn the_innermost_frame_of_the_application_itself_is_told() {
        let own = |file: &str| {
            format!(r#"{{"filename":"{file}","function":"run","lineno":8,"in_app":true,"vars":{{"a":[1]}}}}"#)
        };
        let frames = format!(r#"[{},{},{{"filename":"lib.py","in_app":false}}]"#, own("app/a.py"), own("app/b.py"));
        assert_eq!(frame(&trace(&frames)).as_deref(), Some("app/b.py:8 in run"));
        assert_eq!(frame(&trace(r#"[{"filename":"a.py","in_app":true}]"#)).as_deref(), Some("a.py"));
        assert_eq!(
            frame(&trace(r#"[{"filename":"a.py","lineno":"x","function":null,"in_app":true}]"#)).as_deref(),
            Some("a.py")
        );
        let chain =
            format!(r#"{{"values":[{{"stacktrace":{{"frames":[{}]}}}},{{"stacktrace":null}}]}}"#, own("app/c.py"));
        assert_eq!(frame(&chain).as_deref(), Some("app/c.py:8 in run"));
    }

    #[test]
    fn what_has_another_shape_tells_none() {
        for json in [
            "null",
            "7",
            "-7",
            "1.5",
            "true",
            r#""text""#,
            "[]",
            "{}",
            r#"{"values":null}"#,
            r#"{"values":{"0":1}}"#,
            r#"{"values":[null,7,"x",{"stacktrace":[1]},{"stacktrace":{"frames":"none"}}]}"#,
            &trace(
                r#"[null,{"filename":null,"in_app":true},{"filename":"a.py","in_app":"yes"},{"function":"f","in_app":true}]"#,
            ),
        ] {
            assert_eq!(frame(json), None, "{json}");
        }
    }
}
