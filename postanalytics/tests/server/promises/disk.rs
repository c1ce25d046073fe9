//! A full disk: the server goes on in memory, says so, and is well again by itself.

use std::fs;
use std::path::Path;
use std::process::Command;

use fake_cloud::{Answer, Script};

use super::node::{HITS, cloud, drained, missing, register, registered_with, send_attacks, start};
use crate::running::{program, wait_for};

/// A disk of its own, so small that a file fills it.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    fn mount(folder: &'a Path) -> Self {
        fs::create_dir_all(folder).unwrap();
        let status =
            program("mount", "mount").args(["-t", "tmpfs", "-o", "size=1m,mode=0755", "tmpfs"]).arg(folder).status();
        assert!(status.unwrap().success(), "cannot mount a tmpfs: this test needs root");
        Self(folder)
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        // Lazily: a server that failed its test may still have files there.
        let _ = Command::new("umount").arg("--lazy").arg(self.0).status();
    }
}

#[test]
fn a_full_disk_degrades_the_server_until_there_is_room_again() {
    let away = cloud(Script::in_turn(&[Answer::ClosesAtAccept]));
    let place = registered_with(&away);
    let work = place.path("work");
    let disk = SmallDisk::mount(&work);
    let server = start(place, "");
    let filler = work.join("filler");
    // As much as fits.
    let _ = fs::write(&filler, vec![0; 2 << 20]);
    send_attacks(&server, 0..200);
    let degraded = |state: &serde_json::Value| !state["degraded"].as_array().unwrap().is_empty();
    let state = wait_for(|| Some(server.state()).filter(degraded)).unwrap_or_else(|| panic!("{}", server.state()));
    assert!(state["degraded"][0].as_str().unwrap().contains("No space left on device"), "{state}");
    assert_eq!((&state["hits"]["dropped"], &state["balance"]["hits"]), (&0.into(), &true.into()), "{state}");
    server.place.log_line("No space left on device");
    // A full disk does not stop the export.
    let back = cloud(Script::default());
    register(&server.place, &back);
    server.signal("HUP");
    drained(&server);
    assert_eq!(missing(&back, 0..200), Vec::<u64>::new());
    fs::remove_file(&filler).unwrap();
    send_attacks(&server, 200..210);
    wait_for(|| (!degraded(&server.state())).then_some(())).unwrap_or_else(|| panic!("{}", server.state()));
    assert_eq!(drained(&server)["hits"]["exported"], 210 * HITS);
    drop(server);
    drop(disk);
}
