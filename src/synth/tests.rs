//! The grammar against French grammar written down by hand, and the corpus against what it promises.

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use super::closed::*;
use super::lexicon::{Gender, find_adjective, find_noun};
use super::morphology::starts_with_vowel_sound;
use super::split::Fact;
use super::tree::*;
use super::verbs::{Frame, VERBS, find_verb};
use super::*;

/// The default corpus, made once for all tests.
fn corpus() -> &'static Splits {
    static CORPUS: OnceLock<Splits> = OnceLock::new();
    CORPUS.get_or_init(|| generate(&SynthOptions::default()))
}

fn all(splits: &Splits) -> impl Iterator<Item = &Example> {
    splits.train.iter().chain(&splits.validation).chain(&splits.test)
}

fn np(determiner: Determiner, before: &str, noun: &str, after: &str, plural: bool) -> Nominal {
    let adjective = |word: &str| (!word.is_empty()).then(|| find_adjective(word));
    Nominal::Noun(Box::new(NounPhrase {
        determiner,
        noun: find_noun(noun),
        plural,
        before: adjective(before),
        after: adjective(after),
        modifier: None,
    }))
}

fn the(noun: &str) -> Nominal {
    np(Determiner::The, "", noun, "", false)
}

fn with(nominal: Nominal, modifier: Modifier) -> Nominal {
    let Nominal::Noun(mut phrase) = nominal else { panic!("only a noun takes a modifier") };
    phrase.modifier = Some(modifier);
    Nominal::Noun(phrase)
}

fn name(text: &str) -> Nominal {
    Nominal::Name(NAMES.iter().find(|name| name.text == text).expect("a name of the lexicon"))
}

fn does(tense: Tense, verb: &str, object: Option<Nominal>) -> Predicate {
    choose::affirmative(tense, Core::Verb { verb: find_verb(verb), object, recipient: None, that: None })
}

fn is(tense: Tense, degree: Degree, adjective: &str) -> Predicate {
    choose::affirmative(tense, Core::Be(Some((degree, find_adjective(adjective)))))
}

fn not(predicate: Predicate) -> Predicate {
    Predicate { polarity: Polarity::Not { contracted: true }, ..predicate }
}

fn says(subject: Nominal, predicate: Predicate) -> Body {
    Body::Statement(Clause { subject, predicate })
}

fn asks(wh: Option<Wh>, subject: Nominal, predicate: Predicate) -> Body {
    Body::Question { wh, clause: Clause { subject, predicate } }
}

fn said(body: Body) -> Example {
    realize(&Sentence { vocative: None, opening: None, body }).0
}

fn check(body: Body, english: &str, french: &str) {
    let example = said(body);
    assert_eq!((example.source.as_str(), example.target.as_str()), (english, french));
}

use Determiner as D;
use Gender::{Feminine, Masculine};
use Nominal::Pronoun as P;
use Pronoun::*;
use Tense::*;

#[test]
fn noun_phrases_agree() {
    let eats = || does(Present, "eat", Some(the("apple")));
    check(says(np(D::The, "old", "friend", "", false), eats()), "The old friend eats the apple.", "Le vieil ami mange la pomme.");
    let dresses = np(D::This, "beautiful", "dress", "white", true);
    check(
        says(name("Marie"), does(Past, "buy", Some(dresses))),
        "Marie bought these beautiful white dresses.",
        "Marie a acheté ces belles robes blanches.",
    );
    let egg = np(D::This, "", "egg", "", false);
    check(says(P(I), does(Present, "want", Some(egg))), "I want this egg.", "Je veux cet œuf.");
    let story = np(D::Possessive(I), "", "story", "", false);
    check(says(name("Paul"), does(Future, "read", Some(story))), "Paul will read my story.", "Paul lira mon histoire.");
    let oranges = np(D::Some, "good", "orange", "", true);
    check(says(P(We), does(Present, "eat", Some(oranges))), "We eat some good oranges.", "Nous mangeons de bonnes oranges.");
    for (noun, english, french) in [("water", "some water", "de l'eau"), ("milk", "some milk", "du lait")] {
        let object = np(D::Some, "", noun, "", false);
        check(
            says(P(She), does(Present, "drink", Some(object))),
            &format!("She drinks {english}."),
            &format!("Elle boit {french}."),
        );
    }
    let owls = np(D::Number(3), "", "owl", "", true);
    check(says(owls, does(Present, "sleep", None)), "Three owls sleep.", "Trois hiboux dorment.");
    let house = np(D::Of(the("king")), "big", "house", "", false);
    check(
        says(house, is(Present, Degree::Plain, "empty")),
        "The king's big house is empty.",
        "La grande maison du roi est vide.",
    );
    let girls = np(D::The, "", "girl", "", true);
    check(says(girls, is(Past, Degree::Very, "happy")), "The girls were very happy.", "Les filles étaient très heureuses.");
    check(
        says(name("Julie"), is(Present, Degree::More(name("Antoine")), "rich")),
        "Julie is richer than Antoine.",
        "Julie est plus riche qu'Antoine.",
    );
}

#[test]
fn negation_and_clitics() {
    let car = np(D::A, "", "car", "", false);
    check(says(name("Paul"), not(does(Present, "have", Some(car)))), "Paul doesn't have a car.", "Paul n'a pas de voiture.");
    let words = Polarity::Not { contracted: false };
    let oranges = np(D::Some, "", "orange", "", true);
    check(
        says(P(He), Predicate { polarity: words, ..does(Present, "eat", Some(oranges)) }),
        "He does not eat any oranges.",
        "Il ne mange pas d'oranges.",
    );
    check(says(P(I), not(does(Present, "love", Some(P(He))))), "I don't love him.", "Je ne l'aime pas.");
    check(says(name("Paul"), does(Past, "see", Some(P(She)))), "Paul saw her.", "Paul l'a vue.");
    check(says(P(They(Masculine)), not(does(Past, "wait", Some(P(I))))), "They didn't wait for me.", "Ils ne m'ont pas attendu.");
    check(says(P(She), does(Future, "call", Some(P(They(Masculine))))), "She will call them.", "Elle leur téléphonera.");
    check(says(P(We), does(Present, "obey", Some(the("king")))), "We obey the king.", "Nous obéissons au roi.");
    let can = Predicate { modal: Some(Modal::Can), ..not(does(Present, "help", Some(P(You(Masculine))))) };
    check(says(P(I), can), "I can't help you.", "Je ne peux pas t'aider.");
    let give = |object: Nominal, recipient: Nominal| {
        let core = Core::Verb { verb: find_verb("give"), object: Some(object), recipient: Some(recipient), that: None };
        choose::affirmative(Present, core)
    };
    check(says(P(I), give(the("book"), P(He))), "I give him the book.", "Je lui donne le livre.");
    check(says(P(I), give(P(They(Masculine)), P(She))), "I give them to her.", "Je les lui donne.");
    check(says(P(He), give(P(They(Masculine)), P(I))), "He gives them to me.", "Il me les donne.");
    let never = Predicate { polarity: Polarity::Never, ..does(Past, "work", None) };
    check(says(name("Emma"), never), "Emma never worked.", "Emma n'a jamais travaillé.");
}

#[test]
fn compound_tenses_agree() {
    let go = Predicate { adjuncts: vec![Adjunct::At(&TO, the("market"))], ..does(Past, "go", None) };
    check(says(np(D::The, "", "woman", "", true), go), "The women went to the market.", "Les femmes sont allées au marché.");
    let ate = Modifier::Object(P(He), does(Past, "eat", None));
    let apples = with(np(D::The, "", "apple", "", true), ate);
    check(
        says(apples, is(Past, Degree::Plain, "good")),
        "The apples that he ate were good.",
        "Les pommes qu'il a mangées étaient bonnes.",
    );
    let going = Predicate { modal: Some(Modal::GoingTo), ..does(Present, "buy", Some(P(They(Masculine)))) };
    check(says(P(She), going), "She is going to buy them.", "Elle va les acheter.");
    let sings = Predicate { adverb: Some(&OFTEN[0]), ..does(Present, "sing", None) };
    check(says(P(I), sings), "I often sing.", "Je chante souvent.");
}

#[test]
fn relative_clauses() {
    let man = with(the("man"), Modifier::Subject(does(Progressive, "sleep", None)));
    check(says(P(I), does(Present, "know", Some(man))), "I know the man who is sleeping.", "Je connais l'homme qui dort.");
    let hen = with(the("hen"), Modifier::Object(name("Alice"), does(Present, "see", None)));
    check(
        says(hen, is(Present, Degree::Plain, "white")),
        "The hen that Alice sees is white.",
        "La poule qu'Alice voit est blanche.",
    );
    let boy = with(the("boy"), Modifier::Whose(find_noun("car"), is(Present, Degree::Plain, "green")));
    check(
        says(boy, does(Present, "laugh", None)),
        "The boy whose car is green laughs.",
        "Le garçon dont la voiture est verte rit.",
    );
}

#[test]
fn questions() {
    let eat = || does(Present, "eat", None);
    check(asks(None, P(He), does(Present, "sing", None)), "Does he sing?", "Chante-t-il ?");
    check(asks(None, P(She), not(does(Present, "work", None))), "Doesn't she work?", "Ne travaille-t-elle pas ?");
    check(asks(None, name("Antoine"), does(Progressive, "dance", None)), "Is Antoine dancing?", "Est-ce qu'Antoine danse ?");
    check(asks(Some(Wh::Object(&WHAT)), name("Paul"), eat()), "What does Paul eat?", "Qu'est-ce que Paul mange ?");
    check(
        asks(Some(Wh::Object(&WHAT)), P(They(Masculine)), does(Past, "buy", None)),
        "What did they buy?",
        "Qu'ont-ils acheté ?",
    );
    let who = does(Present, "eat", Some(the("cake")));
    check(asks(None, P(Who), who), "Who eats the cake?", "Qui mange le gâteau ?");
    let place = choose::affirmative(Present, Core::Be(None));
    check(asks(Some(Wh::Adverb(&WHERE)), the("station"), place), "Where is the station?", "Où est la gare ?");
    let Nominal::Noun(many) = np(D::HowMany, "", "egg", "", true) else { unreachable!() };
    check(
        asks(Some(Wh::Phrase(*many)), P(She), does(Past, "buy", None)),
        "How many eggs did she buy?",
        "Combien d'œufs a-t-elle achetés ?",
    );
    let Nominal::Noun(which) = np(D::Which, "", "letter", "", true) else { unreachable!() };
    check(
        asks(Some(Wh::Phrase(*which)), name("Paul"), does(Past, "write", None)),
        "Which letters did Paul write?",
        "Quelles lettres est-ce que Paul a écrites ?",
    );
    let room = np(D::A, "", "room", "", false);
    let polite = Sentence {
        vocative: Some(Vocative::Polite(&MADAM)),
        opening: None,
        body: asks(None, P(Polite(Feminine)), does(Present, "have", Some(room))),
    };
    let example = realize(&polite).0;
    assert_eq!(
        (example.source.as_str(), example.target.as_str()),
        ("Madam, do you have a room?", "Madame, avez-vous une chambre ?")
    );
}

#[test]
fn sentences_of_two_clauses() {
    let clause = |subject, predicate| Clause { subject, predicate };
    let because = |noun: &str, gender| Body::Joined {
        first: clause(P(I), does(Past, "buy", Some(the(noun)))),
        comma: false,
        conjunction: &BECAUSE,
        second: clause(P(It(gender)), is(Present, Degree::Plain, "red")),
    };
    check(because("car", Feminine), "I bought the car because it is red.", "J'ai acheté la voiture parce qu'elle est rouge.");
    check(because("boat", Masculine), "I bought the boat because it is red.", "J'ai acheté le bateau parce qu'il est rouge.");
    let conditional = Body::Fronted {
        conjunction: &IF,
        first: clause(P(He), does(Present, "sing", None)),
        second: clause(P(She), does(Future, "run", None)),
    };
    check(conditional, "If he sings, she will run.", "S'il chante, elle courra.");
    let that = clause(P(She), is(Present, Degree::Plain, "tired"));
    let core = Core::Verb { verb: find_verb("say"), object: None, recipient: None, that: Some(Box::new(that)) };
    check(
        says(name("Paul"), choose::affirmative(Present, core)),
        "Paul says that she is tired.",
        "Paul dit qu'elle est fatiguée.",
    );
    let order = |predicate, please| Body::Order { predicate, please };
    check(order(does(Present, "open", Some(the("door"))), true), "Open the door, please.", "Ouvre la porte, s'il te plaît.");
    check(order(not(does(Present, "open", Some(the("door")))), false), "Don't open the door!", "N'ouvre pas la porte !");
    let Nominal::Noun(cats) = np(D::Some, "", "cat", "", true) else { unreachable!() };
    let existence = Body::Existence { what: *cats, negative: true, place: Adjunct::At(&IN, the("garden")) };
    check(existence, "There are not any cats in the garden.", "Il n'y a pas de chats dans le jardin.");
}

#[test]
fn links_say_what_corresponds() {
    // Gold links written by hand: "I"-"t'", "do"-… are possible, content words are sure.
    let example = said(says(P(I), not(does(Present, "see", Some(np(D::The, "", "cat", "black", false))))));
    assert_eq!(
        (example.source.as_str(), example.target.as_str()),
        ("I don't see the black cat.", "Je ne vois pas le chat noir.")
    );
    assert_eq!(example.gold(), "0-0 1p1 1-3 2-2 3-4 4-6 5-5");
    let example = said(asks(None, P(He), does(Past, "lose", Some(the("key")))));
    assert_eq!((example.source.as_str(), example.target.as_str()), ("Did he lose the key?", "A-t-il perdu la clé ?"));
    assert_eq!(example.gold(), "0p0 0p1 1p0 2p0 2-1 3-2 4-3 4p4");
}

#[test]
fn one_translation_for_each_sentence() {
    // Draws of a grammar without deduplication: the same English must always come with the same French.
    let mut sampler = Sampler::new(ChaCha8Rng::seed_from_u64(3));
    let mut known: HashMap<String, String> = HashMap::new();
    let mut again = 0;
    for _ in 0..40_000 {
        let example = realize(&sampler.sentence()).0;
        match known.get(&example.source) {
            Some(target) => {
                again += 1;
                assert_eq!(*target, example.target, "{}", example.source);
            }
            None => {
                known.insert(example.source, example.target);
            }
        }
    }
    assert!(again > 100, "only {again} sentences were drawn twice: the test shows nothing");
    for example in all(corpus()) {
        if let Some(target) = known.get(&example.source) {
            assert_eq!(*target, example.target, "{}", example.source);
        }
    }
}

#[test]
fn the_seed_decides() {
    let options = |seed| SynthOptions { seed, train: 200, validation: 20, test: 20 };
    assert_eq!(generate(&options(5)), generate(&options(5)));
    assert_ne!(generate(&options(5)).train, generate(&options(6)).train);
    let longer = generate(&SynthOptions { train: 300, ..options(5) });
    assert_eq!(longer.train[..200], generate(&options(5)).train);
}

#[test]
fn sizes_forms_and_lengths() {
    let splits = corpus();
    assert_eq!((splits.train.len(), splits.validation.len(), splits.test.len()), (20_000, 500, 500));
    let forms: HashSet<String> = all(splits).flat_map(words).collect();
    let count = |language: char| forms.iter().filter(|form| form.starts_with(language)).count();
    assert!(count('e') >= 300, "{}", count('e'));
    assert!(count('f') >= 400, "{}", count('f'));
    for example in all(splits) {
        assert!((3..=20).contains(&example.source.split(' ').count()), "{}", example.source);
    }
    for length in 3..=16 {
        let found = all(splits).filter(|example| example.source.split(' ').count() == length).count();
        assert!(found >= 40, "{found} sentences of {length} words");
    }
}

#[test]
fn french_spelling_rules_hold_everywhere() {
    let elidable = ["le", "la", "de", "ne", "je", "me", "te", "que", "ce", "ma", "ta", "sa", "beau", "nouveau"];
    for example in all(corpus()) {
        let text = example.target.to_lowercase();
        let words: Vec<&str> = text.split(' ').collect();
        for pair in words.windows(2) {
            // Predicative "beau", "nouveau" may stand before a vowel: "le bateau est beau et …".
            let predicative = matches!(pair[0], "beau" | "nouveau");
            if elidable.contains(&pair[0]) && !predicative {
                assert!(!starts_with_vowel_sound(pair[1]), "{}", example.target);
            }
            let uncontracted = matches!(pair, ["de" | "à", "le" | "les"]);
            assert!(!uncontracted && pair != ["si", "il"] && pair != ["si", "ils"], "{}", example.target);
        }
        for (at, _) in text.match_indices('\'') {
            let rest = &text[at + 1..];
            assert!(starts_with_vowel_sound(rest), "{}", example.target);
        }
        for mark in ['?', '!'] {
            assert!(!example.target.contains(mark) || example.target.ends_with(&format!(" {mark}")), "{}", example.target);
            assert!(!example.source.contains(&format!(" {mark}")), "{}", example.source);
        }
    }
}

#[test]
fn links_are_in_bounds_and_cover_the_target() {
    for example in all(corpus()) {
        let (source, target) = (example.source.split(' ').count(), example.target.split(' ').count());
        let mut sure = vec![0; target];
        let mut any = vec![0; target];
        let mut pairs = HashSet::new();
        for link in &example.links {
            assert!(link.source < source && link.target < target, "{example:?}");
            assert!(pairs.insert((link.source, link.target)), "{example:?}");
            sure[link.target] += usize::from(link.sure);
            any[link.target] += 1;
        }
        assert!(any.iter().all(|&count| count > 0), "{example:?}");
        assert!(sure.iter().all(|&count| count <= 1), "{example:?}");
    }
}

#[test]
fn one_link_per_target_word_can_reach_the_gold() {
    let (mut found, mut agreed_sure, mut sure) = (0, 0, 0);
    for example in &corpus().test {
        sure += example.links.iter().filter(|link| link.sure).count();
        for target in 0..example.target.split(' ').count() {
            let best = example.links.iter().filter(|link| link.target == target).max_by_key(|link| link.sure);
            if let Some(best) = best {
                found += 1;
                agreed_sure += usize::from(best.sure);
            }
        }
    }
    // Every link the oracle picks is a gold link, sure or possible.
    let error = 1.0 - (agreed_sure + found) as f64 / (found + sure) as f64;
    assert!(error < 0.03, "{error}");
}

#[test]
fn held_out_pairs_never_meet_in_training() {
    let splits = corpus();
    let facts = |wanted: Split, count: usize| -> Vec<(String, Vec<Fact>)> {
        let mut random = ChaCha8Rng::seed_from_u64(SynthOptions::default().seed);
        random.set_stream(wanted as u64);
        let mut sampler = Sampler::new(random);
        let drawn = std::iter::repeat_with(|| realize(&sampler.sentence()));
        drawn.take(count).map(|(example, facts)| (example.source, facts)).collect()
    };
    let of = |wanted, examples: &[Example], draws| {
        let sources: HashSet<&str> = examples.iter().map(|example| example.source.as_str()).collect();
        facts(wanted, draws).into_iter().filter(|(source, _)| sources.contains(source.as_str())).collect::<Vec<_>>()
    };
    let train: HashSet<Fact> = of(Split::Train, &splits.train, 60_000).into_iter().flat_map(|(_, facts)| facts).collect();
    let test = of(Split::Test, &splits.test, 20_000);
    assert!(train.len() > 1000 && test.len() >= 500, "{} facts, {} test sentences", train.len(), test.len());
    for (source, facts) in &test {
        assert!(facts.iter().any(|fact| !train.contains(fact) && fact.split() == Split::Test), "{source}");
    }
    assert!(train.iter().all(|fact| fact.split() == Split::Train));
}

#[test]
fn evaluation_words_occur_in_training_and_sentences_do_not() {
    let splits = corpus();
    let known: HashSet<String> = splits.train.iter().flat_map(words).collect();
    let sentences: HashSet<&str> = splits.train.iter().map(|example| example.source.as_str()).collect();
    for example in splits.validation.iter().chain(&splits.test) {
        assert!(words(example).all(|word| known.contains(&word)), "{}", example.source);
        assert!(!sentences.contains(example.source.as_str()), "{}", example.source);
    }
    let distinct: HashSet<&str> = all(splits).map(|example| example.source.as_str()).collect();
    assert_eq!(distinct.len(), all(splits).count());
}

#[test]
fn every_verb_frame_is_drawn() {
    for frame in
        [Frame::Intransitive, Frame::Direct, Frame::Indirect, Frame::Ditransitive, Frame::Motion, Frame::Location, Frame::Report]
    {
        let verb = VERBS.iter().find(|verb| verb.frame == frame).expect("the lexicon has every frame");
        let found = corpus()
            .train
            .iter()
            .any(|example| example.source.to_lowercase().split([' ', '.', ',', '?', '!']).any(|word| word == verb.english));
        assert!(found, "{}", verb.english);
    }
}

#[test]
fn files_hold_what_was_generated() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let options = SynthOptions { seed: 2, train: 300, validation: 30, test: 30 };
    let summary = write(&options, folder.path()).expect("the corpus can be written");
    let splits = generate(&options);
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).expect("the file was written");
    for (name, examples) in [("train", &splits.train), ("validation", &splits.validation), ("test", &splits.test)] {
        let (english, french, gold) = (read(&format!("{name}.en")), read(&format!("{name}.fr")), read(&format!("{name}.gold")));
        let lines: Vec<_> = english.lines().zip(french.lines()).zip(gold.lines()).collect();
        assert_eq!(lines.len(), examples.len());
        for (((source, target), gold), example) in lines.into_iter().zip(examples) {
            assert_eq!((source, target, gold), (example.source.as_str(), example.target.as_str(), example.gold().as_str()));
        }
    }
    assert!(read("README.txt").contains("generated text"));
    assert_eq!(summary.sentences, [splits.train.len(), splits.validation.len(), splits.test.len()]);
    assert!(
        std::fs::read_dir(folder.path())
            .expect("the folder")
            .all(|entry| { !entry.expect("an entry").file_name().to_string_lossy().ends_with(".partial") })
    );
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("file");
    std::fs::write(&file, "").expect("a file");
    let error = write(&SynthOptions { train: 1, validation: 0, test: 0, seed: 1 }, &file.join("inside"))
        .expect_err("no folder in a file");
    assert!(format!("{error:#}").contains("inside"), "{error:#}");
}
