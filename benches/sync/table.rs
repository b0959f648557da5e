//! Prints the table of results, row by row.

/// The length of the measurements.
#[derive(Clone, Copy)]
pub struct Effort {
    /// True if the run only checks that everything works.
    pub brief: bool,
}

impl Effort {
    /// Returns the first value for a measurement, and the second for a brief run.
    pub fn pick<T>(self, measured: T, brief: T) -> T {
        if self.brief { brief } else { measured }
    }

    /// Measures both ways in turn, and returns the median of five for each figure.
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

/// Prints a row with both ways.
pub fn row(path: &str, unit: &str, Figures { c_way, ours }: Figures, goal: &str) {
    // A ratio to zero means nothing.
    let ratio = if c_way == 0.0 {
        "-".to_owned()
    } else {
        format!("{:.3}", ours / c_way)
    };
    let (c_way, ours) = (figure(c_way, unit), figure(ours, unit));
    println!("| {path} | {c_way} | {ours} | {ratio} | {goal} |");
}

/// Prints a row without a measurement of the C way, and with a text in its place.
pub fn row_of_ours(path: &str, c_way: &str, ours: f64, unit: &str, goal: &str) {
    let ours = figure(ours, unit);
    println!("| {path} | {c_way} | {ours} | - | {goal} |");
}

/// Prints a note on the last row. It goes to standard error, so that the table stays whole.
pub fn note(text: &str) {
    eprintln!("    {text}");
}

/// Returns the quantile of the figures, in hundredths of a percent.
pub fn quantile(mut figures: Vec<f64>, hundredths: usize) -> f64 {
    figures.sort_by(f64::total_cmp);
    let above = figures.len() * (10_000 - hundredths) / 10_000;
    figures[figures.len() - 1 - above]
}

fn median(figures: impl Iterator<Item = f64>) -> f64 {
    quantile(figures.collect(), 5_000)
}

/// Formats a value with three significant digits.
fn figure(value: f64, unit: &str) -> String {
    let digits = match value.abs() {
        0.0 | 100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        _ => 3,
    };
    format!("{value:.digits$} {unit}")
}
