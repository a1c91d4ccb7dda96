//! Many values in five numbers.

/// Count, sum, sum of squares and extremes of the values of a period.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Aggregate {
    /// How many values.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// The sum of their squares.
    pub sum_sq: f64,
    /// The least; 0 without values.
    pub min: f64,
    /// The greatest; 0 without values.
    pub max: f64,
}

impl Aggregate {
    /// `count` times the value one.
    pub(super) fn of_ones(count: u64) -> Self {
        if count == 0 {
            return Self::default();
        }
        let sum = as_f64(count);
        Self {
            count,
            sum,
            sum_sq: sum,
            min: 1.0,
            max: 1.0,
        }
    }

    /// Adds a value.
    pub(super) fn add(&mut self, value: f64) {
        self.merge(&Self {
            count: 1,
            sum: value,
            sum_sq: value * value,
            min: value,
            max: value,
        });
    }

    /// Adds the values of another.
    pub(super) fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = *other;
            return;
        }
        self.count += other.count;
        self.sum += other.sum;
        self.sum_sq += other.sum_sq;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// The mean; 0 without values.
    pub fn mean(&self) -> f64 {
        if self.count == 0 {
            0.0
        } else {
            self.sum / as_f64(self.count)
        }
    }

    /// The sample's standard deviation; 0 for fewer than two values.
    pub fn stddev(&self) -> f64 {
        if self.count < 2 {
            return 0.0;
        }
        let count = as_f64(self.count);
        let numerator = count * self.sum_sq - self.sum * self.sum;
        // Rounding may leave a tiny negative number for equal values.
        (numerator.max(0.0) / (count * (count - 1.0))).sqrt()
    }
}

/// A count as a number with a fraction; exact up to 2^53.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of a period stay far below 2^53"
)]
pub(super) fn as_f64(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[f64]) -> Aggregate {
        let mut aggregate = Aggregate::default();
        for value in values {
            aggregate.add(*value);
        }
        aggregate
    }

    #[test]
    fn statistics_of_a_known_set() {
        let aggregate = of(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]);
        assert!((aggregate.mean() - 5.0).abs() < 1e-12);
        assert!((aggregate.stddev() - (32.0_f64 / 7.0).sqrt()).abs() < 1e-12);
        assert_eq!(
            (aggregate.count, aggregate.min, aggregate.max),
            (8, 2.0, 9.0)
        );
    }

    #[test]
    fn merging_is_adding_all() {
        let mut left = of(&[-1.0, 3.0]);
        left.merge(&of(&[8.0]));
        left.merge(&Aggregate::default());
        assert_eq!(left, of(&[-1.0, 3.0, 8.0]));
        assert_eq!(Aggregate::of_ones(3), of(&[1.0, 1.0, 1.0]));
        assert_eq!(Aggregate::of_ones(0), Aggregate::default());
    }

    #[test]
    fn few_values_have_no_deviation() {
        assert!(of(&[7.0]).stddev().abs() < f64::EPSILON);
        assert!(of(&[]).mean().abs() < f64::EPSILON);
        assert!(!of(&[0.1, 0.1, 0.1]).stddev().is_nan());
    }
}
