use proptest::prelude::*;
use roxmltree::Document;

use super::line::Line;
use super::*;

/// Width, height and, for each pixel, whether it is ink.
struct Picture {
    width: usize,
    height: usize,
    dark: Vec<bool>,
}

impl Picture {
    fn of(drawing: &Drawing, scale: u32) -> Self {
        let image = drawing.png(scale).unwrap();
        let mut reader = ::png::Decoder::new(std::io::Cursor::new(&image)).read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut bytes).unwrap();
        let dark = bytes.as_chunks::<3>().0.iter().map(|pixel| pixel[0] < 128).collect();
        Self { width: frame.width as usize, height: frame.height as usize, dark }
    }

    fn text(text: &str) -> Self {
        Self::of(&written(text), 2)
    }

    fn ink(&self) -> usize {
        self.dark.iter().filter(|dark| **dark).count()
    }

    /// Stretches of columns that have ink, with white between them.
    fn blocks(&self) -> usize {
        let inked = |x: usize| (0..self.height).any(|y| self.dark[y * self.width + x]);
        (0..self.width).filter(|&x| inked(x) && (x == 0 || !inked(x - 1))).count()
    }
}

fn written(text: &str) -> Drawing {
    let mut drawing = Drawing::new(400.0, 40.0, text);
    drawing.text(Text::new(10.0, 20.0, text));
    drawing
}

#[test]
fn arabic_letters_are_joined() {
    // Beh, meem, noon: three letters that join on both sides.
    let joined = Picture::text("بمن");
    let apart = Picture::text("ب\u{200c}م\u{200c}ن");
    assert_eq!((joined.blocks(), apart.blocks()), (1, 3));
    assert!(width("بمن") < width("ب") + width("م") + width("ن"));
}

#[test]
fn right_to_left_words_begin_at_the_right() {
    // Lamed alone reaches above the line of letters.
    let (above, _) = ink("ל");
    assert!(above > ink("ש").0 + 1.0);
    let (word, turned) = (Picture::text("לשש"), Picture::text("\u{200e}לשש"));
    let high = |picture: &Picture| {
        let rows = 0..picture.height;
        let top = rows.clone().find(|y| (0..picture.width).any(|x| picture.dark[y * picture.width + x])).unwrap();
        (0..picture.width).find(|x| picture.dark[top * picture.width + x]).unwrap()
    };
    let middle = 20 + width("לשש") as usize;
    assert!(high(&word) > middle && high(&turned) > middle, "{} and {} of {middle}", high(&word), high(&turned));
    assert_eq!(Picture::text("a(b)").dark, Picture::text("a(b)\u{200e}").dark);
}

#[test]
fn devanagari_clusters_are_shaped() {
    // Ka, virama, ssa make one letter; the sign of i stands before the letter it is spoken after.
    assert!(width("क्ष") < width("क") + width("ष"));
    assert!(width("कि") < width("क") + width("\u{25cc}ि"));
    assert_eq!(Picture::text("हिन्दी").blocks(), 1, "the line above the letters goes through");
    assert_ne!(Picture::text("कि").dark, Picture::text("िक").dark);
}

#[test]
fn emoji_sequences_are_one_sign() {
    let (farmer, woman) = (width("👩\u{200d}🌾"), width("👩"));
    assert!((farmer - woman).abs() < 0.01, "{farmer} and {woman}");
}

#[test]
fn every_script_leaves_ink() {
    let words = [
        "word",
        "перевод",
        "λέξη",
        "բառ",
        "სიტყვა",
        "מילה",
        "كلمة",
        "शब्द",
        "শব্দ",
        "சொல்",
        "คำ",
        "ຄຳ",
        "ကား",
        "ቃል",
        "词",
        "言葉",
        "단어",
        "😀",
        "\u{301}",
        "\0",
        "\u{10330}",
        "\u{20000}",
        "\u{10fffd}",
    ];
    for word in words {
        assert!(Picture::text(word).ink() > 20, "{word:?}");
        assert!(width(word) > 4.0, "{word:?}");
    }
    assert_eq!(Picture::text("").ink(), 0);
}

#[test]
fn no_letter_of_a_conjunct_is_lost() {
    // Whatever font draws it: with da the word has more ink than with the virama alone.
    assert!(Picture::text("শব্দ").ink() > Picture::text("শব্").ink());
}

#[test]
fn thai_vowels_and_tones_stand_over_their_letters() {
    assert!((width("ที่") - width("ท")).abs() < 0.01);
    assert!(ink("ที่").0 > ink("ท").0 + 1.0);
}

#[test]
fn scripts_of_one_direction_do_not_spoil_each_other() {
    // Hebrew before Arabic without a space: the Arabic is joined all the same.
    let both = Line::new("שبمن").width;
    assert!((both - Line::new("ש").width - Line::new("بمن").width).abs() < 1e-6);
}

#[test]
fn images_have_the_size_that_the_svg_says() {
    let mut drawing = Drawing::new(123.4, 56.0, "a & b");
    drawing.shape(Element::new("rect").at("width", 10.0).at("height", 10.0));
    let svg = drawing.svg();
    let document = Document::parse(&svg).unwrap();
    let side = |name: &str| document.root_element().attribute(name).unwrap().parse::<usize>().unwrap();
    for scale in [1, 2, 3] {
        let image = Picture::of(&drawing, scale);
        assert_eq!((image.width, image.height), (side("width") * scale as usize, side("height") * scale as usize));
        assert_eq!(image.ink(), 100 * (scale * scale) as usize);
    }
    let error = |drawing: &Drawing, scale: u32| drawing.png(scale).unwrap_err().to_string();
    assert!(error(&drawing, 0).contains("scale of an image is 0"));
    assert!(error(&drawing, 9).contains("it can be 1 to 8"));
    for side in [1e5, 1e12, f64::INFINITY] {
        assert!(error(&Drawing::new(side, side, ""), 1).contains("too large for one image"));
    }
}

#[test]
fn bands_of_a_large_image_fit_together() {
    // Three bands: a line from corner to corner has ink on every row.
    let mut drawing = Drawing::new(500.0, 12_000.0, "");
    drawing.shape(Element::new("path").set("d", "M0 0L500 12000").set("stroke", hex(INK)).set("stroke-width", 3));
    let image = Picture::of(&drawing, 2);
    let inked = |y: usize| (0..image.width).filter(|x| image.dark[y * image.width + x]).collect::<Vec<_>>();
    for y in 10..image.height - 10 {
        let (row, place) = (inked(y), y * 1000 / image.height);
        assert!(row.iter().all(|x| x.abs_diff(place) < 6) && (3..9).contains(&row.len()), "row {y}: {row:?}");
    }
}

#[test]
fn text_stays_text_in_svg() {
    let mut drawing = written("1 < 2 & \"שלום\"");
    drawing.text(Text::new(0.0, 30.0, "tilted").rising(45.0).bold().tip("the whole <word>"));
    let svg = drawing.svg();
    let document = Document::parse(&svg).unwrap();
    let of =
        |name: &'static str| document.descendants().filter(move |node| node.has_tag_name(name)).filter_map(|node| node.text());
    assert_eq!(of("text").collect::<Vec<_>>(), ["1 < 2 & \"שלום\"", "tilted"]);
    assert_eq!(of("title").collect::<Vec<_>>(), ["1 < 2 & \"שלום\"", "the whole <word>"]);
    for family in ["system-ui", "Arial", "Noto Sans CJK SC", "sans-serif"] {
        assert!(of("style").next().unwrap().contains(family), "{family}");
    }
}

/// A few thousand of the characters that break things.
fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[\0-\u{1f}<>&\"'\u{7f}-\u{9f}]{0,12}",
        "[a\u{5d0}-\u{5ea}\u{600}-\u{6ff}\u{200b}-\u{200f}\u{202a}-\u{202e}\u{2066}-\u{2069}()]{0,16}",
        "[\u{300}-\u{36f}\u{900}-\u{97f}\u{200c}\u{200d}]{0,12}",
        "[\u{980}-\u{9ff}\u{b80}-\u{bff}\u{e00}-\u{e7f}\u{1000}-\u{109f}]{0,12}",
        "[👩🌾👍\u{1f3fb}-\u{1f3ff}\u{1f1e6}-\u{1f1ff}\u{200d}\u{fe0f}\u{20e3}1#]{0,8}",
        "[\u{fff0}-\u{ffff}\u{e000}-\u{e0ff}\u{10ff00}-\u{10ffff}\u{e0000}-\u{e007f}]{0,8}",
        "[a-zß一-龥]{60,200}",
    ]
}

proptest! {
    #[test]
    fn hostile_text_makes_well_formed_pictures(text in hostile(), rising in prop_oneof![Just(0.0), Just(45.0), Just(90.0)]) {
        let mut drawing = written(&text);
        drawing.text(Text::new(200.0, 20.0, &text).anchor(Anchor::Middle).rising(rising).tip(&text).bold());
        let svg = drawing.svg();
        let document = Document::parse(&svg).unwrap();
        prop_assert_eq!(document.descendants().filter(|node| node.has_tag_name("text")).count(), 2);
        prop_assert!(drawing.png(1).unwrap().starts_with(b"\x89PNG"));
        prop_assert!(width(&text).is_finite() && width(&text) >= 0.0);
    }
}
