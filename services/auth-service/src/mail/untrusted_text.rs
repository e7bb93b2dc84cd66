//! Text written by others in e-mails, such as the name of an account. E-mails accept it as this type only.

use std::fmt;

/// Maximum number of characters shown.
const MAX_CHARS: usize = 60;
/// Maximum number of digits shown: fewer than a telephone number has, which mail programs turn into links.
const MAX_DIGITS: usize = 6;

/// One short line in quotation marks that mail programs find nothing to link in. The stored text is not changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UntrustedText(String);

impl UntrustedText {
    /// Sanitizes `text` for display in an e-mail.
    pub(crate) fn new(text: &str) -> Self {
        let mut shown = String::new();
        let mut length = 0;
        for word in plain(text).split_whitespace() {
            for part in unlinked(word).split(' ').filter(|part| !part.is_empty()) {
                length += usize::from(length > 0);
                if length > 0 {
                    shown.push(' ');
                }
                length += part.chars().count();
                shown.push_str(part);
            }
            if length > MAX_CHARS {
                shown = shown.chars().take(MAX_CHARS).chain(['…']).collect();
                break;
            }
        }
        let mut digits = 0;
        Self(shown.chars().map(|sign| without_number(sign, &mut digits)).collect())
    }
}

/// Returns `sign`, or a dot for a digit beyond the limit.
fn without_number(sign: char, digits: &mut usize) -> char {
    *digits += usize::from(sign.is_numeric());
    if sign.is_numeric() && *digits > MAX_DIGITS { '·' } else { sign }
}

impl fmt::Display for UntrustedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "“{}”", self.0)
    }
}

/// Removes invisible and bidirectional characters; replaces look-alikes that work in addresses with ASCII.
fn plain(text: &str) -> String {
    let shown = text.chars().filter(|sign| sign.is_whitespace() || !is_unseen(*sign));
    shown.map(usual).collect()
}

fn usual(sign: char) -> char {
    match sign {
        '\u{2028}' | '\u{2029}' => ' ',
        '。' | '．' | '｡' | '․' | '﹒' | '﹗' => '.',
        '＠' | '﹫' => '@',
        '：' | '﹕' | '︓' | '∶' => ':',
        '／' | '⁄' | '∕' | '⧸' | '\\' | '＼' | '⧵' => '/',
        '"' | '“' | '”' | '„' | '‟' | '«' | '»' | '＂' | '<' | '>' | '＜' | '＞' => '\'',
        // Browsers treat fullwidth letters and digits as ASCII.
        '０'..='９' | 'Ａ'..='Ｚ' | 'ａ'..='ｚ' => narrow(sign),
        sign if sign.is_control() => ' ',
        sign => sign,
    }
}

fn narrow(sign: char) -> char {
    u32::from(sign).checked_sub(0xFEE0).and_then(char::from_u32).unwrap_or(sign)
}

/// Control and format characters: bidirectional, zero-width, tags, variation selectors, private use.
fn is_unseen(sign: char) -> bool {
    sign.is_control()
        || matches!(u32::from(sign),
            0xAD | 0x34F | 0x61C | 0x115F..=0x1160 | 0x17B4..=0x17B5 | 0x180B..=0x180F | 0x200B..=0x200F
            | 0x202A..=0x202E | 0x2060..=0x206F | 0x2800 | 0x3164 | 0xFE00..=0xFE0F | 0xFEFF | 0xFFA0
            | 0xFFF0..=0xFFFF | 0x1BCA0..=0x1BCA3 | 0x1D173..=0x1D17A | 0xE000..=0xF8FF | 0xE0000..=0x0010_FFFF)
}

/// Breaks up addresses: a space after dots and colons, ` at ` for `@`, and a space for `//`.
fn unlinked(word: &str) -> String {
    let mut apart = String::new();
    let mut signs = word.chars().peekable();
    while let Some(sign) = signs.next() {
        let goes_on = signs.peek().is_some_and(|next| !matches!(next, '.' | ':'));
        match sign {
            '@' => apart.push_str(" at "),
            '/' if matches!(signs.peek(), Some('/')) => {
                while signs.next_if_eq(&'/').is_some() {}
                apart.push(' ');
            }
            '.' | ':' if goes_on => {
                apart.push(sign);
                apart.push(' ');
            }
            sign => apart.push(sign),
        }
    }
    apart
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        UntrustedText::new(text).to_string()
    }

    #[test]
    fn a_name_is_shown_as_it_is() {
        for name in ["Café & Söhne GmbH", "Acme Ltd.", "Mærsk A/S", "株式会社アクメ", "Дружба", "O'Neil"]
        {
            assert_eq!(shown(name), format!("“{name}”"));
        }
    }

    #[test]
    fn an_address_in_untrusted_text_is_no_link() {
        for (written, told) in [
            ("http://evil.test", "“http: evil. test”"),
            ("https:\\\\evil.test/a", "“https: evil. test/a”"),
            ("evil.test", "“evil. test”"),
            ("www.evil.test:8080", "“www. evil. test: 8080”"),
            ("eve@evil.test", "“eve at evil. test”"),
            ("evil。test", "“evil. test”"),
            ("ｅｖｉｌ．ｔｅｓｔ", "“evil. test”"),
            ("evil\u{200b}.\u{200b}test", "“evil. test”"),
            ("evil..test", "“evil.. test”"),
            ("mailto:eve", "“mailto: eve”"),
            ("call +49 900 1234567", "“call +49 900 1······”"),
            ("<a href=x>", "“'a href=x'”"),
        ] {
            assert_eq!(shown(written), told, "{written}");
        }
    }

    #[test]
    fn a_letter_stays_one_letter() {
        assert_eq!(shown("Acme\u{2028}\u{2029}\r\nBcc: x\u{85}y\tz"), "“Acme Bcc: x y z”");
        assert_eq!(shown("a\u{202e}b\u{2066}c\u{e0041}d\u{feff}"), "“abcd”");
        assert_eq!(shown("say \"yes\" “now”"), "“say 'yes' 'now'”");
        assert_eq!(shown(&"x".repeat(500)), format!("“{}…”", "x".repeat(60)));
        assert_eq!(shown(&"x ".repeat(200)).chars().count(), 63);
        assert_eq!(shown("\u{200b}"), "“”");
    }
}
