//! Points and regions, and whether a point lies within a region (operation 8).
//!
//! The globe is a sphere, and edges of polygons are great circles. A loop that runs round both poles
//! encloses the one on whose half most of it lies. Unlike in the server, points are not moved to the
//! centre of their cell (about 1 cm), and a point exactly on an edge may belong to the other side.

use serde_json::{Map, Value};

/// The server's, in metres.
const EARTH_RADIUS_M: f64 = 6_371_000.0;

/// Work for one position of a polygon, in the bytes that `evaluate.rs` counts.
const POSITION_WORK: usize = 16;

/// Degrees; longitude −180…180, latitude −90…90.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Position {
    lng: f64,
    lat: f64,
}

/// A closed line: the last position is the first one.
#[derive(Debug, Clone, PartialEq)]
struct Loop(Vec<Position>);

/// What a GeoJSON text stands for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shape(Kind);

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    Point(Position),
    Circle {
        centre: Position,
        radius_m: f64,
    },
    /// Of each polygon the outer loop, then its holes.
    Polygons(Vec<Vec<Loop>>),
}

impl Shape {
    /// A Point, Polygon, MultiPolygon, AeroCircle (`[[lng, lat], radius in metres]`), or a Feature
    /// around one. `None`: anything else, positions that are not on the globe included.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let json: Value = serde_json::from_slice(text).ok()?;
        let json = json.as_object()?;
        let geometry = match json.get("type")?.as_str()? {
            "Feature" => json.get("geometry")?.as_object()?,
            _ => json,
        };
        kind(geometry).map(Self)
    }

    /// Whether one is a point and the other a region that has it. Two points or two regions have
    /// nothing to do with each other, however they lie.
    pub(super) fn matches(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Kind::Point(_), Kind::Point(_)) => false,
            (Kind::Point(point), region) | (region, Kind::Point(point)) => region.contains(*point),
            _ => false,
        }
    }

    /// What comparing it costs.
    pub(super) fn work(&self) -> usize {
        let positions = match &self.0 {
            Kind::Point(_) | Kind::Circle { .. } => 1,
            Kind::Polygons(polygons) => polygons.iter().flatten().map(|line| line.0.len()).sum(),
        };
        positions.saturating_mul(POSITION_WORK)
    }
}

impl Kind {
    fn contains(&self, point: Position) -> bool {
        match self {
            Self::Point(_) => false,
            Self::Circle { centre, radius_m } => distance_m(*centre, point) <= *radius_m,
            Self::Polygons(polygons) => polygons.iter().any(|loops| {
                let mut loops = loops.iter().map(|line| line.contains(point));
                loops.next() == Some(true) && !loops.any(|in_hole| in_hole)
            }),
        }
    }
}

impl Loop {
    fn edges(&self) -> impl Iterator<Item = [Position; 2]> {
        let ends = self.0.iter().skip(1);
        self.0.iter().zip(ends).map(|(from, to)| [*from, *to])
    }

    fn contains(&self, point: Position) -> bool {
        let pole = self.enclosed_pole().unwrap_or(1.0);
        let crossed = self.edges().filter(|edge| crosses(*edge, point, pole));
        let odd = crossed.count() % 2 == 1;
        odd != self.enclosed_pole().is_some()
    }

    /// 1 if the loop runs round the poles and lies in the north, −1 in the south.
    fn enclosed_pole(&self) -> Option<f64> {
        let turned: f64 = self.edges().map(|[a, b]| wrapped(b.lng - a.lng)).sum();
        let lat: f64 = self.0.iter().map(|position| position.lat).sum();
        (turned.abs() > 180.0).then(|| 1_f64.copysign(lat))
    }
}

/// Whether the edge crosses the meridian from the point to the pole (1 north, −1 south).
fn crosses(edge: [Position; 2], point: Position, pole: f64) -> bool {
    let [a, b] = edge.map(|end| (wrapped(end.lng - point.lng), end.lat));
    let (west, east) = if a.0 < b.0 { (a, b) } else { (b, a) };
    // Each end is on one side; the edge goes the shorter way, perhaps through the antipodes.
    if west.0 >= 0.0 || east.0 < 0.0 || east.0 - west.0 > 180.0 {
        return false;
    }
    let [tan_west, tan_east] = [west.1, east.1].map(|lat| lat.to_radians().tan());
    let [sin_west, sin_east] = [-west.0, east.0].map(|lng| lng.to_radians().sin());
    let across = (east.0 - west.0).to_radians().sin();
    let tan_edge = (tan_west * sin_east + tan_east * sin_west) / across;
    tan_edge * pole > point.lat.to_radians().tan() * pole
}

/// An angle as one from −180 up to, but not including, 180.
fn wrapped(degrees: f64) -> f64 {
    (degrees + 180.0).rem_euclid(360.0) - 180.0
}

/// Haversine.
fn distance_m(a: Position, b: Position) -> f64 {
    let half_sine = |degrees: f64| (degrees.to_radians() / 2.0).sin().powi(2);
    let cosines = a.lat.to_radians().cos() * b.lat.to_radians().cos();
    let h = half_sine(b.lat - a.lat) + cosines * half_sine(b.lng - a.lng);
    2.0 * EARTH_RADIUS_M * h.clamp(0.0, 1.0).sqrt().asin()
}

fn kind(geometry: &Map<String, Value>) -> Option<Kind> {
    let coordinates = geometry.get("coordinates")?;
    match geometry.get("type")?.as_str()? {
        "Point" => position(coordinates).map(Kind::Point),
        "AeroCircle" => circle(coordinates),
        "Polygon" => Some(Kind::Polygons(vec![polygon(coordinates)?])),
        "MultiPolygon" => all(coordinates, polygon).map(Kind::Polygons),
        _ => None,
    }
}

fn circle(json: &Value) -> Option<Kind> {
    let [centre, radius] = json.as_array()?.as_slice() else {
        return None;
    };
    let centre = position(centre)?;
    let radius_m = radius.as_f64().filter(|radius| *radius >= 0.0)?;
    Some(Kind::Circle { centre, radius_m })
}

fn polygon(json: &Value) -> Option<Vec<Loop>> {
    all(json, closed_line)
}

fn closed_line(json: &Value) -> Option<Loop> {
    let line = all(json, position)?;
    (line.len() >= 4 && line.first() == line.last()).then_some(Loop(line))
}

/// An altitude may follow; it does not matter.
fn position(json: &Value) -> Option<Position> {
    let [lng, lat, ..] = json.as_array()?.as_slice() else {
        return None;
    };
    let (lng, lat) = (lng.as_f64()?, lat.as_f64()?);
    let on_globe = lng.abs() <= 180.0 && lat.abs() <= 90.0;
    on_globe.then_some(Position { lng, lat })
}

/// One or more.
fn all<T>(json: &Value, read: fn(&Value) -> Option<T>) -> Option<Vec<T>> {
    let items = json.as_array()?;
    let read: Option<Vec<T>> = items.iter().map(read).collect();
    read.filter(|items| !items.is_empty())
}
