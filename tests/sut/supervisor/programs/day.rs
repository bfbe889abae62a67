// As day.c, in Rust: a hash map's order, a thread that is joined.
use std::collections::HashMap;
use std::io::{Read, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
fn main() {
    let rounds: u32 = std::env::args().nth(1).unwrap().parse().unwrap();
    for i in 0..rounds {
        std::thread::sleep(Duration::from_secs(60));
        let order: Vec<u32> = (0..8).map(|each| (each, each)).collect::<HashMap<_, _>>().into_keys().collect();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let line = format!("{} {:?} {:?} {}\n", i, now, order, std::process::id());
        std::thread::spawn(move || {
            let mut file = std::fs::OpenOptions::new().create(true).append(true).open("/journal").unwrap();
            file.write_all(line.as_bytes()).unwrap();
            file.sync_all().unwrap();
        })
        .join()
        .unwrap();
        let mut line = std::net::TcpStream::connect(("acquirer.example", 5500)).unwrap();
        line.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        write!(line, "echo {}\n", i).unwrap();
        let mut answer = [0u8; 64];
        assert!(line.read(&mut answer).unwrap() > 0);
    }
    println!("done");
}
