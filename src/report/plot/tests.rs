use super::*;
use proptest::prelude::*;
use roxmltree::{Document, Node};

fn chart() -> Chart {
    Chart::new("Held & <forgotten>", "load", "overlap")
        .y_range(0.0, 1.0)
        .curve("Hebb", &[(0.05, 1.0), (0.1, 0.9), (0.2, 0.3)])
        .curve("Storkey", &[(0.05, 1.0), (0.2, 0.95)])
        .reference(0.138, "0.138 N")
}

fn texts<'a>(document: &'a Document) -> Vec<&'a str> {
    document.descendants().filter(|node| node.has_tag_name("text")).filter_map(|node| node.text()).collect()
}

fn markers<'a>(document: &'a Document) -> Vec<Node<'a, 'a>> {
    document.descendants().filter(|node| node.attribute("class") == Some("m")).collect()
}

/// Corners of a curve's line.
fn corners(line: &Node) -> Vec<(f64, f64)> {
    let number = |text: &str| text.parse::<f64>().unwrap();
    let corner = |pair: &str| pair.split_once(',').map(|(x, y)| (number(x), number(y))).unwrap();
    line.attribute("points").unwrap().split(' ').map(corner).collect()
}

#[test]
fn a_chart_says_what_it_shows() {
    let svg = chart().drawing().unwrap().svg();
    let document = Document::parse(&svg).unwrap();
    let texts = texts(&document);
    for expected in ["Held & <forgotten>", "load", "overlap", "Hebb", "Storkey", "0.138 N", "0.05", "0.2", "1"] {
        assert!(texts.contains(&expected), "{expected} in {texts:?}");
    }
    let lines: Vec<_> = document.descendants().filter(|node| node.has_tag_name("polyline")).collect();
    assert_eq!(lines.len(), 2);
    let tips: Vec<_> = document.descendants().filter(|node| node.has_tag_name("title")).filter_map(|node| node.text()).collect();
    assert!(tips.contains(&"Hebb: 0.1, 0.9"), "{tips:?}");
    assert_eq!(chart().drawing().unwrap().svg(), svg);
}

#[test]
fn points_stand_where_their_numbers_say() {
    let svg = chart().drawing().unwrap().svg();
    let document = Document::parse(&svg).unwrap();
    let lines: Vec<_> = document.descendants().filter(|node| node.has_tag_name("polyline")).map(|line| corners(&line)).collect();
    let (hebb, storkey) = (&lines[0], &lines[1]);
    assert_eq!((hebb[0], hebb[2].0), (storkey[0], storkey[1].0), "equal numbers, equal places");
    assert!(hebb[0].0 < hebb[1].0 && hebb[1].0 < hebb[2].0, "x to the right");
    assert!(hebb[0].1 < hebb[1].1 && hebb[1].1 < hebb[2].1, "y upwards");
    assert!(((hebb[1].0 - hebb[0].0) * 2.0 - (hebb[2].0 - hebb[1].0)).abs() < 0.2, "0.05 and 0.1 apart");
    let line = document.descendants().find(|node| node.has_attribute("stroke-dasharray")).unwrap();
    let at: f64 = line.attribute("x1").unwrap().parse().unwrap();
    assert!(at > hebb[1].0 && at < hebb[2].0, "the reference stands between 0.1 and 0.2");
    let by_ratio = chart().logarithmic_x().drawing().unwrap().svg();
    let document = Document::parse(&by_ratio).unwrap();
    let hebb = corners(&document.descendants().find(|node| node.has_tag_name("polyline")).unwrap());
    assert!(((hebb[1].0 - hebb[0].0) - (hebb[2].0 - hebb[1].0)).abs() < 0.2, "twice and twice again");
}

#[test]
fn curves_differ_in_colour_and_in_marker() {
    let names: Vec<String> = (0..20).map(|number| number.to_string()).collect();
    let many = names.iter().fold(Chart::new("", "x", "y"), |chart, name| chart.curve(name, &[(1.0, 2.0)]));
    let svg = many.drawing().unwrap().svg();
    let document = Document::parse(&svg).unwrap();
    let look = |node: &Node| {
        let path = node.attribute("d").unwrap();
        (node.attribute("fill").unwrap().to_owned(), path[path.find('m').unwrap()..].to_owned())
    };
    // Each curve's marker is drawn at its point and in the legend.
    let looks: Vec<_> = markers(&document).iter().map(look).collect();
    let own: Vec<_> = looks.iter().step_by(2).collect();
    assert_eq!((looks.len(), own.len()), (40, 20));
    let first = &own[..7];
    for (number, one) in own.iter().enumerate() {
        assert_eq!(looks[2 * number], looks[2 * number + 1], "the legend shows what is drawn");
        assert!(own[..number].iter().all(|other| other != one));
    }
    assert!((0..7).all(|one| (0..one).all(|other| first[one].0 != first[other].0 && first[one].1 != first[other].1)));
}

#[test]
fn what_cannot_be_drawn_is_named() {
    let error = |chart: Chart| format!("{:#}", chart.drawing().unwrap_err());
    assert!(error(Chart::new("empty", "x", "y")).contains("chart \"empty\" has no points"));
    assert!(error(Chart::new("empty", "x", "y").curve("none", &[])).contains("has no points"));
    let broken = error(chart().curve("broken", &[(1.0, 1.0), (2.0, f64::NAN)]));
    assert_eq!(
        broken,
        "chart \"Held & <forgotten>\", curve \"broken\", point 1: found NaN on the axis \"overlap\", expected a finite number"
    );
    let logarithmic = error(chart().curve("zero", &[(0.0, 1.0)]).logarithmic_x());
    assert!(logarithmic.contains("curve \"zero\", point 0: found 0 on the logarithmic axis \"load\""), "{logarithmic}");
    assert!(error(chart().logarithmic_y()).contains("range of the y axis: found 0"));
    assert!(error(chart().reference(f64::INFINITY, "far")).contains("reference \"far\": found inf"));
}

proptest! {
    #[test]
    fn any_numbers_and_names_stay_inside(
        name in any::<String>(),
        points in proptest::collection::vec((-1e9f64..1e9, -1e-3f64..1e3), 1..60),
    ) {
        let svg = Chart::new(&name, &name, &name).curve(&name, &points).reference(points[0].0, &name).drawing().unwrap().svg();
        let document = Document::parse(&svg).unwrap();
        let size = |name: &str| document.root_element().attribute(name).unwrap().parse::<f64>().unwrap();
        let line = document.descendants().find(|node| node.has_tag_name("polyline")).unwrap();
        for (x, y) in corners(&line) {
            prop_assert!(x >= 0.0 && x <= size("width") && y >= 0.0 && y <= size("height"));
        }
    }
}
