//! `scarlet devices`.

use scarlet::available_devices;
use serde::Serialize;

use crate::cli::DevicesArgs;
use crate::error::CliError;
use crate::report::print_json;
use crate::terminal::Terminal;

#[derive(Serialize)]
struct Devices {
    devices: Vec<&'static str>,
}

pub(super) fn run(args: &DevicesArgs, terminal: &Terminal) -> Result<(), CliError> {
    let devices = available_devices();
    if args.json {
        return print_json(terminal, &Devices { devices });
    }
    if devices.is_empty() {
        terminal.note("this program was built without devices: build it with --features flex");
        return Ok(());
    }
    terminal.note(
        "compiled in; cargo features add ndarray, wgpu, vulkan, metal, cuda, rocm and remote:",
    );
    terminal.print(&devices.join("\n"))
}
