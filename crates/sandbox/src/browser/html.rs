//! Just enough HTML to fill in a form and to read a page.

/// A form on a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// Whether it is sent with POST.
    pub post: bool,
    /// The address it is sent to, as written; empty for the page's own.
    pub action: String,
    /// Names and values of its inputs, hidden ones included.
    pub fields: Vec<(String, String)>,
    /// Its buttons.
    pub buttons: Vec<FormButton>,
}

/// A button that sends a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormButton {
    /// What it says.
    pub text: String,
    /// The field it adds when pressed.
    pub field: Option<(String, String)>,
}

enum Token<'h> {
    Open(Tag),
    Close(String),
    Text(&'h str),
}

#[derive(Clone)]
struct Tag {
    name: String,
    attributes: Vec<(String, String)>,
}

impl Tag {
    fn attribute(&self, name: &str) -> Option<String> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    }

    fn field(&self) -> Option<(String, String)> {
        let name = self.attribute("name").filter(|name| !name.is_empty())?;
        Some((name, self.attribute("value").unwrap_or_default()))
    }
}

/// The forms, in order.
pub(super) fn forms(html: &str) -> Vec<Form> {
    let mut forms: Vec<Form> = Vec::new();
    let mut inside = false;
    let mut button: Option<FormButton> = None;
    for token in tokens(html) {
        match token {
            Token::Open(tag) if tag.name == "form" => {
                inside = true;
                forms.push(form(&tag));
            }
            Token::Close(name) if name == "form" => inside = false,
            Token::Open(tag) if inside && tag.name == "button" => {
                button = Some(FormButton { text: String::new(), field: tag.field() });
            }
            Token::Close(name) if name == "button" => {
                let pressed = button.take().map(|button| FormButton { text: squeeze(&button.text), ..button });
                forms.last_mut().into_iter().for_each(|form| form.buttons.extend(pressed.clone()));
            }
            Token::Open(tag) if inside && tag.name == "input" => {
                forms.last_mut().into_iter().for_each(|form| input(form, &tag));
            }
            Token::Text(text) => button.iter_mut().for_each(|button| button.text += &decode(text)),
            _ => {}
        }
    }
    forms
}

fn form(tag: &Tag) -> Form {
    Form {
        post: tag.attribute("method").is_some_and(|method| method.eq_ignore_ascii_case("post")),
        action: tag.attribute("action").unwrap_or_default(),
        fields: Vec::new(),
        buttons: Vec::new(),
    }
}

fn input(form: &mut Form, tag: &Tag) {
    match tag.attribute("type").as_deref() {
        Some("submit") => {
            let text = tag.attribute("value").unwrap_or_default();
            form.buttons.push(FormButton { text, field: tag.field() });
        }
        Some("checkbox" | "radio") if tag.attribute("checked").is_none() => {}
        _ => form.fields.extend(tag.field()),
    }
}

/// The page as a person reads it: one line a block, without scripts and styles.
pub(super) fn text(html: &str) -> String {
    let body = html.find("<body").map_or(html, |at| &html[at..]);
    let mut text = String::new();
    for token in tokens(body) {
        match token {
            Token::Text(part) => text += &decode(part).replace('\n', " "),
            Token::Open(Tag { name, .. }) | Token::Close(name) if !is_inline(&name) => text.push('\n'),
            _ => {}
        }
    }
    text.lines().map(squeeze).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// The text inside the element with this id, or the value of the input with it.
pub(super) fn element(html: &str, id: &str) -> Option<String> {
    let mut found: Option<(String, usize, String)> = None;
    for token in tokens(html) {
        match (&mut found, token) {
            (None, Token::Open(tag)) if tag.attribute("id").as_deref() == Some(id) => {
                if tag.name == "input" {
                    return tag.attribute("value");
                }
                found = Some((tag.name, 1, String::new()));
            }
            (Some((name, depth, _)), Token::Open(tag)) if tag.name == *name => *depth += 1,
            (Some((name, depth, text)), Token::Close(closed)) if closed == *name => {
                *depth -= 1;
                if *depth == 0 {
                    return Some(squeeze(text));
                }
            }
            (Some((_, _, text)), Token::Text(part)) => *text += &decode(part),
            _ => {}
        }
    }
    None
}

fn is_inline(name: &str) -> bool {
    ["a", "abbr", "b", "code", "em", "i", "kbd", "small", "span", "strong", "time"].contains(&name)
}

fn squeeze(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn tokens(html: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        if start > 0 {
            tokens.push(Token::Text(&rest[..start]));
        }
        rest = &rest[start..];
        if let Some(comment) = rest.strip_prefix("<!--") {
            rest = comment.find("-->").map_or("", |end| &comment[end + 3..]);
            continue;
        }
        let end = tag_end(rest);
        let inside = rest[1..end].trim_end_matches('/');
        rest = rest.get(end + 1..).unwrap_or_default();
        if let Some(name) = inside.strip_prefix('/') {
            tokens.push(Token::Close(name.trim().to_lowercase()));
        } else if !inside.starts_with('!') {
            let tag = tag(inside);
            if tag.name == "script" || tag.name == "style" {
                rest = rest.find(&format!("</{}", tag.name)).map_or("", |end| &rest[end..]);
            }
            tokens.push(Token::Open(tag));
        }
    }
    if !rest.is_empty() {
        tokens.push(Token::Text(rest));
    }
    tokens
}

/// Where the tag at the beginning ends: at the first `>` outside quotes.
fn tag_end(html: &str) -> usize {
    let mut quote = None;
    for (at, character) in html.char_indices() {
        match (quote, character) {
            (None, '>') => return at,
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), _) if open == character => quote = None,
            _ => {}
        }
    }
    html.len()
}

fn tag(inside: &str) -> Tag {
    let (name, mut rest) = inside.split_once(char::is_whitespace).unwrap_or((inside, ""));
    let mut attributes = Vec::new();
    loop {
        rest = rest.trim_start();
        let end = rest.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(rest.len());
        if end == 0 {
            break;
        }
        let name = rest[..end].to_lowercase();
        rest = rest[end..].trim_start();
        let value = match rest.strip_prefix('=') {
            None => String::new(),
            Some(after) => {
                let (value, left) = value(after.trim_start());
                rest = left;
                decode(value)
            }
        };
        attributes.push((name, value));
    }
    Tag { name: name.to_lowercase(), attributes }
}

/// One attribute's value, quoted or not, and what follows it.
fn value(text: &str) -> (&str, &str) {
    for quote in ['"', '\''] {
        if let Some(inside) = text.strip_prefix(quote) {
            return inside.split_once(quote).unwrap_or((inside, ""));
        }
    }
    text.split_at(text.find(char::is_whitespace).unwrap_or(text.len()))
}

/// Resolves character references; what is unknown stays as it is.
fn decode(text: &str) -> String {
    let mut decoded = String::new();
    let mut rest = text;
    while let Some(start) = rest.find('&') {
        decoded += &rest[..start];
        rest = &rest[start..];
        let reference = rest[1..].split_once(';').and_then(|(name, left)| Some((character(name)?, left)));
        match reference {
            Some((character, left)) => {
                decoded.push(character);
                rest = left;
            }
            None => {
                decoded.push('&');
                rest = &rest[1..];
            }
        }
    }
    decoded + rest
}

fn character(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some('\u{a0}'),
        _ => {
            let digits = name.strip_prefix('#')?;
            let hex = digits.strip_prefix(['x', 'X']).map(|digits| u32::from_str_radix(digits, 16));
            char::from_u32(hex.unwrap_or_else(|| digits.parse()).ok()?)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r#"<!DOCTYPE html><html><head><title>x</title><script>if (a < b) {}</script></head>
        <body class='a > b'><!-- <form> --><h1>Almost done, Ana &amp; co.</h1>
        <p>Code: <b id="confirm-code">482 <i>913</i></b></p>
        <form method="POST" action="/link/t?a=1&amp;b=2"><input type=hidden name="t" value="&quot;x&#39;">
        <input type="checkbox" name="off"><button name="go" value="1"> Link  <b>it</b></button></form>
        <form><input type="submit" value="Again"></form></body></html>"#;

    #[test]
    fn forms_are_read_with_hidden_fields_and_buttons() {
        let forms = forms(PAGE);
        assert_eq!(forms.len(), 2);
        assert!(forms[0].post);
        assert_eq!(forms[0].action, "/link/t?a=1&b=2");
        assert_eq!(forms[0].fields, [("t".to_owned(), "\"x'".to_owned())]);
        let button = FormButton { text: "Link it".into(), field: Some(("go".into(), "1".into())) };
        assert_eq!(forms[0].buttons, [button]);
        assert_eq!(forms[1].buttons[0].text, "Again");
        assert!(!forms[1].post);
    }

    #[test]
    fn pages_read_as_lines() {
        assert_eq!(text(PAGE), "Almost done, Ana & co.\nCode: 482 913\nLink it");
    }

    #[test]
    fn an_element_is_found_by_its_id() {
        assert_eq!(element(PAGE, "confirm-code").as_deref(), Some("482 913"));
        assert_eq!(element(PAGE, "other"), None);
    }

    #[test]
    fn broken_markup_ends_quietly() {
        for broken in ["<", "<a href=\"", "<!--", "&#xffffffff;", "<script>", "&", "<form><button>"] {
            drop((forms(broken), text(broken), element(broken, "x")));
        }
    }
}
