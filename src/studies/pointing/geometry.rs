//! Convex hulls and areas, exactly: coordinates are whole multiples of 2⁻²⁴ in [0, 1), so that the products below fit a double.

/// A point of the unit square.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    pub x: f64,
    pub y: f64,
}

/// Twice the area of the triangle a, b, c; above zero where they turn left, that is counter-clockwise.
pub fn turn(a: Point, b: Point, c: Point) -> f64 {
    (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x)
}

/// Corners of the convex hull, counter-clockwise, as indices; the lowest index first. Points on an edge are no corners (Andrew 1979).
pub fn hull(points: &[Point]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..points.len()).collect();
    order.sort_by(|&a, &b| points[a].x.total_cmp(&points[b].x).then(points[a].y.total_cmp(&points[b].y)));
    order.dedup_by(|a, b| points[*a] == points[*b]);
    if order.len() < 3 {
        order.sort_unstable();
        return order;
    }
    let chain = |order: &mut dyn Iterator<Item = usize>| {
        let mut corners: Vec<usize> = Vec::new();
        for point in order {
            while let [.., a, b] = corners[..] {
                if turn(points[a], points[b], points[point]) > 0.0 {
                    break;
                }
                corners.pop();
            }
            corners.push(point);
        }
        // The last corner is the first of the other chain.
        corners.pop();
        corners
    };
    let mut corners = chain(&mut order.iter().copied());
    corners.extend(chain(&mut order.iter().rev().copied()));
    from_lowest(&mut corners);
    corners
}

/// Turns a cycle so that its lowest number stands first.
pub fn from_lowest(cycle: &mut [usize]) {
    let lowest = (0..cycle.len()).min_by_key(|&place| cycle[place]).unwrap_or(0);
    cycle.rotate_left(lowest);
}

/// Area of a polygon, below zero where it goes clockwise.
pub fn area(polygon: &[Point]) -> f64 {
    let next = |index: usize| polygon[(index + 1) % polygon.len()];
    let twice: f64 = polygon.iter().enumerate().map(|(index, at)| at.x * next(index).y - next(index).x * at.y).sum();
    twice / 2.0
}

/// Whether no two sides of a polygon meet but at the corner between them.
pub fn is_simple(polygon: &[Point]) -> bool {
    let count = polygon.len();
    let side = |index: usize| (polygon[index], polygon[(index + 1) % count]);
    count >= 3
        && (0..count).all(|one| {
            (one + 1..count).all(|other| {
                let ((a, b), (c, d)) = (side(one), side(other));
                if other == one + 1 {
                    // The corner is b = c: the sides may not lie on each other.
                    turn(a, b, d) != 0.0 || (d.x - b.x) * (a.x - b.x) + (d.y - b.y) * (a.y - b.y) < 0.0
                } else if one == 0 && other == count - 1 {
                    turn(c, a, b) != 0.0 || (b.x - a.x) * (c.x - a.x) + (b.y - a.y) * (c.y - a.y) < 0.0
                } else {
                    !meet((a, b), (c, d))
                }
            })
        })
}

/// Whether two segments have a point in common.
fn meet((a, b): (Point, Point), (c, d): (Point, Point)) -> bool {
    let turns = [turn(a, b, c), turn(a, b, d), turn(c, d, a), turn(c, d, b)];
    if turns[0] * turns[1] < 0.0 && turns[2] * turns[3] < 0.0 {
        return true;
    }
    let within = |(a, b): (Point, Point), p: Point| {
        (a.x.min(b.x)..=a.x.max(b.x)).contains(&p.x) && (a.y.min(b.y)..=a.y.max(b.y)).contains(&p.y)
    };
    let ends = [((a, b), c), ((a, b), d), ((c, d), a), ((c, d), b)];
    ends.iter().zip(turns).any(|(&(segment, point), turn)| turn == 0.0 && within(segment, point))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::studies::random::RandomGenerator;
    use proptest::prelude::*;

    fn point(x: f64, y: f64) -> Point {
        Point { x, y }
    }

    #[test]
    fn a_square_with_points_in_it_and_on_its_side() {
        let points =
            [(0.5, 0.5), (1.0, 1.0), (0.0, 0.0), (0.5, 0.0), (1.0, 0.0), (0.0, 1.0), (0.25, 0.5)].map(|(x, y)| point(x, y));
        let corners = hull(&points);
        assert_eq!(corners, [1, 5, 2, 4], "counter-clockwise from the lowest index");
        assert_eq!(area(&corners.iter().map(|&corner| points[corner]).collect::<Vec<_>>()), 1.0);
        assert_eq!(hull(&[point(0.1, 0.1), point(0.2, 0.2), point(0.4, 0.4)]), [0, 2], "points on a line have no area");
        assert_eq!(hull(&[point(0.5, 0.1), point(0.5, 0.1)]).len(), 1);
    }

    #[test]
    fn polygons_that_cross_themselves_are_told() {
        let [a, b, c, d] = [point(0.0, 0.0), point(1.0, 0.0), point(1.0, 1.0), point(0.0, 1.0)];
        assert!(is_simple(&[a, b, c, d]) && is_simple(&[d, c, b, a]) && is_simple(&[a, b, c]));
        assert!(!is_simple(&[a, c, b, d]), "a bow tie");
        assert!(!is_simple(&[a, b]) && !is_simple(&[]));
        assert!(!is_simple(&[a, b, c, b]), "a corner twice");
        assert!(!is_simple(&[a, b, point(0.5, 0.0)]), "a side that goes back on itself");
        assert!(is_simple(&[a, point(0.5, 0.0), b, c]), "a corner on a side is still simple");
        assert!(!is_simple(&[a, b, c, point(0.5, 0.0)]), "a corner that touches another side");
        assert_eq!((area(&[a, b, c, d]), area(&[d, c, b, a])), (1.0, -1.0));
    }

    proptest! {
        #[test]
        fn a_hull_is_convex_and_holds_every_point(seed in any::<u64>(), count in 3usize..40) {
            let mut random = RandomGenerator::new(seed, 0);
            // A coarse grid too, where points lie on each other and on lines.
            let grid = if seed % 2 == 0 { 8.0 } else { 16_777_216.0 };
            let mut number = || (random.share() * grid).floor() / grid;
            let points: Vec<Point> = (0..count).map(|_| point(number(), number())).collect();
            let corners = hull(&points);
            prop_assert_eq!(corners[0], *corners.iter().min().unwrap());
            if corners.len() >= 3 {
                let polygon: Vec<Point> = corners.iter().map(|&corner| points[corner]).collect();
                prop_assert!(is_simple(&polygon) && area(&polygon) > 0.0);
                for index in 0..polygon.len() {
                    let (a, b) = (polygon[index], polygon[(index + 1) % polygon.len()]);
                    prop_assert!(turn(a, b, polygon[(index + 2) % polygon.len()]) > 0.0, "every corner turns left");
                    prop_assert!(points.iter().all(|&p| turn(a, b, p) >= 0.0), "nothing lies outside");
                }
            }
        }
    }
}
