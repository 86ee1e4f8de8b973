use std::process::ExitCode;

fn main() -> ExitCode {
    targum::cli::main()
}
