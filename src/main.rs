use std::process::ExitCode;

targum::answer_mkl!();

fn main() -> ExitCode {
    targum::cli::main()
}
