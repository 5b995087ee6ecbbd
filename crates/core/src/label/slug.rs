//! Any text as a piece of a host name.

/// What is left of a text in a host name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slug {
    /// Of `a-z`, `0-9` and single hyphens between them; may be empty, and of any length.
    pub text: String,
    /// Whether another text of the same meaning to people has the same slug.
    pub loss: Loss,
}

/// What a slug says nothing of any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// Only case, accents and punctuation.
    Nothing,
    /// Letters that ASCII has nothing like.
    Letters,
}

impl Slug {
    /// Both, with a hyphen between them if neither is empty.
    pub(super) fn before(self, other: &Self) -> Self {
        let parts = [self.text.as_str(), other.text.as_str()].into_iter().filter(|part| !part.is_empty());
        let loss = if other.loss == Loss::Nothing { self.loss } else { other.loss };
        Self { text: parts.collect::<Vec<_>>().join("-"), loss }
    }
}

/// The small letters of Latin alphabets, and what they become. A library for all of Unicode would add some 40 kB to the program,
/// and the letters that have nothing to do with ASCII would still be lost.
const LATIN: [(&str, &str); 31] = [
    ("àáâãäåāăąǎªḁạảấầẩẫậắằẳẵặ", "a"),
    ("æ", "ae"),
    ("çćĉċčḉ", "c"),
    ("ðďđḋḍḏḑḓ", "d"),
    ("èéêëēĕėęěḕḗḙḛḝẹẻẽếềểễệ", "e"),
    ("ĝğġģḡ", "g"),
    ("ĥħḣḥḧḩḫẖ", "h"),
    ("ìíîïĩīĭįıǐḭḯỉị", "i"),
    ("ĳ", "ij"),
    ("ĵ", "j"),
    ("ķĸḱḳḵ", "k"),
    ("ĺļľŀłḷḹḻḽ", "l"),
    ("ñńņňŉŋṅṇṉṋ", "n"),
    ("òóôõöøōŏőǒºṍṏṑṓọỏốồổỗộớờởỡợơ", "o"),
    ("œ", "oe"),
    ("ŕŗřṙṛṝṟ", "r"),
    ("śŝşšșṡṣṥṧṩẛ", "s"),
    ("ß", "ss"),
    ("ţťŧțṫṭṯṱẗ", "t"),
    ("þ", "th"),
    ("ùúûüũūŭůűųǔṳṵṷṹṻụủứừửữựư", "u"),
    ("ŵẁẃẅẇẉẘ", "w"),
    ("ýÿŷẏẙỳỵỷỹ", "y"),
    ("źżžẑẓẕ", "z"),
    ("²", "2"),
    ("ḃḅḇ", "b"),
    ("ḟ", "f"),
    ("ḿṁṃ", "m"),
    ("ṕṗ", "p"),
    ("ṽṿ", "v"),
    ("ẋẍ", "x"),
];

/// `text` in lower case and without accents; each run of other characters than letters and digits is one hyphen.
#[must_use]
pub fn slug(text: &str) -> Slug {
    let mut slug = Slug { text: String::new(), loss: Loss::Nothing };
    let mut is_between = false;
    for letter in text.chars().flat_map(char::to_lowercase) {
        // macOS keeps an accent as a character of its own, behind its letter.
        if ('\u{300}'..='\u{36f}').contains(&letter) {
            continue;
        }
        let mut buffer = [0; 4];
        let plain = if letter.is_ascii() {
            letter.is_ascii_alphanumeric().then(|| &*letter.encode_utf8(&mut buffer))
        } else {
            LATIN.iter().find(|(letters, _)| letters.contains(letter)).map(|(_, plain)| *plain)
        };
        let Some(plain) = plain else {
            is_between = true;
            if letter.is_alphanumeric() {
                slug.loss = Loss::Letters;
            }
            continue;
        };
        if std::mem::take(&mut is_between) && !slug.text.is_empty() {
            slug.text.push('-');
        }
        slug.text.push_str(plain);
    }
    slug
}
