use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;

fn seconds(x: f64) -> Duration {
    Duration::from_secs_f64(x)
}

fn near(a: f64, b: f64, tolerance: f64) -> bool {
    (a - b).abs() <= tolerance
}

#[test]
fn two_members_converge_to_their_round_trip() {
    for (seed, rtt) in [(1, 0.001), (2, 0.05), (3, 0.3)] {
        let mut rng = StdRng::seed_from_u64(seed);
        let (mut a, mut b) = (Position::new(), Position::new());
        let names = [NodeName::from("a"), NodeName::from("b")];
        for _ in 0..200 {
            a.update(&names[1], b.own().clone(), seconds(rtt), &mut rng)
                .unwrap();
            b.update(&names[0], a.own().clone(), seconds(rtt), &mut rng)
                .unwrap();
        }
        let estimate = a.own().distance_to(b.own()).unwrap();
        assert!(near(estimate, rtt, rtt * 0.05), "{estimate} for {rtt}");
        assert!(a.own().error < 0.2, "{}", a.own().error);
        assert_eq!(a.of("b").unwrap().vec.len(), 8);
        assert_eq!(a.resets(), 0);
    }
}

#[test]
fn a_line_of_three_is_told_in_its_order() {
    let mut rng = StdRng::seed_from_u64(7);
    let names: Vec<NodeName> = ["a", "b", "c"].map(NodeName::from).to_vec();
    let rtt = |i: usize, j: usize| if i.abs_diff(j) == 1 { 0.01 } else { 0.02 };
    let mut all = vec![Position::new(); 3];
    for round in 0..600 {
        let (i, j) = [(0, 1), (1, 2), (2, 0), (1, 0), (2, 1), (0, 2)][round % 6];
        let other = all[j].own().clone();
        all[i]
            .update(&names[j], other, seconds(rtt(i, j)), &mut rng)
            .unwrap();
    }
    let distance = |i: usize, j: usize| all[i].own().distance_to(all[j].own()).unwrap();
    assert!(near(distance(0, 1), 0.01, 0.002), "{}", distance(0, 1));
    assert!(near(distance(1, 2), 0.01, 0.002), "{}", distance(1, 2));
    assert!(near(distance(0, 2), 0.02, 0.002), "{}", distance(0, 2));
}

#[test]
fn the_first_measurement_moves_as_the_formula_says() {
    let mut rng = StdRng::seed_from_u64(1);
    let mut own = Position::new();
    let moved = own.update(&"b".into(), Coordinate::default(), seconds(0.1), &mut rng);
    // Equal errors: weight 1/2. dist = 2e-5; force = 0.25 / 2 * (0.1 - 2e-5).
    let force = 0.125 * (0.1 - 2e-5);
    assert!(near(magnitude(&own.own().vec), force, 1e-6));
    let wrongness = (0.1 - 2e-5) / 0.1;
    assert!(near(own.own().error, 0.125 * wrongness + 1.5 * 0.875, 1e-9));
    let raw = force + 2e-5;
    assert!(near(own.own().adjustment, (0.1 - raw) / 40.0, 1e-6));
    assert!(moved.unwrap() > 0.0);
}

#[test]
fn nonsense_is_refused_and_changes_nothing() {
    let mut rng = StdRng::seed_from_u64(1);
    let mut own = Position::new();
    let good = Coordinate::default();
    let with = |change: fn(&mut Coordinate)| {
        let mut coordinate = Coordinate::default();
        change(&mut coordinate);
        coordinate
    };
    let table = [
        (
            with(|c| c.vec.truncate(7)),
            0.1,
            CoordinateError::Dimensions,
        ),
        (with(|c| c.vec.push(0.0)), 0.1, CoordinateError::Dimensions),
        (with(|c| c.vec[3] = f64::NAN), 0.1, CoordinateError::Invalid),
        (
            with(|c| c.error = f64::INFINITY),
            0.1,
            CoordinateError::Invalid,
        ),
        (
            with(|c| c.adjustment = f64::NAN),
            0.1,
            CoordinateError::Invalid,
        ),
        (
            with(|c| c.height = f64::NEG_INFINITY),
            0.1,
            CoordinateError::Invalid,
        ),
        (
            good.clone(),
            10.1,
            CoordinateError::RoundTrip(seconds(10.1)),
        ),
    ];
    for (other, rtt, expected) in table {
        assert_eq!(
            own.update(&"b".into(), other, seconds(rtt), &mut rng),
            Err(expected)
        );
    }
    assert_eq!(*own.own(), Coordinate::default());
    assert_eq!(own.of("b"), None);
    assert!(
        own.update(&"b".into(), good, Duration::ZERO, &mut rng)
            .is_ok()
    );
}

#[test]
fn one_slow_answer_among_three_does_not_count() {
    let mut own = Position::new();
    let node = NodeName::from("b");
    let medians: Vec<f64> = [0.1, 0.1, 9.0, 0.2, 8.0, 7.0]
        .into_iter()
        .map(|rtt| own.median_latency(&node, rtt))
        .collect();
    assert_eq!(medians, [0.1, 0.1, 0.1, 0.2, 8.0, 7.0]);
    own.forget("b");
    assert!(near(own.median_latency(&node, 0.5), 0.5, 0.0));
}

#[test]
fn gravity_pulls_towards_the_origin() {
    let mut rng = StdRng::seed_from_u64(1);
    let mut own = Position::new();
    own.own.vec[0] = 300.0;
    own.gravitate(&mut rng);
    let pull = ((300.0 + 2e-5) / 150.0_f64).powi(2);
    assert!(
        near(own.own().vec[0], 300.0 - pull, 1e-6),
        "{}",
        own.own().vec[0]
    );
    assert!(
        near(own.own().height, HEIGHT_MIN, 0.0),
        "never below the lowest"
    );
}

#[test]
fn what_is_not_finite_starts_over() {
    let mut rng = StdRng::seed_from_u64(1);
    let mut own = Position::new();
    let mut other = Coordinate::default();
    other.vec[0] = f64::MAX;
    other.vec[1] = -f64::MAX;
    own.update(&"b".into(), other, seconds(0.1), &mut rng)
        .unwrap();
    assert_eq!(own.resets(), 1);
    assert_eq!(*own.own(), Coordinate::default());
}
