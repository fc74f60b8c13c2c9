//! A runtime of another program, in a Python of the user's.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::str::FromStr;
use std::time::{Duration, Instant};

use serde::Deserialize;
use thiserror::Error;

/// What runs the file.
const SCRIPT: &str = include_str!("verify.py");
/// What the script ends with where the runtime is not installed.
const MISSING: i32 = 3;
/// The Python that is taken unless another is named.
const PYTHON: &str = "python3";
/// How often it is looked whether the script has ended.
const POLL: Duration = Duration::from_millis(20);
/// The most that is shown of what the script said.
const SHOWN: usize = 2_000;

/// A runtime that the script knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Runtime {
    Onnx,
    LiteRt,
    OpenVino,
}

/// A runtime as it is asked for: `openvino`, or `openvino==2026.4.1` and no other version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AskedRuntime {
    pub(crate) runtime: Runtime,
    pub(crate) version: Option<String>,
}

impl FromStr for AskedRuntime {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, version) = match text.split_once("==") {
            Some((name, version)) => (name, Some(version)),
            None => (text, None),
        };
        let runtime = Runtime::ALL.into_iter().find(|it| it.package() == name);
        match (runtime, version) {
            (Some(runtime), None) => Ok(Self {
                runtime,
                version: None,
            }),
            (Some(runtime), Some(version)) if !version.is_empty() => Ok(Self {
                runtime,
                version: Some(version.to_owned()),
            }),
            _ => Err(format!(
                "must be one of {}, followed by ==VERSION to require that version",
                Runtime::ALL.map(Runtime::package).join(", ")
            )),
        }
    }
}

impl Runtime {
    /// Its package's name, which is the script's too.
    pub(crate) fn package(self) -> &'static str {
        match self {
            Self::Onnx => "onnxruntime",
            Self::LiteRt => "ai-edge-litert",
            Self::OpenVino => "openvino",
        }
    }

    const ALL: [Self; 3] = [Self::Onnx, Self::LiteRt, Self::OpenVino];

    /// Endings of the files that it reads; the one that files are written for first.
    pub(crate) fn reads(self) -> &'static [&'static str] {
        match self {
            Self::Onnx => &["onnx"],
            Self::LiteRt => &["tflite"],
            Self::OpenVino => &["onnx", "tflite"],
        }
    }
}

/// Why a file was not run.
#[derive(Debug, Error)]
pub(crate) enum RuntimeError {
    #[error(
        "nothing was verified: there is no Python called {} ({source}); name one with --python, in which \
         `pip install {package}` has been done",
        python.display()
    )]
    Python {
        python: PathBuf,
        package: &'static str,
        source: io::Error,
    },
    #[error(
        "nothing was verified: {} cannot load the runtime ({reason}). Install it with `{} -m pip install \
         {package}`, or name another Python with --python",
        python.display(),
        python.display()
    )]
    Missing {
        python: PathBuf,
        package: &'static str,
        reason: String,
    },
    #[error(
        "nothing was verified: {package} did not answer within {seconds} seconds and was stopped; give \
         fewer photographs, or more time with --verify-seconds"
    )]
    Hang { package: &'static str, seconds: u64 },
    #[error("nothing was verified: {package} failed ({status}). It said: {said}")]
    Crash {
        package: &'static str,
        status: ExitStatus,
        said: String,
    },
    #[error(
        "nothing was verified: what {package} answered cannot be understood ({problem}). It said: {said}"
    )]
    Answer {
        package: &'static str,
        problem: String,
        said: String,
    },
    #[error(
        "nothing was verified: {} has {package} {found}, but {wanted} was asked for: install it with `{} -m \
         pip install {package}=={wanted}`, or name another Python with --python",
        python.display(),
        python.display()
    )]
    OtherVersion {
        python: PathBuf,
        package: &'static str,
        found: String,
        wanted: String,
    },
    #[error("nothing was verified: a temporary file cannot be used: {0}")]
    Temporary(#[from] io::Error),
}

/// What a runtime made of images.
#[derive(Debug)]
pub(crate) struct Answers {
    pub(crate) said: Said,
    /// `[images, classes]`.
    pub(crate) logits: Vec<f32>,
}

/// What the script says of it.
#[derive(Debug, Deserialize)]
pub(crate) struct Said {
    pub(crate) version: String,
    pub(crate) python: String,
    /// Images of one call.
    pub(crate) batch: usize,
    /// Of one call, the median.
    pub(crate) milliseconds: f64,
}

/// A run of the script.
pub(crate) struct Run<'a> {
    pub(crate) runtime: Runtime,
    /// Its only version that will do, if there is one.
    pub(crate) version: Option<&'a str>,
    pub(crate) python: Option<&'a Path>,
    pub(crate) model: &'a Path,
    /// Channels, height and width of an image.
    pub(crate) shape: [usize; 3],
    pub(crate) classes: usize,
    pub(crate) threads: usize,
    pub(crate) limit: Duration,
}

impl Run<'_> {
    /// Looks whether a Python has a runtime, without running anything in it.
    pub(crate) fn check(asked: &AskedRuntime, python: Option<&Path>) -> Result<(), RuntimeError> {
        let folder = tempfile::tempdir()?;
        let script = folder.path().join("verify.py");
        fs::write(&script, SCRIPT)?;
        let package = asked.runtime.package();
        let python = python.unwrap_or(Path::new(PYTHON)).to_owned();
        let output = Command::new(&python)
            .args([script.as_os_str(), package.as_ref()])
            .stdin(Stdio::null())
            .output();
        let output = output.map_err(|source| RuntimeError::Python {
            python: python.clone(),
            package,
            source,
        })?;
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        match output.status.code() {
            Some(0) => Ok(()),
            Some(MISSING) => Err(RuntimeError::Missing {
                python,
                package,
                reason: said,
            }),
            _ => Err(RuntimeError::Crash {
                package,
                status: output.status,
                said,
            }),
        }
    }

    /// Runs the file on `images` `[images, channels, height, width]`, which are written down as
    /// they come.
    pub(crate) fn answers(&self, images: &ImagesFile) -> Result<Answers, RuntimeError> {
        let folder = images.folder.path();
        let script = folder.join("verify.py");
        fs::write(&script, SCRIPT)?;
        let answers = folder.join("answers");
        let [mut stdout, mut stderr] = [tempfile::tempfile()?, tempfile::tempfile()?];
        let numbers = self.shape.into_iter().chain([self.threads]);
        let package = self.runtime.package();
        let python = self.python.unwrap_or(Path::new(PYTHON));
        let mut arguments: Vec<OsString> = vec![
            script.into(),
            package.into(),
            self.model.into(),
            images.path().into(),
        ];
        arguments.extend(numbers.map(|number| number.to_string().into()));
        arguments.push(answers.clone().into());
        let child = Command::new(python)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(stdout.try_clone()?)
            .stderr(stderr.try_clone()?)
            .spawn()
            .map_err(|source| RuntimeError::Python {
                python: python.to_owned(),
                package,
                source,
            })?;
        let status = Running(child).wait(self.limit)?;
        let said = end_of(&mut stderr)?;
        let Some(status) = status else {
            return Err(RuntimeError::Hang {
                package,
                seconds: self.limit.as_secs(),
            });
        };
        if status.code() == Some(MISSING) {
            return Err(RuntimeError::Missing {
                python: python.to_owned(),
                package,
                reason: said,
            });
        }
        if !status.success() {
            return Err(RuntimeError::Crash {
                package,
                status,
                said,
            });
        }
        let answer = |problem: String| RuntimeError::Answer {
            package,
            problem,
            said: said.clone(),
        };
        let printed = end_of(&mut stdout)?;
        // A runtime may print something of its own before.
        let line = printed.lines().last().unwrap_or_default();
        let said: Said = serde_json::from_str(line).map_err(|error| answer(error.to_string()))?;
        if let Some(wanted) = self.version.filter(|it| *it != said.version) {
            return Err(RuntimeError::OtherVersion {
                python: python.to_owned(),
                package,
                found: said.version,
                wanted: wanted.to_owned(),
            });
        }
        let bytes = fs::read(&answers)?;
        let (values, rest) = bytes.as_chunks::<4>();
        let expected = images.images * self.classes;
        if values.len() != expected || !rest.is_empty() {
            let found = values.len();
            return Err(answer(format!("{found} logits instead of {expected}")));
        }
        Ok(Answers {
            said,
            logits: values.iter().map(|it| f32::from_le_bytes(*it)).collect(),
        })
    }
}

/// A process that ends with this value.
struct Running(Child);

impl Running {
    /// How it ended, unless it takes longer.
    fn wait(mut self, limit: Duration) -> io::Result<Option<ExitStatus>> {
        let started = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait()? {
                return Ok(Some(status));
            }
            if started.elapsed() >= limit {
                return Ok(None);
            }
            std::thread::sleep(POLL);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Has no effect where it has ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The end of what was written into a file, as one line of readable text.
fn end_of(file: &mut File) -> io::Result<String> {
    file.rewind()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let text = text.trim();
    let skipped = text.chars().count().saturating_sub(SHOWN);
    Ok(text.chars().skip(skipped).collect())
}

/// Images on their way to a runtime, in a temporary folder.
pub(crate) struct ImagesFile {
    folder: tempfile::TempDir,
    file: io::BufWriter<File>,
    pub(crate) images: usize,
}

impl ImagesFile {
    pub(crate) fn create() -> Result<Self, RuntimeError> {
        let folder = tempfile::tempdir()?;
        let file = File::create(folder.path().join("images"))?;
        Ok(Self {
            folder,
            file: io::BufWriter::new(file),
            images: 0,
        })
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("images")
    }

    /// Adds so many images.
    pub(crate) fn add(&mut self, images: usize, values: &[f32]) -> Result<(), RuntimeError> {
        for value in values {
            self.file.write_all(&value.to_le_bytes())?;
        }
        self.images += images;
        Ok(self.file.flush()?)
    }
}
