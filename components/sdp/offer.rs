//! What a peer offers.

use std::io::Cursor;

use rtc_sdp::{MediaDescription, SessionDescription};

use crate::attributes::{value, values};
use crate::error::SdpError;
use crate::lines::breaks;
use crate::section::{Carries, Section};

/// The longest text that is read, in bytes: browsers write some ten KiB a section at most.
pub const TEXT_MAX: usize = 512 * 1024;
/// The most sections that are read.
pub const SECTIONS_MAX: usize = 128;
/// The most formats of one section: as many as there are payload types.
const FORMATS_MAX: usize = 128;
/// The most encodings of one section: no client sends as many.
pub(crate) const ENCODINGS_MAX: usize = 8;
/// The most attributes of one section, and of a session.
const ATTRIBUTES_MAX: usize = 2_048;

/// An offer (RFC 8829 section 5.2), understood.
#[derive(Clone, Debug)]
pub struct Offer {
    pub(crate) attributes: Vec<(String, String)>,
    sections: Vec<Section>,
}

impl Offer {
    /// Reads an offer.
    ///
    /// # Errors
    ///
    /// It is no session description, or one that has more of something than any client has.
    pub fn parse(text: &str) -> Result<Self, SdpError> {
        within(text.len(), TEXT_MAX)?;
        plain(text)?;
        let parsed = SessionDescription::unmarshal(&mut Cursor::new(text.as_bytes()));
        let parsed = parsed.map_err(|error| SdpError::Syntax(error.to_string()))?;
        at_most(parsed.media_descriptions.len(), SECTIONS_MAX, "sections")?;
        let attributes = pairs(parsed.attributes)?;
        let sections = parsed.media_descriptions.into_iter().enumerate();
        let mut sections: Vec<Section> = sections
            .map(|(index, section)| read(index, section))
            .collect::<Result<_, _>>()?;
        bundle(&mut sections, &attributes);
        distinct(&sections)?;
        Ok(Self {
            attributes,
            sections,
        })
    }

    /// Its media sections, in order.
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// One of its sections.
    pub(crate) fn section(&self, index: usize) -> Result<&Section, SdpError> {
        self.sections.get(index).ok_or(SdpError::Section(index))
    }

    /// What a section says of something, or else the session.
    pub(crate) fn said<'a>(&'a self, section: &'a Section, name: &str) -> Option<&'a str> {
        value(&section.attributes, name).or_else(|| value(&self.attributes, name))
    }
}

fn within(len: usize, max: usize) -> Result<(), SdpError> {
    if len > max {
        Err(SdpError::TooLong { len, max })
    } else {
        Ok(())
    }
}

/// Lines end with CRLF, or with LF as some write them. Other ends are a part of values for the parser,
/// and none for who reads what repeats them.
fn plain(text: &str) -> Result<(), SdpError> {
    let lines = text.split('\n');
    let mut lines = lines.map(|line| line.strip_suffix('\r').unwrap_or(line));
    match lines.find(|line| breaks(line)) {
        Some(line) => Err(SdpError::Line(line.into())),
        None => Ok(()),
    }
}

pub(crate) fn at_most(count: usize, max: usize, what: &'static str) -> Result<(), SdpError> {
    if count > max {
        Err(SdpError::TooMany { what, max })
    } else {
        Ok(())
    }
}

fn pairs(
    attributes: Vec<rtc_sdp::description::common::Attribute>,
) -> Result<Vec<(String, String)>, SdpError> {
    at_most(attributes.len(), ATTRIBUTES_MAX, "attributes in one place")?;
    let pairs = attributes.into_iter();
    Ok(pairs
        .map(|one| (one.key, one.value.unwrap_or_default()))
        .collect())
}

fn read(index: usize, section: MediaDescription) -> Result<Section, SdpError> {
    let attributes = pairs(section.attributes)?;
    let mid = value(&attributes, "mid").filter(|mid| !mid.is_empty());
    let has = |name| value(&attributes, name).is_some();
    let name = section.media_name;
    at_most(name.formats.len(), FORMATS_MAX, "formats in a section")?;
    Ok(Section {
        mid: mid.ok_or(SdpError::Mid { section: index })?.into(),
        carries: Carries::of(&name.media, &name.formats),
        protocol: name.protos.join("/"),
        media: name.media,
        formats: name.formats,
        // Without a direction it is sendrecv (RFC 8866 section 6.7).
        sends: !(has("recvonly") || has("inactive")),
        receives: !(has("sendonly") || has("inactive")),
        is_usable: name.port.value != 0 || has("bundle-only"),
        attributes,
    })
}

/// Sections that are in no bundle with the first usable one go over transports of their own, which
/// are not offered (RFC 9143): they are not usable. A single section needs no bundle.
fn bundle(sections: &mut [Section], attributes: &[(String, String)]) {
    let Some(first) = sections.iter().find(|section| section.is_usable) else {
        return;
    };
    let first = first.mid.clone();
    let bundles = values(attributes, "group").filter_map(|group| group.strip_prefix("BUNDLE "));
    let bundle = bundles
        .map(|mids| mids.split(' ').collect::<Vec<_>>())
        .find(|mids| mids.contains(&first.as_str()))
        .unwrap_or_default();
    for section in sections {
        section.is_usable &= section.mid == first || bundle.contains(&section.mid.as_str());
    }
}

fn distinct(sections: &[Section]) -> Result<(), SdpError> {
    for (index, section) in sections.iter().enumerate() {
        if sections[..index]
            .iter()
            .any(|other| other.mid == section.mid)
        {
            return Err(SdpError::Mid { section: index });
        }
    }
    Ok(())
}
