//! French and English word formation: plurals, feminine forms, conjugation by rule, elision and contraction.

use super::lexicon::{Adjective, Gender, Noun};
use super::verbs::Verb;

/// The spelling of a French function word before a vowel sound.
pub(super) fn before_vowel(word: &str) -> Option<&'static str> {
    Some(match word {
        "le" | "la" => "l'",
        "de" => "d'",
        "ne" => "n'",
        "je" => "j'",
        "me" => "m'",
        "te" => "t'",
        "que" => "qu'",
        "ce" => "cet",
        "ma" => "mon",
        "ta" => "ton",
        "sa" => "son",
        _ => return None,
    })
}

pub(super) fn contraction(preposition: &str, article: &str) -> Option<&'static str> {
    Some(match (preposition, article) {
        ("de", "le") => "du",
        ("de", "les") => "des",
        ("à", "le") => "au",
        ("à", "les") => "aux",
        _ => return None,
    })
}

/// Words whose `h` is aspirated: no elision before them. *Huit* behaves alike.
pub(super) const ASPIRATED: [&str; 3] = ["haricot", "hibou", "huit"];

pub(super) fn starts_with_vowel_sound(word: &str) -> bool {
    let word = word.to_lowercase();
    word.starts_with(['a', 'à', 'â', 'e', 'é', 'è', 'ê', 'h', 'i', 'î', 'o', 'ô', 'u', 'y', 'œ'])
        && !ASPIRATED.iter().any(|aspirated| word.starts_with(aspirated))
}

pub(super) fn english_plural(noun: &Noun) -> String {
    let word = noun.english;
    if !noun.english_plural.is_empty() { noun.english_plural.to_string() } else { english_s(word) }
}

/// *-s*, *-es* or *-ies*, for plurals and for the third person alike.
fn english_s(word: &str) -> String {
    let consonant_y = word.ends_with('y') && !word.ends_with("ay") && !word.ends_with("ey") && !word.ends_with("oy");
    if consonant_y {
        format!("{}ies", &word[..word.len() - 1])
    } else if ["s", "x", "ch", "sh", "go"].iter().any(|ending| word.ends_with(ending)) {
        format!("{word}es")
    } else {
        format!("{word}s")
    }
}

pub(super) fn french_plural(noun: &Noun) -> String {
    if !noun.french_plural.is_empty() { noun.french_plural.to_string() } else { french_s(noun.french) }
}

fn french_s(word: &str) -> String {
    if word.ends_with(['s', 'x', 'z']) {
        word.to_string()
    } else if word.ends_with("eau") || word.ends_with("eu") && word != "bleu" {
        format!("{word}x")
    } else if let Some(stem) = word.strip_suffix("al") {
        format!("{stem}aux")
    } else {
        format!("{word}s")
    }
}

/// Agreement of an adjective with what it describes.
pub(super) fn adjective(adjective: &Adjective, gender: Gender, plural: bool) -> String {
    let singular = match gender {
        Gender::Masculine => adjective.french.to_string(),
        Gender::Feminine if !adjective.feminine.is_empty() => adjective.feminine.to_string(),
        Gender::Feminine => feminine(adjective.french),
    };
    if plural { french_s(&singular) } else { singular }
}

fn feminine(word: &str) -> String {
    if word.ends_with('e') {
        word.to_string()
    } else if let Some(stem) = word.strip_suffix("eux") {
        format!("{stem}euse")
    } else if let Some(stem) = word.strip_suffix("er") {
        format!("{stem}ère")
    } else if word.ends_with("ien") || word.ends_with("on") {
        format!("{word}ne")
    } else {
        format!("{word}e")
    }
}

/// A past participle agreed with its subject or its preceding object.
pub(super) fn agree(participle: &str, gender: Gender, plural: bool) -> String {
    let mut word = participle.to_string();
    if gender == Gender::Feminine {
        word.push('e');
    }
    if plural && !word.ends_with('s') {
        word.push('s');
    }
    word
}

/// Rows of the conjugation table: je, tu, il, nous, vous, ils.
pub(super) type Form = usize;

pub(super) fn present(verb: &Verb, form: Form) -> String {
    if !verb.present.is_empty() {
        return verb.present.split(' ').nth(form).expect("six forms").to_string();
    }
    let infinitive = verb.french;
    if let Some(stem) = infinitive.strip_suffix("er") {
        let soft = if form == 3 && stem.ends_with('g') { "e" } else { "" };
        format!("{stem}{soft}{}", ["e", "es", "e", "ons", "ez", "ent"][form])
    } else if let Some(stem) = infinitive.strip_suffix("ir") {
        format!("{stem}{}", ["is", "is", "it", "issons", "issez", "issent"][form])
    } else {
        let stem = infinitive.strip_suffix("re").expect("an infinitive ends in er, ir or re");
        format!("{stem}{}", ["s", "s", "", "ons", "ez", "ent"][form])
    }
}

pub(super) fn future(verb: &Verb, form: Form) -> String {
    let stem = if verb.future.is_empty() { verb.french.strip_suffix('e').unwrap_or(verb.french) } else { verb.future };
    format!("{stem}{}", ["ai", "as", "a", "ons", "ez", "ont"][form])
}

pub(super) fn imperfect(verb: &Verb, form: Form) -> String {
    let stem = if verb.french == "être" { "ét".to_string() } else { present(verb, 3).trim_end_matches("ons").to_string() };
    format!("{stem}{}", ["ais", "ais", "ait", "ions", "iez", "aient"][form])
}

/// The familiar imperative: verbs that conjugate like *-er* verbs lose the *s* of *tu*.
pub(super) fn imperative(verb: &Verb) -> String {
    let word = present(verb, 1);
    if word.ends_with("es") { word[..word.len() - 1].to_string() } else { word }
}

pub(super) fn past_participle(verb: &Verb) -> String {
    let infinitive = verb.french;
    if !verb.participle.is_empty() {
        verb.participle.to_string()
    } else if let Some(stem) = infinitive.strip_suffix("er") {
        format!("{stem}é")
    } else if let Some(stem) = infinitive.strip_suffix("ir") {
        format!("{stem}i")
    } else {
        format!("{}u", infinitive.trim_end_matches("re"))
    }
}

/// *mange* + *il* → *mange-t-il*.
pub(super) fn invert(verb: &str, pronoun: &str) -> String {
    let link = if verb.ends_with(['a', 'e']) && pronoun.starts_with(['i', 'e']) { "-t-" } else { "-" };
    format!("{verb}{link}{pronoun}")
}

pub(super) fn english_third_person(base: &str) -> String {
    if base == "have" { "has".to_string() } else { english_s(base) }
}

pub(super) fn english_progressive(verb: &Verb) -> String {
    if !verb.progressive.is_empty() {
        return verb.progressive.to_string();
    }
    let base = verb.english;
    match base.strip_suffix('e') {
        Some(stem) if !base.ends_with("ee") => format!("{stem}ing"),
        _ => format!("{base}ing"),
    }
}

pub(super) fn english_past(verb: &Verb) -> String {
    let base = verb.english;
    if !verb.past.is_empty() {
        verb.past.to_string()
    } else if base.ends_with('e') {
        format!("{base}d")
    } else if let Some(stem) = base.strip_suffix("ry") {
        format!("{stem}ried")
    } else {
        format!("{base}ed")
    }
}

#[cfg(test)]
mod tests {
    use super::super::lexicon::{find_adjective, find_noun};
    use super::super::verbs::find_verb;
    use super::*;

    #[test]
    fn plurals_follow_the_ending() {
        for (english, plural, pluriel) in [
            ("horse", "horses", "chevaux"),
            ("bird", "birds", "oiseaux"),
            ("mouse", "mice", "souris"),
            ("owl", "owls", "hiboux"),
            ("child", "children", "enfants"),
            ("strawberry", "strawberries", "fraises"),
            ("church", "churches", "églises"),
            ("boy", "boys", "garçons"),
            ("hospital", "hospitals", "hôpitaux"),
        ] {
            let noun = find_noun(english);
            assert_eq!((english_plural(noun).as_str(), french_plural(noun).as_str()), (plural, pluriel));
        }
    }

    #[test]
    fn adjectives_agree() {
        for (english, forms) in [
            ("old", ["vieux", "vieille", "vieux", "vieilles"]),
            ("beautiful", ["beau", "belle", "beaux", "belles"]),
            ("white", ["blanc", "blanche", "blancs", "blanches"]),
            ("expensive", ["cher", "chère", "chers", "chères"]),
            ("happy", ["heureux", "heureuse", "heureux", "heureuses"]),
            ("red", ["rouge", "rouge", "rouges", "rouges"]),
            ("good", ["bon", "bonne", "bons", "bonnes"]),
            ("blue", ["bleu", "bleue", "bleus", "bleues"]),
            ("grey", ["gris", "grise", "gris", "grises"]),
            ("Italian", ["italien", "italienne", "italiens", "italiennes"]),
            ("tired", ["fatigué", "fatiguée", "fatigués", "fatiguées"]),
        ] {
            let word = find_adjective(english);
            let made =
                [(Gender::Masculine, false), (Gender::Feminine, false), (Gender::Masculine, true), (Gender::Feminine, true)]
                    .map(|(gender, plural)| adjective(word, gender, plural));
            assert_eq!(made, forms);
        }
    }

    #[test]
    fn verbs_conjugate() {
        let all = |english: &str, make: fn(&Verb, Form) -> String| {
            (0..6).map(|form| make(find_verb(english), form)).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(all("eat", present), "mange manges mange mangeons mangez mangent");
        assert_eq!(all("choose", present), "choisis choisis choisit choisissons choisissez choisissent");
        assert_eq!(all("sell", present), "vends vends vend vendons vendez vendent");
        assert_eq!(all("go", future), "irai iras ira irons irez iront");
        assert_eq!(all("take", future), "prendrai prendras prendra prendrons prendrez prendront");
        assert_eq!(all("buy", future), "achèterai achèteras achètera achèterons achèterez achèteront");
        assert_eq!(all("know", imperfect), "connaissais connaissais connaissait connaissions connaissiez connaissaient");
        for (english, participle, order) in
            [("sell", "vendu", "vends"), ("open", "ouvert", "ouvre"), ("choose", "choisi", "choisis"), ("go", "allé", "va")]
        {
            assert_eq!(past_participle(find_verb(english)), participle);
            if english != "go" {
                assert_eq!(imperative(find_verb(english)), order);
            }
        }
        for (english, third, past, progressive) in [
            ("carry", "carries", "carried", "carrying"),
            ("go", "goes", "went", "going"),
            ("have", "has", "had", "having"),
            ("see", "sees", "saw", "seeing"),
            ("watch", "watches", "watched", "watching"),
            ("swim", "swims", "swam", "swimming"),
            ("obey", "obeys", "obeyed", "obeying"),
        ] {
            let verb = find_verb(english);
            assert_eq!(english_third_person(verb.english), third);
            assert_eq!(english_past(verb), past);
            assert_eq!(english_progressive(verb), progressive);
        }
    }

    #[test]
    fn inversion_keeps_vowels_apart() {
        assert_eq!(invert("mange", "il"), "mange-t-il");
        assert_eq!(invert("a", "elle"), "a-t-elle");
        assert_eq!(invert("dort", "il"), "dort-il");
        assert_eq!(invert("avez", "vous"), "avez-vous");
        assert_eq!(invert("mangent", "ils"), "mangent-ils");
    }

    #[test]
    fn mute_and_aspirated_h() {
        for (word, vowel) in [
            ("homme", true),
            ("hôtel", true),
            ("horloge", true),
            ("hibou", false),
            ("haricots", false),
            ("huit", false),
            ("œuf", true),
        ] {
            assert_eq!(starts_with_vowel_sound(word), vowel, "{word}");
        }
    }
}
