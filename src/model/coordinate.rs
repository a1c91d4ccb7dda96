//! Network coordinates.

use serde::{Deserialize, Serialize};

/// A Vivaldi coordinate, as serf keeps it. Seconds throughout.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Coordinate {
    /// Position, eight dimensions.
    pub vec: Vec<f64>,
    /// Confidence; 1.5 is no confidence.
    pub error: f64,
    /// Offset learnt from differences to measured times.
    pub adjustment: f64,
    /// Distance from the plane: the access link.
    pub height: f64,
}

impl Default for Coordinate {
    /// The coordinate of a node that has measured nothing yet.
    fn default() -> Self {
        Self {
            vec: vec![0.0; 8],
            error: 1.5,
            adjustment: 0.0,
            height: 1e-5,
        }
    }
}

impl Coordinate {
    /// Estimated round trip to `other` in seconds; `None` when the dimensions differ.
    ///
    /// Formula of serf's coordinate package: Euclidean distance plus both heights, plus both
    /// adjustments where that stays positive.
    pub fn distance_to(&self, other: &Self) -> Option<f64> {
        if self.vec.len() != other.vec.len() {
            return None;
        }
        let square: f64 = self
            .vec
            .iter()
            .zip(&other.vec)
            .map(|(a, b)| (a - b) * (a - b))
            .sum();
        let raw = square.sqrt() + self.height + other.height;
        let adjusted = raw + self.adjustment + other.adjustment;
        Some(if adjusted > 0.0 { adjusted } else { raw })
    }
}

/// A coordinate of a node, as `/v1/coordinate/nodes` lists it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NodeCoordinate {
    /// The node's name.
    pub node: String,
    /// The network segment; empty for the default one.
    pub segment: String,
    /// The coordinate.
    pub coord: Coordinate,
}
