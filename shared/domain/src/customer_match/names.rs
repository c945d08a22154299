//! Names of firms, folded so that what is written differently compares equal.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// What firms put behind their names; it tells their form and not who they are.
const LEGAL_FORMS: [&str; 46] = [
    "ab",
    "ag",
    "aps",
    "as",
    "bhd",
    "bv",
    "bvba",
    "co",
    "company",
    "corp",
    "corporation",
    "eg",
    "ek",
    "eurl",
    "gbr",
    "gesmbh",
    "gmbh",
    "inc",
    "incorporated",
    "kft",
    "kg",
    "kgaa",
    "kk",
    "limited",
    "llc",
    "llp",
    "lp",
    "ltd",
    "ltda",
    "mbh",
    "nv",
    "ohg",
    "oy",
    "oyj",
    "plc",
    "pte",
    "pty",
    "sa",
    "sarl",
    "sas",
    "se",
    "sl",
    "spa",
    "spzoo",
    "srl",
    "ug",
];
/// Words that join and don't tell.
const JOINING: [&str; 4] = ["and", "und", "et", "the"];
/// The share of a name that may differ for it to be similar: one letter of so many.
const ONE_LETTER_OF: usize = 6;
/// Names shorter than this are alike by accident.
const SHORTEST: usize = 5;

/// The words of a text: without case, accents, and punctuation.
pub(super) fn words(text: &str) -> Vec<String> {
    let plain: String = text
        .nfkd()
        .filter(|c| !is_combining_mark(*c))
        .flat_map(char::to_lowercase)
        .filter(|c| !matches!(c, '.' | '\'' | '’'))
        .map(|c| if c.is_alphanumeric() { c } else { ' ' })
        .collect();
    plain.replace('ß', "ss").split_whitespace().map(str::to_owned).collect()
}

/// A firm's name in words: without case, accents, punctuation, joining words and the legal form
/// at its end.
#[must_use]
pub fn folded(name: &str) -> Vec<String> {
    let mut words = words(name);
    words.retain(|word| !JOINING.contains(&word.as_str()));
    while words.len() > 1 && words.last().is_some_and(|word| LEGAL_FORMS.contains(&word.as_str())) {
        words.pop();
    }
    words
}

/// A word without the punctuation around it.
fn bare(word: &str) -> &str {
    word.trim_matches(|c: char| !c.is_alphanumeric())
}

/// The word of a name that tells most, as it is written: the longest that is no legal form. What an
/// ERP is searched with.
#[must_use]
pub fn telling_word(name: &str) -> Option<&str> {
    let tells = |word: &&str| match words(word).as_slice() {
        [] => false,
        [only] => !LEGAL_FORMS.contains(&only.as_str()) && !JOINING.contains(&only.as_str()),
        _ => true,
    };
    name.split_whitespace().map(bare).filter(tells).max_by_key(|w| w.chars().count())
}

/// Whether two folded names that differ are alike: the same words in another order, or hardly a
/// letter apart. Numbers are never alike: `Station 12` is not `Station 13`.
pub(super) fn close(one: &[String], other: &[String]) -> bool {
    let sorted = |words: &[String], only: fn(&String) -> bool| {
        let mut words: Vec<String> = words.iter().filter(|w| only(w)).cloned().collect();
        words.sort_unstable();
        words
    };
    let numbered: fn(&String) -> bool = |word| word.chars().any(char::is_numeric);
    if sorted(one, numbered) != sorted(other, numbered) {
        return false;
    }
    if sorted(one, |_| true) == sorted(other, |_| true) {
        return true;
    }
    let (one, other) = (one.concat(), other.concat());
    let longest = one.chars().count().max(other.chars().count());
    longest >= SHORTEST && strsim::osa_distance(&one, &other) * ONE_LETTER_OF <= longest
}
