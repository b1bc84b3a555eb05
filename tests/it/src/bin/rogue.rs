//! A worker that is none of ours: what a compromised one may send. Its argument says what it does.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    os::fd::AsFd as _,
    process::ExitCode,
    time::Duration,
};

/// `Ready` with all walls and one plugin taken, as the protocol encodes it.
const READY: &[u8] = &[1, 1, 1, 1, 1, 1, 0];

fn main() -> ExitCode {
    let mode = std::env::args().nth(1).unwrap_or_default();
    let Ok(socket) = std::io::stdin().as_fd().try_clone_to_owned() else {
        return ExitCode::FAILURE;
    };
    let mut socket = File::from(socket);
    let mut bytes = [0; 64];
    // The first frame, or a part of it.
    let _ = socket.read(&mut bytes);
    let _ = match mode.as_str() {
        "never-ready" => Ok(()),
        "dies-at-once" => return ExitCode::from(7),
        _ => frame(&mut socket, READY),
    };
    // The call.
    let _ = socket.read(&mut bytes);
    let _ = socket.read(&mut bytes);
    let _ = match mode.as_str() {
        "garbage" => frame(&mut socket, &[0xff; 100]),
        "huge" => socket.write_all(&[0xff; 8]),
        "unknown-tree" => frame(&mut socket, &[0, 0, 3, b'b', b'a', b'd', 1, b'x']),
        "stopped" => frame(&mut socket, &[2, 3, 0, 0, 0, 0, 0]),
        "dies" => {
            let _ = std::io::stderr().write_all(b"rogue: going down\n");
            return ExitCode::from(9);
        }
        "trickle" => {
            let _ = socket.write_all(&[0, 0, 1, 0, 0, 0, 0, 0]);
            while socket.write_all(&[1]).is_ok() {
                std::thread::sleep(Duration::from_millis(50));
            }
            Ok(())
        }
        _ => Ok(()),
    };
    std::thread::sleep(Duration::from_secs(120));
    ExitCode::SUCCESS
}

fn frame(socket: &mut File, head: &[u8]) -> std::io::Result<()> {
    let length = u32::try_from(head.len()).unwrap_or_default();
    socket.write_all(&length.to_le_bytes())?;
    socket.write_all(&[0; 4])?;
    socket.write_all(head)
}
