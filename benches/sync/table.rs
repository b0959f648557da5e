//! The table, row by row.

/// How much is measured.
#[derive(Clone, Copy)]
pub struct Effort {
    /// Only whether it runs.
    pub brief: bool,
}

impl Effort {
    /// As it is measured, or to see whether it runs.
    pub fn pick<T>(self, measured: T, brief: T) -> T {
        if self.brief { brief } else { measured }
    }

    /// Measures both ways in turn; of each figure the median of five.
    pub fn medians<const N: usize>(
        self,
        mut c_way: impl FnMut() -> [f64; N],
        mut our_way: impl FnMut() -> [f64; N],
    ) -> [Figures; N] {
        let rounds: Vec<_> = (0..self.pick(5, 1)).map(|_| (c_way(), our_way())).collect();
        std::array::from_fn(|figure| Figures {
            c_way: median(rounds.iter().map(|(c_way, _)| c_way[figure])),
            ours: median(rounds.iter().map(|(_, ours)| ours[figure])),
        })
    }
}

/// A figure of both ways.
#[derive(Clone, Copy)]
pub struct Figures {
    pub c_way: f64,
    pub ours: f64,
}

pub fn head() {
    println!("| path | C way | ours | ratio | goal |");
    println!("| --- | --- | --- | --- | --- |");
}

/// A row with both ways.
pub fn row(path: &str, unit: &str, Figures { c_way, ours }: Figures, goal: &str) {
    // What the C way does not lose, we cannot lose a part of.
    let ratio = if c_way == 0.0 {
        "-".to_owned()
    } else {
        format!("{:.3}", ours / c_way)
    };
    let (c_way, ours) = (figure(c_way, unit), figure(ours, unit));
    println!("| {path} | {c_way} | {ours} | {ratio} | {goal} |");
}

/// A row for which the C way is not measured; what is known of it instead.
pub fn row_of_ours(path: &str, c_way: &str, ours: f64, unit: &str, goal: &str) {
    let ours = figure(ours, unit);
    println!("| {path} | {c_way} | {ours} | - | {goal} |");
}

/// Something to say of the last row. It goes elsewhere, so that the table stays whole.
pub fn note(text: &str) {
    eprintln!("    {text}");
}

/// The smallest figure that so many hundredths of a percent are not above.
pub fn quantile(mut figures: Vec<f64>, hundredths: usize) -> f64 {
    figures.sort_by(f64::total_cmp);
    let above = figures.len() * (10_000 - hundredths) / 10_000;
    figures[figures.len() - 1 - above]
}

fn median(figures: impl Iterator<Item = f64>) -> f64 {
    quantile(figures.collect(), 5_000)
}

/// With three digits that count.
fn figure(value: f64, unit: &str) -> String {
    let digits = match value.abs() {
        0.0 | 100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        _ => 3,
    };
    format!("{value:.digits$} {unit}")
}
