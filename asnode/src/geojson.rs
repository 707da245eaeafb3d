//! Just enough JSON to tell a geometry from garbage: the server refuses what does not parse with
//! result 160. Coordinates are not checked against the globe, and no cells are computed.

/// Whether `text` is a JSON object with a geometry type and what that type needs.
pub(crate) fn is_geometry(text: &[u8]) -> bool {
    let mut json = Json { rest: text };
    let Some(seen) = json.object(MAX_DEPTH) else {
        return false;
    };
    json.space();
    json.rest.is_empty() && seen.is_some_and(|seen| seen.coordinates || seen.geometry)
}

const MAX_DEPTH: usize = 32;

const TYPES: [&[u8]; 9] = [
    b"Point",
    b"Polygon",
    b"MultiPolygon",
    b"MultiPoint",
    b"LineString",
    b"MultiLineString",
    b"AeroCircle",
    b"GeometryCollection",
    b"Feature",
];

/// Members of the outermost object, if its type is one of [`TYPES`].
#[derive(Debug, Clone, Copy, Default)]
struct Members {
    coordinates: bool,
    geometry: bool,
    known_type: bool,
}

struct Json<'a> {
    rest: &'a [u8],
}

impl<'a> Json<'a> {
    fn space(&mut self) {
        self.rest = self.rest.trim_ascii_start();
    }

    /// Steps over `byte`, white space before it included.
    fn eat(&mut self, byte: u8) -> bool {
        self.space();
        match self.rest.split_first() {
            Some((first, rest)) if *first == byte => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// Outer `None`: not an object. Inner `None`: no known type.
    fn object(&mut self, depth: usize) -> Option<Option<Members>> {
        let depth = depth.checked_sub(1)?;
        let mut members = Members::default();
        if !self.eat(b'{') {
            return None;
        }
        if !self.eat(b'}') {
            loop {
                let name = self.string()?;
                if !self.eat(b':') {
                    return None;
                }
                self.member(name, &mut members, depth)?;
                if self.eat(b'}') {
                    break;
                }
                if !self.eat(b',') {
                    return None;
                }
            }
        }
        Some(members.known_type.then_some(members))
    }

    fn member(&mut self, name: &[u8], members: &mut Members, depth: usize) -> Option<()> {
        self.space();
        match name {
            b"type" => {
                let value = self.string()?;
                members.known_type = TYPES.contains(&value);
                Some(())
            }
            b"coordinates" | b"geometries" => {
                members.coordinates = self.rest.starts_with(b"[");
                self.value(depth)
            }
            b"geometry" => {
                members.geometry = self.rest.starts_with(b"{");
                self.value(depth)
            }
            _ => self.value(depth),
        }
    }

    fn value(&mut self, depth: usize) -> Option<()> {
        self.space();
        match self.rest.first()? {
            b'{' => self.object(depth).map(|_| ()),
            b'[' => self.array(depth.checked_sub(1)?),
            b'"' => self.string().map(|_| ()),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            _ => self.number(),
        }
    }

    fn array(&mut self, depth: usize) -> Option<()> {
        self.eat(b'[');
        if self.eat(b']') {
            return Some(());
        }
        loop {
            self.value(depth)?;
            if self.eat(b']') {
                return Some(());
            }
            if !self.eat(b',') {
                return None;
            }
        }
    }

    fn string(&mut self) -> Option<&'a [u8]> {
        if !self.eat(b'"') {
            return None;
        }
        let mut end = 0;
        while *self.rest.get(end)? != b'"' {
            end += if self.rest[end] == b'\\' { 2 } else { 1 };
        }
        let text = self.rest.get(..end)?;
        self.rest = self.rest.get(end + 1..)?;
        Some(text)
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.rest = self.rest.strip_prefix(word)?;
        Some(())
    }

    fn number(&mut self) -> Option<()> {
        let len = self
            .rest
            .iter()
            .position(|byte| !matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'))
            .unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at_checked(len)?;
        str::from_utf8(text).ok()?.parse::<f64>().ok()?;
        self.rest = rest;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::is_geometry;

    #[test]
    fn geometries_are_told_from_garbage() {
        let good = [
            r#"{"type":"Point","coordinates":[1,2]}"#,
            r#" { "type" : "AeroCircle", "coordinates": [[-122.0, 37.5], 1000] } "#,
            r#"{"type":"Feature","geometry":{"type":"Point","coordinates":[1,2]},"properties":null}"#,
            r#"{"coordinates":[[[0,0],[1,0],[1,1],[0,0]]],"type":"Polygon"}"#,
        ];
        let bad = [
            "",
            "nonsense",
            "[1,2]",
            "{}",
            r#"{"type":"Point"}"#,
            r#"{"type":"Blob","coordinates":[1,2]}"#,
            r#"{"type":"Point","coordinates":[1,2]"#,
            r#"{"type":"Point","coordinates":[1,2]}x"#,
            r#"{"type":"Point","coordinates":[1,2"#,
            "{\"type\":\"Point\\",
        ];
        for text in good {
            assert!(is_geometry(text.as_bytes()), "{text}");
        }
        for text in bad {
            assert!(!is_geometry(text.as_bytes()), "{text}");
        }
        assert!(!is_geometry("[".repeat(100_000).as_bytes()));
    }
}
