//! Which font draws what: those in the program, those of the machine, and Unifont's dots.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use fontdb::{Database, FaceInfo, ID, Style};
use harfrust::ShaperData;
use skrifa::instance::{LocationRef, Size};
use skrifa::outline::{DrawSettings, OutlinePen};
use skrifa::{FontRef, GlyphId, MetadataProvider};

/// A font with outlines.
pub struct Face {
    pub font: FontRef<'static>,
    pub shaper: ShaperData,
    /// Font units to the height of letters.
    pub units: f64,
}

/// What draws a cluster of characters.
#[derive(Clone, Copy)]
pub enum Font {
    Outlines(&'static Face),
    /// GNU Unifont.
    Dots,
}

static EMBEDDED: LazyLock<Vec<Face>> = LazyLock::new(|| {
    let fonts = [dejavu::sans::regular(), uzor_fonts::NOTO_SANS_DEVANAGARI, uzor_fonts::NOTO_EMOJI];
    fonts.iter().map(|data| Face::new(data, 0).expect("the fonts in the program can be read")).collect()
});

impl Face {
    fn new(data: &'static [u8], index: u32) -> Option<Self> {
        let font = FontRef::from_index(data, index).ok()?;
        let units = font.metrics(Size::unscaled(), LocationRef::default()).units_per_em;
        let shaper = ShaperData::new(&font);
        (units > 0).then(|| Self { font, shaper, units: f64::from(units) })
    }

    /// Has a shape for every one of the characters.
    fn draws(&self, mut characters: impl Iterator<Item = char>) -> bool {
        let charmap = self.font.charmap();
        characters.all(|character| charmap.map(character).is_some())
    }

    /// Sends a glyph's outline, in font units, y upwards.
    pub fn outline(&self, glyph: GlyphId, pen: &mut impl OutlinePen) {
        if let Some(outline) = self.font.outline_glyphs().get(glyph) {
            // A glyph that is broken in its font is left out.
            let _ = outline.draw(DrawSettings::unhinted(Size::unscaled(), LocationRef::default()), pen);
        }
    }
}

impl Font {
    /// The first font that has all of a cluster: one in the program, one of the machine, Unifont; else the box of the first.
    pub fn of(cluster: &str) -> Self {
        let seen = || cluster.chars().filter(|&character| is_drawn(character));
        if let Some(face) = EMBEDDED.iter().find(|face| face.draws(seen())) {
            return Self::Outlines(face);
        }
        if let Some(face) = of_machine(&seen().collect::<String>()) {
            return Self::Outlines(face);
        }
        if seen().next().is_some_and(|base| unifont::get_glyph(base).is_some()) {
            return Self::Dots;
        }
        Self::Outlines(&EMBEDDED[0])
    }

    pub fn is(self, other: Self) -> bool {
        match (self, other) {
            (Self::Outlines(one), Self::Outlines(other)) => std::ptr::eq(one, other),
            (Self::Dots, Self::Dots) => true,
            _ => false,
        }
    }
}

/// Joiners, direction marks and variation selectors shape their neighbours and have no look of their own.
pub fn is_drawn(character: char) -> bool {
    !matches!(character, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{61c}')
        && !('\u{e0000}'..='\u{e0fff}').contains(&character)
}

/// The fonts of the machine, upright ones of usual weight first. Looking for them takes its time, so only who needs them does.
struct Machine {
    database: Database,
    order: Vec<ID>,
    /// What was read stays: few fonts are ever needed.
    faces: HashMap<ID, Option<&'static Face>>,
    found: HashMap<String, Option<&'static Face>>,
}

static MACHINE: LazyLock<Mutex<Machine>> = LazyLock::new(|| Mutex::new(Machine::new()));

fn of_machine(characters: &str) -> Option<&'static Face> {
    MACHINE.lock().unwrap_or_else(PoisonError::into_inner).find(characters)
}

impl Machine {
    fn new() -> Self {
        let mut database = Database::new();
        database.load_system_fonts();
        let family = |face: &FaceInfo| face.families.first().map(|(name, _)| name.clone()).unwrap_or_default();
        let rank = |face: &FaceInfo| {
            let family = family(face);
            (face.style != Style::Normal, face.weight.0.abs_diff(400), !family.contains("Sans"), face.monospaced, family)
        };
        let mut faces: Vec<&FaceInfo> = database.faces().collect();
        faces.sort_by_cached_key(|face| rank(face));
        let order = faces.iter().map(|face| face.id).collect();
        Self { database, order, faces: HashMap::new(), found: HashMap::new() }
    }

    fn find(&mut self, characters: &str) -> Option<&'static Face> {
        if let Some(&found) = self.found.get(characters) {
            return found;
        }
        let candidate = self.order.iter().copied().find(|&id| self.has_outlines(id, characters));
        let found = candidate.and_then(|id| self.face(id));
        self.found.insert(characters.to_owned(), found);
        found
    }

    /// Not a font of bitmaps: those have characters and no shapes.
    fn has_outlines(&self, id: ID, characters: &str) -> bool {
        let draws = |data: &[u8], index: u32| {
            let font = FontRef::from_index(data, index).ok()?;
            let (charmap, outlines) = (font.charmap(), font.outline_glyphs());
            let has = |character: char| charmap.map(character).is_some_and(|glyph| outlines.get(glyph).is_some());
            Some(characters.chars().all(has))
        };
        self.database.with_face_data(id, draws).flatten().unwrap_or(false)
    }

    fn face(&mut self, id: ID) -> Option<&'static Face> {
        if let Some(&face) = self.faces.get(&id) {
            return face;
        }
        let read = |data: &[u8], index: u32| Face::new(Box::leak(data.into()), index).map(|face| &*Box::leak(Box::new(face)));
        let face = self.database.with_face_data(id, read).flatten();
        self.faces.insert(id, face);
        face
    }
}
