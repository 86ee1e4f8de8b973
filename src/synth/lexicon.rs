//! The open word classes as tables. Every English word has one French word with one gender: what English leaves open
//! (*friend*, *teacher*) is fixed here, so that French is a function of English.

use self::Gender::{Feminine as F, Masculine as M};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gender {
    Masculine,
    Feminine,
}

/// What a noun denotes, as a set of bits; verbs and adjectives name the sets they go with.
pub(super) mod class {
    pub type Class = u32;
    pub const PERSON: Class = 1;
    pub const ANIMAL: Class = 1 << 1;
    pub const FOOD: Class = 1 << 2;
    pub const DISH: Class = 1 << 3;
    pub const DRINK: Class = 1 << 4;
    pub const THING: Class = 1 << 5;
    pub const CLOTHES: Class = 1 << 6;
    pub const VEHICLE: Class = 1 << 7;
    pub const PLACE: Class = 1 << 8;
    pub const TEXT: Class = 1 << 9;
    pub const OPENS: Class = 1 << 10;
    /// One can be on, under or behind it.
    pub const SUPPORT: Class = 1 << 11;
    pub const HOUSE: Class = 1 << 12;
    /// Has an amount and no plural.
    pub const MASS: Class = 1 << 13;
    /// Too large to be on or under furniture.
    pub const LARGE: Class = 1 << 14;
    pub const PLANT: Class = 1 << 15;
    pub const GOODS: Class = FOOD | DISH | DRINK | THING | CLOTHES | VEHICLE | TEXT;
}
use class::*;

/// The English preposition with which a place says where something happens: *in* is *dans*, *at* is *à*.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Site {
    In,
    At,
}

/// Whether one says *my …*.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owned {
    Never,
    Maybe,
    Mostly,
}

#[derive(Debug)]
pub(super) struct Noun {
    pub english: &'static str,
    /// Empty: by rule.
    pub english_plural: &'static str,
    pub french: &'static str,
    /// Empty: by rule.
    pub french_plural: &'static str,
    pub gender: Gender,
    pub class: Class,
    pub site: Site,
    pub owned: Owned,
}

const fn noun(english: &'static str, french: &'static str, gender: Gender, class: Class) -> Noun {
    Noun { english, english_plural: "", french, french_plural: "", gender, class, site: Site::In, owned: Owned::Maybe }
}

impl Noun {
    const fn plurals(self, english_plural: &'static str, french_plural: &'static str) -> Self {
        Self { english_plural, french_plural, ..self }
    }

    const fn at(self) -> Self {
        Self { site: Site::At, ..self }
    }

    const fn unowned(self) -> Self {
        Self { owned: Owned::Never, ..self }
    }

    const fn kin(self) -> Self {
        Self { owned: Owned::Mostly, ..self }
    }

    pub fn is(&self, class: Class) -> bool {
        self.class & class != 0
    }
}

pub(super) static NOUNS: &[Noun] = &[
    noun("man", "homme", M, PERSON).plurals("men", "").unowned(),
    noun("woman", "femme", F, PERSON).plurals("women", "").unowned(),
    noun("boy", "garçon", M, PERSON).unowned(),
    noun("girl", "fille", F, PERSON).unowned(),
    noun("child", "enfant", M, PERSON).plurals("children", "").unowned(),
    noun("friend", "ami", M, PERSON).kin(),
    noun("brother", "frère", M, PERSON).kin(),
    noun("sister", "sœur", F, PERSON).kin(),
    noun("uncle", "oncle", M, PERSON).kin(),
    noun("aunt", "tante", F, PERSON).kin(),
    noun("king", "roi", M, PERSON).unowned(),
    noun("queen", "reine", F, PERSON).unowned(),
    noun("doctor", "médecin", M, PERSON),
    noun("nurse", "infirmière", F, PERSON).unowned(),
    noun("teacher", "professeur", M, PERSON),
    noun("student", "étudiant", M, PERSON),
    noun("neighbour", "voisin", M, PERSON).kin(),
    noun("baker", "boulanger", M, PERSON),
    noun("actress", "actrice", F, PERSON).unowned(),
    noun("waitress", "serveuse", F, PERSON).unowned(),
    noun("dog", "chien", M, ANIMAL),
    noun("cat", "chat", M, ANIMAL),
    noun("horse", "cheval", M, ANIMAL | LARGE),
    noun("bird", "oiseau", M, ANIMAL),
    noun("cow", "vache", F, ANIMAL | LARGE),
    noun("mouse", "souris", F, ANIMAL).plurals("mice", "").unowned(),
    noun("owl", "hibou", M, ANIMAL).plurals("", "hiboux").unowned(),
    noun("donkey", "âne", M, ANIMAL | LARGE),
    noun("hen", "poule", F, ANIMAL),
    noun("wolf", "loup", M, ANIMAL | LARGE).plurals("wolves", "").unowned(),
    noun("apple", "pomme", F, FOOD),
    noun("orange", "orange", F, FOOD),
    noun("egg", "œuf", M, FOOD),
    noun("bean", "haricot", M, FOOD),
    noun("carrot", "carotte", F, FOOD),
    noun("strawberry", "fraise", F, FOOD),
    noun("cake", "gâteau", M, DISH),
    noun("pie", "tarte", F, DISH),
    noun("pancake", "crêpe", F, DISH),
    noun("bread", "pain", M, DISH | MASS),
    noun("soup", "soupe", F, DISH | MASS),
    noun("meat", "viande", F, FOOD | MASS),
    noun("rice", "riz", M, FOOD | MASS),
    noun("cheese", "fromage", M, FOOD | MASS),
    noun("water", "eau", F, DRINK | MASS),
    noun("milk", "lait", M, DRINK | MASS),
    noun("coffee", "café", M, DRINK | MASS),
    noun("wine", "vin", M, DRINK | MASS),
    noun("book", "livre", M, TEXT),
    noun("letter", "lettre", F, TEXT),
    noun("newspaper", "journal", M, TEXT),
    noun("story", "histoire", F, TEXT),
    noun("table", "table", F, SUPPORT | THING),
    noun("chair", "chaise", F, SUPPORT | THING),
    noun("bed", "lit", M, SUPPORT),
    noun("tree", "arbre", M, PLANT),
    noun("door", "porte", F, OPENS | HOUSE),
    noun("window", "fenêtre", F, OPENS | HOUSE),
    noun("box", "boîte", F, THING | OPENS),
    noun("suitcase", "valise", F, THING | OPENS),
    noun("bag", "sac", M, THING | OPENS),
    noun("key", "clé", F, THING),
    noun("knife", "couteau", M, THING).plurals("knives", ""),
    noun("bottle", "bouteille", F, THING),
    noun("umbrella", "parapluie", M, THING),
    noun("clock", "horloge", F, THING),
    noun("ladder", "échelle", F, THING),
    noun("lamp", "lampe", F, THING),
    noun("picture", "image", F, THING),
    noun("gift", "cadeau", M, THING),
    noun("flower", "fleur", F, THING),
    noun("car", "voiture", F, VEHICLE),
    noun("bicycle", "vélo", M, VEHICLE),
    noun("boat", "bateau", M, VEHICLE),
    noun("train", "train", M, VEHICLE),
    noun("plane", "avion", M, VEHICLE),
    noun("dress", "robe", F, CLOTHES),
    noun("hat", "chapeau", M, CLOTHES),
    noun("coat", "manteau", M, CLOTHES),
    noun("shirt", "chemise", F, CLOTHES),
    noun("scarf", "écharpe", F, CLOTHES).plurals("scarves", ""),
    noun("skirt", "jupe", F, CLOTHES),
    noun("house", "maison", F, PLACE | HOUSE),
    noun("garden", "jardin", M, PLACE),
    noun("kitchen", "cuisine", F, PLACE),
    noun("room", "chambre", F, PLACE | HOUSE),
    noun("street", "rue", F, PLACE).unowned(),
    noun("forest", "forêt", F, PLACE).unowned(),
    noun("park", "parc", M, PLACE).unowned(),
    noun("school", "école", F, PLACE).at(),
    noun("church", "église", F, PLACE).at().unowned(),
    noun("hotel", "hôtel", M, PLACE).at(),
    noun("station", "gare", F, PLACE).at().unowned(),
    noun("market", "marché", M, PLACE).at().unowned(),
    noun("beach", "plage", F, PLACE).at().unowned(),
    noun("office", "bureau", M, PLACE).at(),
    noun("museum", "musée", M, PLACE).at().unowned(),
    noun("hospital", "hôpital", M, PLACE).at().unowned(),
    noun("castle", "château", M, PLACE).at(),
    noun("university", "université", F, PLACE).at().unowned(),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Position {
    Before,
    After,
}

/// How English compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    /// Not at all, nor with *very* or *too*.
    None,
    /// *more famous*.
    More,
    /// *bigger*.
    Form(&'static str),
}

#[derive(Debug)]
pub(super) struct Adjective {
    pub english: &'static str,
    pub comparison: Comparison,
    pub french: &'static str,
    /// Empty: by rule.
    pub feminine: &'static str,
    /// The masculine singular before a vowel sound; empty: the same.
    pub before_vowel: &'static str,
    pub position: Position,
    /// What it can describe.
    pub class: Class,
}

const fn adjective(english: &'static str, french: &'static str, position: Position, class: Class) -> Adjective {
    Adjective { english, comparison: Comparison::More, french, feminine: "", before_vowel: "", position, class }
}

impl Adjective {
    const fn comparative(self, comparative: &'static str) -> Self {
        Self { comparison: Comparison::Form(comparative), ..self }
    }

    const fn absolute(self) -> Self {
        Self { comparison: Comparison::None, ..self }
    }

    const fn feminine(self, feminine: &'static str) -> Self {
        Self { feminine, ..self }
    }

    const fn before_vowel(self, before_vowel: &'static str) -> Self {
        Self { before_vowel, ..self }
    }
}

const COLOURED: Class = THING | CLOTHES | VEHICLE | HOUSE;
use Position::{After, Before};

pub(super) static ADJECTIVES: &[Adjective] = &[
    adjective("big", "grand", Before, ANIMAL | DISH | SUPPORT | THING | VEHICLE | PLACE | OPENS | PLANT).comparative("bigger"),
    adjective("small", "petit", Before, ANIMAL | FOOD | DISH | THING | CLOTHES | VEHICLE | PLACE | OPENS).comparative("smaller"),
    adjective("old", "vieux", Before, PERSON | ANIMAL | THING | CLOTHES | VEHICLE | PLACE | TEXT | SUPPORT | PLANT)
        .comparative("older")
        .feminine("vieille")
        .before_vowel("vieil"),
    adjective("beautiful", "beau", Before, PERSON | ANIMAL | THING | CLOTHES | VEHICLE | PLACE | TEXT | SUPPORT | PLANT)
        .feminine("belle")
        .before_vowel("bel"),
    adjective("new", "nouveau", Before, THING | CLOTHES | VEHICLE | PLACE | TEXT)
        .feminine("nouvelle")
        .before_vowel("nouvel")
        .absolute(),
    adjective("young", "jeune", Before, PERSON | ANIMAL).comparative("younger"),
    adjective("good", "bon", Before, FOOD | DISH | DRINK | TEXT).absolute(),
    adjective("bad", "mauvais", Before, FOOD | DISH | DRINK | TEXT).absolute(),
    adjective("red", "rouge", After, COLOURED).absolute(),
    adjective("white", "blanc", After, COLOURED | ANIMAL).feminine("blanche").absolute(),
    adjective("black", "noir", After, COLOURED | ANIMAL).absolute(),
    adjective("green", "vert", After, COLOURED).absolute(),
    adjective("blue", "bleu", After, COLOURED).absolute(),
    adjective("grey", "gris", After, COLOURED | ANIMAL).absolute(),
    adjective("tired", "fatigué", After, PERSON | ANIMAL),
    adjective("happy", "heureux", After, PERSON | ANIMAL).comparative("happier"),
    adjective("sad", "triste", After, PERSON | TEXT).comparative("sadder"),
    adjective("rich", "riche", After, PERSON).comparative("richer"),
    adjective("kind", "gentil", Before, PERSON).comparative("kinder").feminine("gentille"),
    adjective("clever", "intelligent", After, PERSON | ANIMAL),
    adjective("famous", "célèbre", After, PERSON | PLACE),
    adjective("lazy", "paresseux", After, PERSON | ANIMAL).comparative("lazier"),
    adjective("curious", "curieux", After, PERSON | ANIMAL),
    adjective("French", "français", After, PERSON | TEXT | VEHICLE).absolute(),
    adjective("Italian", "italien", After, PERSON | TEXT | VEHICLE).absolute(),
    adjective("interesting", "intéressant", After, TEXT),
    adjective("expensive", "cher", After, THING | CLOTHES | VEHICLE),
    adjective("heavy", "lourd", After, THING).comparative("heavier"),
    adjective("cold", "froid", After, DISH | DRINK | PLACE).comparative("colder"),
    adjective("dirty", "sale", After, CLOTHES | VEHICLE | PLACE | SUPPORT).comparative("dirtier"),
    adjective("empty", "vide", After, PLACE | VEHICLE).absolute(),
    adjective("dangerous", "dangereux", After, ANIMAL),
];

#[cfg(test)]
pub(super) fn find_noun(english: &str) -> &'static Noun {
    NOUNS.iter().find(|noun| noun.english == english).unwrap_or_else(|| panic!("no noun {english} in the lexicon"))
}

#[cfg(test)]
pub(super) fn find_adjective(english: &str) -> &'static Adjective {
    ADJECTIVES
        .iter()
        .find(|adjective| adjective.english == english)
        .unwrap_or_else(|| panic!("no adjective {english} in the lexicon"))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn one_entry_for_each_english_word() {
        for words in [
            NOUNS.iter().map(|noun| noun.english).collect::<Vec<_>>(),
            ADJECTIVES.iter().map(|adjective| adjective.english).collect(),
        ] {
            assert_eq!(words.iter().collect::<HashSet<_>>().len(), words.len());
        }
    }
}
