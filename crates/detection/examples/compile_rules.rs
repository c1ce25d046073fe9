//! Writes the `proton.db` that comes with the node: `cargo run -p detection --example compile_rules -- proton.db`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args_os().nth(1).ok_or("usage: compile_rules FILE")?;
    std::fs::write(path, detection::rules::standard_db()?)?;
    Ok(())
}
