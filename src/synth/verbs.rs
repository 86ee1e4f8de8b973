//! The verbs, with how they conjugate in both languages and what they go with.

use super::lexicon::class::*;

/// What a verb takes beside its subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// Nothing: *sleep*.
    Intransitive,
    /// A direct object in French, whatever English says: *wait for*.
    Direct,
    /// An object with *à* in French: *obey*.
    Indirect,
    /// A direct object and a recipient: *give*.
    Ditransitive,
    /// A goal: *go to*.
    Motion,
    /// A place: *live in*.
    Location,
    /// A clause with *that*.
    Report,
}

#[derive(Debug)]
pub(super) struct Verb {
    pub english: &'static str,
    /// Empty: by rule.
    pub past: &'static str,
    /// Empty: by rule.
    pub progressive: &'static str,
    /// The English preposition before the object; may be empty.
    pub particle: &'static str,
    pub french: &'static str,
    /// Six forms, separated by spaces. Empty: by rule.
    pub present: &'static str,
    /// The stem. Empty: by rule.
    pub future: &'static str,
    /// Empty: by rule.
    pub participle: &'static str,
    /// Its compound past takes *être*.
    pub etre: bool,
    /// A state: no progressive, and its past is the imperfect.
    pub state: bool,
    /// Over at once: no progressive and no order.
    pub momentary: bool,
    pub frame: Frame,
    /// What can be its object.
    pub objects: Class,
    /// What can be its subject.
    pub subjects: Class,
}

const fn verb(english: &'static str, past: &'static str, french: &'static str, frame: Frame, objects: Class) -> Verb {
    Verb {
        english,
        past,
        progressive: "",
        particle: "",
        french,
        present: "",
        future: "",
        participle: "",
        etre: false,
        state: false,
        momentary: false,
        frame,
        objects,
        subjects: PERSON,
    }
}

impl Verb {
    /// A verb that only the French grammar uses.
    pub const fn helper(french: &'static str, present: &'static str, future: &'static str) -> Self {
        verb("", "", french, Frame::Intransitive, 0).irregular(present, future, "")
    }

    const fn irregular(self, present: &'static str, future: &'static str, participle: &'static str) -> Self {
        Self { present, future, participle, ..self }
    }

    const fn progressive(self, progressive: &'static str) -> Self {
        Self { progressive, ..self }
    }

    const fn particle(self, particle: &'static str) -> Self {
        Self { particle, ..self }
    }

    const fn etre(self) -> Self {
        Self { etre: true, ..self }
    }

    const fn state(self) -> Self {
        Self { state: true, ..self }
    }

    const fn momentary(self) -> Self {
        Self { momentary: true, ..self }
    }

    const fn animals(self) -> Self {
        Self { subjects: PERSON | ANIMAL, ..self }
    }

    /// Whether the spelling tells past from present.
    pub fn past_is_visible(&self) -> bool {
        self.past != self.english
    }
}

use Frame::*;

pub(super) static VERBS: &[Verb] = &[
    verb("eat", "ate", "manger", Direct, FOOD | DISH).animals(),
    verb("drink", "drank", "boire", Direct, DRINK).irregular("bois bois boit buvons buvez boivent", "", "bu"),
    verb("buy", "bought", "acheter", Direct, GOODS).irregular("achète achètes achète achetons achetez achètent", "achèter", ""),
    verb("sell", "sold", "vendre", Direct, GOODS),
    verb("see", "saw", "voir", Direct, PERSON | ANIMAL | VEHICLE | PLACE | THING | PLANT)
        .irregular("vois vois voit voyons voyez voient", "verr", "vu")
        .animals()
        .momentary(),
    verb("watch", "", "regarder", Direct, PERSON | ANIMAL | VEHICLE).animals(),
    verb("read", "read", "lire", Direct, TEXT).irregular("lis lis lit lisons lisez lisent", "", "lu"),
    verb("write", "wrote", "écrire", Direct, TEXT).irregular("écris écris écrit écrivons écrivez écrivent", "", "écrit"),
    verb("love", "", "aimer", Direct, PERSON | ANIMAL | FOOD | DISH | DRINK | TEXT).state(),
    verb("hate", "", "détester", Direct, ANIMAL | FOOD | DISH | DRINK).state(),
    verb("want", "", "vouloir", Direct, GOODS).irregular("veux veux veut voulons voulez veulent", "voudr", "voulu").state(),
    verb("have", "had", "avoir", Direct, ANIMAL | GOODS).irregular("ai as a avons avez ont", "aur", "eu").state(),
    verb("know", "knew", "connaître", Direct, PERSON | PLACE)
        .irregular("connais connais connaît connaissons connaissez connaissent", "", "connu")
        .state(),
    verb("find", "found", "trouver", Direct, ANIMAL | THING | CLOTHES | TEXT).momentary(),
    verb("lose", "lost", "perdre", Direct, THING | CLOTHES | TEXT).momentary(),
    verb("take", "took", "prendre", Direct, THING | CLOTHES | TEXT | VEHICLE).irregular(
        "prends prends prend prenons prenez prennent",
        "",
        "pris",
    ),
    verb("open", "", "ouvrir", Direct, OPENS).irregular("ouvre ouvres ouvre ouvrons ouvrez ouvrent", "", "ouvert"),
    verb("close", "", "fermer", Direct, OPENS),
    verb("wear", "wore", "porter", Direct, CLOTHES),
    verb("carry", "", "porter", Direct, THING),
    verb("wash", "", "laver", Direct, CLOTHES | VEHICLE | ANIMAL),
    verb("clean", "", "nettoyer", Direct, PLACE | SUPPORT | VEHICLE).irregular(
        "nettoie nettoies nettoie nettoyons nettoyez nettoient",
        "nettoier",
        "",
    ),
    verb("repair", "", "réparer", Direct, VEHICLE | OPENS),
    verb("paint", "", "peindre", Direct, HOUSE | VEHICLE | SUPPORT | PLANT).irregular(
        "peins peins peint peignons peignez peignent",
        "",
        "peint",
    ),
    verb("visit", "", "visiter", Direct, PLACE),
    verb("leave", "left", "quitter", Direct, PLACE),
    verb("help", "", "aider", Direct, PERSON),
    verb("follow", "", "suivre", Direct, PERSON | ANIMAL | VEHICLE)
        .irregular("suis suis suit suivons suivez suivent", "", "suivi")
        .animals(),
    verb("hear", "heard", "entendre", Direct, PERSON | ANIMAL | VEHICLE).animals().momentary(),
    verb("listen", "", "écouter", Direct, PERSON).particle("to"),
    verb("wait", "", "attendre", Direct, PERSON | VEHICLE).particle("for"),
    verb("look", "", "chercher", Direct, PERSON | ANIMAL | THING | CLOTHES | TEXT).particle("for"),
    verb("admire", "", "admirer", Direct, PERSON | PLACE | CLOTHES | PLANT),
    verb("forget", "forgot", "oublier", Direct, THING | CLOTHES | TEXT).progressive("forgetting").momentary(),
    verb("choose", "chose", "choisir", Direct, DISH | CLOTHES | TEXT | VEHICLE),
    verb("prepare", "", "préparer", Direct, DISH),
    verb("obey", "", "obéir", Indirect, PERSON).animals(),
    verb("call", "", "téléphoner", Indirect, PERSON),
    verb("answer", "", "répondre", Indirect, PERSON),
    verb("give", "gave", "donner", Ditransitive, THING | TEXT | CLOTHES | DISH | DRINK),
    verb("show", "", "montrer", Ditransitive, THING | TEXT | CLOTHES | VEHICLE),
    verb("send", "sent", "envoyer", Ditransitive, THING | TEXT).irregular(
        "envoie envoies envoie envoyons envoyez envoient",
        "enverr",
        "",
    ),
    verb("bring", "brought", "apporter", Ditransitive, THING | TEXT | DISH | DRINK),
    verb("sleep", "slept", "dormir", Intransitive, 0).irregular("dors dors dort dormons dormez dorment", "", "").animals(),
    verb("work", "", "travailler", Intransitive, 0),
    verb("sing", "sang", "chanter", Intransitive, 0),
    verb("dance", "", "danser", Intransitive, 0),
    verb("cry", "", "pleurer", Intransitive, 0),
    verb("laugh", "", "rire", Intransitive, 0).irregular("ris ris rit rions riez rient", "", "ri"),
    verb("run", "ran", "courir", Intransitive, 0)
        .irregular("cours cours court courons courez courent", "courr", "couru")
        .progressive("running")
        .animals(),
    verb("swim", "swam", "nager", Intransitive, 0).progressive("swimming").animals(),
    verb("go", "went", "aller", Motion, 0).irregular("vais vas va allons allez vont", "ir", "").etre(),
    verb("come", "came", "venir", Motion, 0).irregular("viens viens vient venons venez viennent", "viendr", "venu").etre(),
    verb("return", "", "retourner", Motion, 0).etre(),
    verb("arrive", "", "arriver", Location, 0).etre().momentary(),
    verb("stay", "", "rester", Location, 0).etre().animals(),
    verb("live", "", "habiter", Location, 0).state(),
    verb("say", "said", "dire", Report, 0).irregular("dis dis dit disons dites disent", "", "dit").momentary(),
    verb("think", "thought", "penser", Report, 0).state(),
    verb("believe", "", "croire", Report, 0).irregular("crois crois croit croyons croyez croient", "", "cru").state(),
];

/// Found by its English base form.
#[cfg(test)]
pub(super) fn find_verb(english: &str) -> &'static Verb {
    VERBS.iter().find(|verb| verb.english == english).unwrap_or_else(|| panic!("no verb {english} in the lexicon"))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn one_entry_for_each_english_verb() {
        assert_eq!(VERBS.iter().map(|verb| verb.english).collect::<HashSet<_>>().len(), VERBS.len());
    }

    #[test]
    fn irregular_presents_have_six_forms() {
        for verb in VERBS.iter().filter(|verb| !verb.present.is_empty()) {
            assert_eq!(verb.present.split(' ').count(), 6, "{}", verb.french);
        }
    }
}
