//! A file of a million contacts, imported into an empty list and then once more, where it changes
//! nothing: how fast, and in how much memory.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context, ensure};
use bytes::Bytes;
use clap::Args;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::progress::Progress;
use crate::settings::Settings;
use crate::summary::{Row, Unit, Wish};
use crate::target::{Product, TargetKind, check, new_folder};

const SCENARIO: &str = "imports";
const QUICK_ROWS: usize = 50_000;
const ASK_EVERY: Duration = Duration::from_millis(100);

#[derive(Debug, Args)]
pub struct ImportsArgs {
    /// Rows of the file
    #[arg(long, default_value_t = 1_000_000)]
    rows: usize,
}

impl Default for ImportsArgs {
    fn default() -> ImportsArgs {
        ImportsArgs { rows: 1_000_000 }
    }
}

#[derive(Debug, Clone, Copy, Serialize)]
pub struct ImportsReport {
    pub rows: u64,
    pub file_bytes: u64,
    /// Until the file is on the server's disk.
    pub upload_s: f64,
    /// Read through, and into an empty list.
    pub new_s: f64,
    /// The same file again.
    pub again_s: f64,
    /// While it is imported, memory at first included.
    pub memory_max_bytes: u64,
    pub memory_before_bytes: u64,
    pub is_complete: bool,
}

pub async fn measure(
    args: &ImportsArgs,
    settings: &Settings,
    progress: &mut Progress,
) -> anyhow::Result<ImportsReport> {
    check(&[TargetKind::Product], settings)?;
    let rows = if settings.is_quick { args.rows.min(QUICK_ROWS) } else { args.rows };
    progress.begin(format!("imports, {rows} rows"));
    let folder = new_folder(settings)?;
    let mut product = Product::start(settings, &folder.path().join("data")).await?;
    let list = product.api.create("/v1/powerlists", &json!({ "name": "Bench" })).await?;
    let path = format!("/v1/powerlists/{}/imports", text(&list, "id")?);
    let file = file(rows);
    let memory_before_bytes = product.server.usage().memory_bytes;

    let started = Instant::now();
    let job = product.api.upload(&path, file.clone()).await?;
    let upload_s = started.elapsed().as_secs_f64();
    let (new_s, first) = run(&mut product, &job, progress).await?;
    let job = product.api.upload(&path, file.clone()).await?;
    let (again_s, second) = run(&mut product, &job, progress).await?;
    let memory_max_bytes = product.server.usage().memory_max_bytes;
    product.stop().await?;
    progress.end();
    let rows = rows as u64;
    Ok(ImportsReport {
        rows,
        file_bytes: file.len() as u64,
        upload_s,
        new_s,
        again_s,
        memory_max_bytes,
        memory_before_bytes,
        is_complete: first["created"] == rows && second["unchanged"] == rows,
    })
}

/// Waits for an import to end. Its seconds, and what it counted.
async fn run(
    product: &mut Product,
    job: &Value,
    progress: &mut Progress,
) -> anyhow::Result<(f64, Value)> {
    let path = format!("/v1/jobs/{}", text(job, "id")?);
    let started = Instant::now();
    loop {
        sleep(ASK_EVERY).await;
        product.server.check()?;
        let job = product.api.get_json(&path).await?;
        progress.show(&format!("{} rows", job["progress"]["rows_done"]));
        if !job["ended_at"].is_null() {
            ensure!(job["state"] == "done", "the import ended: {job}");
            return Ok((started.elapsed().as_secs_f64(), job["progress"].clone()));
        }
    }
}

fn text<'v>(value: &'v Value, name: &str) -> anyhow::Result<&'v str> {
    value[name].as_str().with_context(|| format!("no {name} in {value}"))
}

/// As a CRM exports it. Numbers that nobody can have.
fn file(rows: usize) -> Bytes {
    let mut file = "Phone,First Name,Last Name,Email,City,Tags,Budget\n".to_owned();
    for row in 0..rows {
        let (area, number) = (200 + row / 8_000_000 % 700, 2_000_000 + row % 8_000_000);
        let budget = row * 7 % 10_000;
        writeln!(
            file,
            "+1{area}{number:07},Ann{},Example{row},ann{row}@example.com,Springfield,\"lead, web\",\
             {budget}",
            row % 1_000
        )
        .expect("a String takes all");
    }
    file.into()
}

impl ImportsReport {
    pub fn is_broken(&self) -> bool {
        !self.is_complete
    }

    pub fn rows(&self) -> Vec<Row> {
        let rows = self.rows as f64;
        vec![
            Row::new(
                SCENARIO,
                format!("rows of {} MB", self.file_bytes / 1_000_000),
                rows,
                Unit::Count,
            ),
            Row::new(SCENARIO, "to disk", self.upload_s, Unit::Seconds),
            Row::new(SCENARIO, "into an empty list", rows / self.new_s, Unit::PerSecond)
                .wanted(Wish::AtLeast(10_000.0)),
            Row::new(SCENARIO, "the same again", rows / self.again_s, Unit::PerSecond),
            Row::new(SCENARIO, "memory before", self.memory_before_bytes as f64, Unit::Megabytes),
            Row::new(SCENARIO, "memory at most", self.memory_max_bytes as f64, Unit::Megabytes)
                .wanted(Wish::Under(256e6)),
        ]
    }
}
