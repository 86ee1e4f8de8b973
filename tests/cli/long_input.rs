//! Paragraphs, and sentences that are too long for the model.

use serde_json::Value;

use super::support::{arguments, shared, with_input};

fn translate(options: &str, input: &str) -> super::support::Ran {
    with_input(arguments(&format!("translate --model {{}} {options}"), &[&shared().run()]), input).good()
}

#[test]
fn a_paragraph_is_its_sentences_with_their_spacing() {
    let sentences = ["The cat sees the dog.", "Does Mr. Smith sleep?", "My uncle reads."];
    let single = translate("--alignment", &sentences.map(|line| format!("{line}\n")).concat());
    let single: Vec<(&str, &str)> = single.lines().into_iter().map(|line| line.split_once('\t').unwrap()).collect();
    let paragraph = format!("{}  {}\u{a0}{}\n\nOne.\n", sentences[0], sentences[1], sentences[2]);
    let joined = translate("--split-sentences --alignment", &paragraph);
    assert_eq!(joined.lines().len(), 3, "one line out for a line in");
    let (text, links) = joined.lines()[0].split_once('\t').unwrap();
    assert_eq!(text, format!("{}  {}\u{a0}{}", single[0].0, single[1].0, single[2].0));
    let (mut source, mut target, mut expected) = (0, 0, Vec::new());
    for (sentence, (text, links)) in sentences.iter().zip(&single) {
        for (s, t) in links.split_whitespace().map(|link| link.split_once('-').unwrap()) {
            expected.push((s.parse::<usize>().unwrap() + source, t.parse::<usize>().unwrap() + target));
        }
        source += sentence.split_whitespace().count();
        target += text.split_whitespace().count();
    }
    expected.sort_unstable();
    assert_eq!(links, expected.iter().map(|(s, t)| format!("{s}-{t}")).collect::<Vec<_>>().join(" "));
    // Without the option a line is one sentence, whatever it holds.
    assert_ne!(translate("--alignment", &paragraph).lines()[0], joined.lines()[0]);
}

#[test]
fn what_is_too_long_is_cut_with_a_warning_and_never_lost() {
    let clause = "the old uncle sees the red apples,";
    let long = vec![clause; 60].join(" ");
    let input = format!("The cat sleeps.\n{long}\nThe dog sleeps.\n");
    let ran = translate("--alignment --format jsonl --beam 1 --maximum-length 30", &input);
    assert_eq!(ran.lines().len(), 3);
    assert!(ran.stderr.contains("line 2: a sentence of ") && !ran.stderr.contains("line 1:"), "{}", ran.stderr);
    let record: Value = serde_json::from_str(ran.lines()[1]).unwrap();
    assert_eq!(record["source"], *long);
    let alignment = &record["hypotheses"][0]["alignment"];
    assert_eq!(alignment["source_words"].as_array().unwrap().len(), 60 * 7);
    assert_eq!(alignment["weights"].as_array().unwrap().len(), alignment["target_words"].as_array().unwrap().len());
    let told = translate("--maximum-source-length 6", "The old uncle sees the red apples, and the cat sleeps.\n").stderr;
    assert!(told.contains("line 1: a sentence of ") && told.contains(" parts"), "{told}");
    let refused = with_input(arguments("translate --model {} --maximum-source-length 0", &[&shared().run()]), "");
    refused.failed(1, &["--maximum-source-length is 1 or more"]);
}
