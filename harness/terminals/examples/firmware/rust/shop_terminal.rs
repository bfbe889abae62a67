//! A shop's payment terminal in Rust, of the standard library alone: sign-on, sale, settlement.
//!
//!     rustc --edition 2021 -O -o shop_terminal shop_terminal.rs
//!
//! Its records are lines of a journal, each with a checksum and synced before the next step; a batch that is closed becomes a new
//! file by renaming. The journal comes before the line to the host and before the screen, and what is in doubt is reversed before
//! anything new. The calls of the harness: see harness/sut/wire.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::fs::FileExt;
use std::time::Duration;

const BATCH_MAX: usize = 500;
const RESERVE_BYTES: usize = 64 * 1024;
const REPLY_TIMEOUT: Duration = Duration::from_secs(60);
const PREFIX: [u8; 11] = [0x60, 0, 3, 0, 0, 0x60, 0x31, 0, 0x31, 0x10, 1];
const MANIFEST: &str = r#"{"name":"shop terminal in Rust","actions":["sign_on","sale","settle"],"max_transactions":500,
    "full_below_bytes":131072,"keeps_after_settlement_bytes":131072}"#;

/// Why an action ends as it does: the reason in a word, its outcome, the screen.
struct NotDone {
    reason: String,
    outcome: &'static str,
    screen: &'static str,
}

type Outcome<T> = Result<T, NotDone>;

fn not_done<T>(reason: &str, outcome: &'static str, screen: &'static str) -> Outcome<T> {
    Err(NotDone { reason: reason.to_string(), outcome, screen })
}

fn refused<T>(reason: &str) -> Outcome<T> {
    not_done(reason, "refused", "refused")
}

impl From<io::Error> for NotDone {
    fn from(error: io::Error) -> NotDone {
        eprintln!("file: {error}");
        NotDone { reason: "file".to_string(), outcome: "failed", screen: "error" }
    }
}

// ---------------------------------------------------------------- the harness: one line out, one line in

/// The value of a key in a line of JSON, a text or a number; empty when it is not there.
fn word(line: &str, key: &str) -> String {
    let quoted = format!("\"{key}\":");
    let rest = match line.find(&quoted) {
        Some(at) => &line[at + quoted.len()..],
        None => return String::new(),
    };
    match rest.strip_prefix('"') {
        Some(text) => text.split('"').next().unwrap_or("").to_string(),
        None => rest.split([',', '}']).next().unwrap_or("").to_string(),
    }
}

fn read_line() -> String {
    let mut line = String::new();
    if io::stdin().lock().read_line(&mut line).unwrap_or(0) == 0 {
        std::process::exit(0);
    }
    line
}

struct Harness {
    id: u64,
}

impl Harness {
    /// What the harness answers to a request, given without its id and braces.
    fn ask(&mut self, request: &str) -> Outcome<String> {
        self.id += 1;
        let mut out = io::stdout().lock();
        writeln!(out, "{{\"id\":{},\"call\":{request}}}", self.id)?;
        out.flush()?;
        let answer = read_line();
        if answer.contains("\"error\":{") {
            return refused(&word(&answer, "kind"));
        }
        Ok(answer)
    }

    fn show(&mut self, screen: &str, text: &str) -> Outcome<()> {
        self.ask(&format!("\"show\",\"screen\":\"{screen}\",\"text\":\"{text}\"")).map(|_| ())
    }

    fn mac(&mut self, data: &[u8]) -> Outcome<String> {
        Ok(word(&self.ask(&format!("\"mac\",\"data\":\"{}\"", to_hex(data)))?, "data"))
    }
}

fn to_hex(data: &[u8]) -> String {
    data.iter().fold(String::new(), |mut text, each| {
        let _ = write!(text, "{each:02x}");
        text
    })
}

fn from_hex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).filter_map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()).collect()
}

// ---------------------------------------------------------------- messages of the domestic dialect

/// Kind (n digits, a text, b bytes as hex), a fixed size, and the bytes of a length that come before the field.
fn field(number: usize) -> Option<(char, usize, usize)> {
    Some(match number {
        2 | 32 | 35 => ('n', 0, 1),
        3 | 11 | 12 => ('n', 6, 0),
        4 => ('n', 12, 0),
        13 | 14 | 15 => ('n', 4, 0),
        22 => ('n', 3, 0),
        25 => ('n', 2, 0),
        37 => ('a', 12, 0),
        38 => ('a', 6, 0),
        39 => ('a', 2, 0),
        41 => ('a', 8, 0),
        42 => ('a', 15, 0),
        44 => ('a', 0, 1),
        48 | 60 | 61 => ('n', 0, 2),
        49 => ('a', 3, 0),
        62 => ('b', 0, 2),
        63 => ('a', 0, 2),
        64 => ('b', 8, 0),
        _ => return None,
    })
}

struct Message {
    mti: String,
    fields: Vec<String>,
}

impl Message {
    fn new(mti: &str) -> Message {
        Message { mti: mti.to_string(), fields: vec![String::new(); 65] }
    }

    fn set(mut self, number: usize, value: impl Into<String>) -> Message {
        self.fields[number] = value.into();
        self
    }

    fn get(&self, number: usize) -> &str {
        &self.fields[number]
    }

    fn pack(&self) -> Vec<u8> {
        let (mut bits, mut body) = (0u64, Vec::new());
        for (number, value) in self.fields.iter().enumerate().filter(|(_, value)| !value.is_empty()) {
            let (kind, _, prefix) = field(number).expect("a field of the dialect");
            let length = if kind == 'b' { value.len() / 2 } else { value.len() };
            bits |= 1 << (64 - number);
            body.extend(from_hex(&format!("{length:0width$}", width = 2 * prefix)).iter().take(prefix));
            let digits = value.replace('=', "d") + if kind == 'n' && length % 2 == 1 { "0" } else { "" };
            body.extend(if kind == 'a' { value.clone().into_bytes() } else { from_hex(&digits) });
        }
        [from_hex(&self.mti), bits.to_be_bytes().to_vec(), body].concat()
    }

    fn unpack(data: &[u8]) -> Option<Message> {
        let bits = u64::from_be_bytes(data.get(2..10)?.try_into().ok()?);
        let (mut message, mut at) = (Message::new(&to_hex(&data[..2])), 10);
        for number in (2..65).filter(|number| bits >> (64 - number) & 1 == 1) {
            let (kind, fixed, prefix) = field(number)?;
            let told = to_hex(data.get(at..at + prefix)?);
            let length = if prefix > 0 { told.parse().ok()? } else { fixed };
            at += prefix;
            let content = data.get(at..at + if kind == 'n' { (length + 1) / 2 } else { length })?;
            at += content.len();
            message.fields[number] = match kind {
                'a' => String::from_utf8_lossy(content).into_owned(),
                'n' => to_hex(content)[..length].to_string(),
                _ => to_hex(content),
            };
        }
        (at == data.len()).then_some(message)
    }
}

// ---------------------------------------------------------------- the journal

#[derive(Clone)]
struct Entry {
    stan: String,
    batch: String,
    amount: u64,
    sealed: String,
    rrn: String,
    state: &'static str,
    doubt: &'static str,
}

/// FNV-1a: enough to tell a line from what a cut or a flipped bit has left of one.
fn sum(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |sum, each| (sum ^ u32::from(each)).wrapping_mul(0x0100_0193))
}

/// What the lines of a journal come to. What is no line at its end was never finished; before a good line it is damage.
#[derive(Default)]
struct Records {
    batch: u32,
    stan: u32,
    settling: bool,
    closed: Option<(u32, usize, u64)>,
    entries: Vec<Entry>,
    damaged: usize,
    whole: u64,
}

impl Records {
    fn read(content: &[u8]) -> Records {
        let mut records = Records { batch: 1, ..Records::default() };
        let (mut at, mut bad) = (0, 0);
        for raw in content.split_inclusive(|each| *each == b'\n') {
            at += raw.len() as u64;
            let line = String::from_utf8_lossy(raw);
            let (told, text) = line.split_once(' ').unwrap_or(("", ""));
            if !text.ends_with('\n') || told != format!("{:08x}", sum(text)) {
                bad += 1;
                continue;
            }
            records.damaged += std::mem::take(&mut bad);
            records.whole = at;
            records.apply(text);
        }
        records
    }

    fn apply(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (what, stan) = (words[0], words.get(1).copied().unwrap_or(""));
        let number = |at: usize| words.get(at).and_then(|each| each.parse().ok()).unwrap_or(0);
        if let Ok(stan) = stan.parse() {
            self.stan = stan;
        }
        let batch = six(self.batch);
        let entry = self.entries.iter_mut().find(|each| each.stan == stan);
        match (what, entry) {
            ("asked", _) => self.entries.push(Entry {
                stan: stan.to_string(),
                batch,
                amount: number(2),
                sealed: words[3].to_string(),
                rrn: String::new(),
                state: "asked",
                doubt: "98",
            }),
            ("wrong_mac", Some(entry)) => entry.doubt = "A0",
            ("over", _) => self.entries.retain(|each| each.stan != stan),
            ("approved", Some(entry)) => (entry.state, entry.rrn) = ("approved", words[2].to_string()),
            ("told", Some(entry)) => entry.state = "told",
            ("settling", _) => self.settling = true,
            ("settled", _) => self.closed = None,
            ("batch", _) => {
                self.closed = Some((number(3) as u32, number(4) as usize, number(5)));
                (self.batch, self.settling) = (number(2) as u32, false);
                self.entries.clear();
            }
            _ => (),
        }
    }

    fn of(&self, states: &[&str]) -> Vec<Entry> {
        self.entries.iter().filter(|each| states.contains(&each.state)).cloned().collect()
    }

    fn next_stan(&self) -> String {
        six(self.stan % 999_999 + 1)
    }
}

fn six(number: u32) -> String {
    format!("{number:06}")
}

struct Journal {
    records: Records,
    file: File,
    directory: String,
}

impl Journal {
    fn open(directory: &str) -> io::Result<Journal> {
        let path = format!("{directory}/journal");
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)?;
        let records = Records::read(&fs::read(&path)?);
        file.set_len(records.whole)?;
        let journal = Journal { records, file, directory: directory.to_string() };
        journal.sync_directory()?;
        Ok(journal)
    }

    fn sync_directory(&self) -> io::Result<()> {
        File::open(&self.directory)?.sync_all()
    }

    fn reserve(&self) -> String {
        format!("{}/reserve", self.directory)
    }

    /// Whether the reserve is there, or could be made again: without it a full volume could not be settled.
    fn has_reserve(&self) -> bool {
        let there = fs::metadata(self.reserve()).map_or(false, |found| found.len() == RESERVE_BYTES as u64);
        there || written(&self.reserve(), &[0; RESERVE_BYTES]).is_ok()
    }

    /// Do something; if it fails, once more with the room of the reserve.
    fn with_room(&self, step: impl Fn() -> io::Result<()>) -> io::Result<()> {
        step().or_else(|error| fs::remove_file(self.reserve()).map_err(|_| error).and_then(|()| step()))
    }

    /// A line more, durable when this returns; of one that there is no room for nothing stays.
    fn keep(&mut self, line: &str) -> io::Result<()> {
        let line = format!("{line}\n");
        let (text, end) = (format!("{:08x} {line}", sum(&line)), self.records.whole);
        self.with_room(|| {
            let kept = self.file.write_all_at(text.as_bytes(), end).and_then(|()| self.file.sync_data());
            kept.or_else(|error| self.file.set_len(end).and(Err(error)))
        })?;
        self.records.whole += text.len() as u64;
        self.records.apply(&line);
        Ok(())
    }

    /// The journal of the next batch, in place of this one's at once; its first line says what was settled.
    fn start_batch(&mut self, count: usize, fen: u64) -> io::Result<()> {
        let (batch, stan) = (self.records.batch, self.records.stan);
        let line = format!("batch {} {} {batch} {count} {fen}\n", six(stan), batch % 999_999 + 1);
        let text = format!("{:08x} {line}", sum(&line));
        let (path, fresh) = (format!("{}/journal", self.directory), format!("{}/journal.new", self.directory));
        self.with_room(|| written(&fresh, text.as_bytes()).and_then(|()| fs::rename(&fresh, &path)))?;
        self.sync_directory()?;
        self.file = OpenOptions::new().write(true).open(&path)?;
        self.records.whole = text.len() as u64;
        self.records.apply(&line);
        Ok(())
    }
}

/// A file of this content, durable; nothing of it stays when there is no room.
fn written(path: &str, content: &[u8]) -> io::Result<()> {
    let done = File::create(path).and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all()));
    if done.is_err() {
        let _gone = fs::remove_file(path);
    }
    done
}

// ---------------------------------------------------------------- the terminal

struct Shop {
    harness: Harness,
    journal: Journal,
    address: String,
    tid: String,
    mid: String,
    has_keys: bool,
    mac_was_wrong: bool,
}

impl Shop {
    /// A number for a message that is no transaction.
    fn take_stan(&mut self) -> Outcome<String> {
        let stan = self.journal.records.next_stan();
        self.journal.keep(&format!("stan {stan}"))?;
        Ok(stan)
    }

    fn batch(&self) -> String {
        six(self.journal.records.batch)
    }

    /// The answer that belongs to the request and may be trusted.
    fn exchange(&mut self, request: Message) -> Outcome<Option<Message>> {
        let mut request = request.set(41, &self.tid).set(42, &self.mid);
        let is_signed = request.mti == "0200" || request.mti == "0400";
        if is_signed {
            let unsigned = request.set(64, "0".repeat(16));
            let packed = unsigned.pack();
            let mac = self.harness.mac(&packed[..packed.len() - 8])?;
            request = unsigned.set(64, mac);
        }
        self.mac_was_wrong = false;
        let (reply, covered) = match self.talk(&request) {
            Some(answered) => answered,
            None => return Ok(None),
        };
        if matches!(reply.get(39), "77" | "A0") {
            self.has_keys = false;
        }
        let must_be_signed = is_signed && reply.get(39) == "00";
        self.mac_was_wrong = must_be_signed && self.harness.mac(&covered)? != reply.get(64);
        Ok(if self.mac_was_wrong { None } else { Some(reply) })
    }

    fn talk(&self, request: &Message) -> Option<(Message, Vec<u8>)> {
        let address = self.address.to_socket_addrs().ok()?.next()?;
        let mut line = TcpStream::connect_timeout(&address, REPLY_TIMEOUT).ok()?;
        line.set_read_timeout(Some(REPLY_TIMEOUT)).ok()?;
        let frame = [&PREFIX[..], &request.pack()].concat();
        line.write_all(&[&(frame.len() as u16).to_be_bytes()[..], &frame].concat()).ok()?;
        let wanted = format!("{:04}", request.mti.parse::<u32>().ok()? + 10);
        loop {
            let mut size = [0; 2];
            line.read_exact(&mut size).ok()?;
            let mut data = vec![0; usize::from(u16::from_be_bytes(size))];
            line.read_exact(&mut data).ok()?;
            let body = data.get(PREFIX.len()..)?;
            let reply = Message::unpack(body)?;
            if reply.mti == wanted && [4, 11, 41].iter().all(|each| reply.get(*each) == request.get(*each)) {
                return Some((reply, body[..body.len() - 8].to_vec()));
            }
        }
    }

    /// The code of an answer; empty without one.
    fn code_of(&mut self, request: Message) -> Outcome<String> {
        Ok(self.exchange(request)?.map_or(String::new(), |reply| reply.get(39).to_string()))
    }

    fn sign_on(&mut self) -> Outcome<()> {
        if self.has_keys {
            return Ok(());
        }
        let stan = self.take_stan()?;
        let request = Message::new("0800").set(11, stan).set(60, format!("00{}003", self.batch()));
        match self.exchange(request)? {
            Some(reply) if reply.get(39) == "00" && reply.get(62).len() == 80 => {
                let keys = &reply.get(62)[40..]; // behind the PIN key and its check value
                let call = format!("\"load_key\",\"slot\":\"mac\",\"key\":\"{}\",\"check\":\"{}\"", &keys[..16], &keys[32..]);
                self.harness.ask(&call)?;
                self.has_keys = true;
                Ok(())
            }
            _ => refused("not_signed_on"),
        }
    }

    fn money(&self, mti: &str, entry: &Entry) -> Message {
        let message = Message::new(mti).set(3, "000000").set(4, format!("{:012}", entry.amount)).set(11, &entry.stan);
        message.set(25, "00").set(49, "156").set(60, format!("22{}", entry.batch))
    }

    /// Nothing is in doubt when this has succeeded.
    fn reverse(&mut self) -> Outcome<()> {
        for entry in self.journal.records.of(&["asked"]) {
            self.sign_on()?;
            let code = self.code_of(self.money("0400", &entry).set(39, entry.doubt))?;
            if !matches!(code.as_str(), "00" | "12" | "25") {
                return refused("reversal_pending");
            }
            self.journal.keep(&format!("over {}", entry.stan))?;
        }
        Ok(())
    }

    fn sale(&mut self, amount: u64) -> Outcome<String> {
        let records = &self.journal.records;
        if records.damaged > 0 {
            return not_done("damaged", "failed", "error");
        }
        if records.entries.len() >= BATCH_MAX || !self.journal.has_reserve() {
            return not_done("storage_full", "refused", "storage_full");
        }
        if records.settling {
            return refused("settle_pending");
        }
        self.reverse()?;
        self.sign_on()?;
        self.harness.show("prompt", "请刷卡 PRESENT CARD")?;
        let card = self.harness.ask("\"read_card\",\"timeout_s\":60")?;
        let pan = word(&card, "pan");
        let answer = self.harness.ask(&format!("\"encrypt\",\"data\":\"{}\"", to_hex(pan.as_bytes())))?;
        let stan = self.journal.records.next_stan();
        self.journal.keep(&format!("asked {stan} {amount} {}", word(&answer, "data")))?;
        let mut entry = self.journal.records.entries[self.journal.records.entries.len() - 1].clone();
        self.harness.show("processing", "处理中 PROCESSING")?;
        let request = self.money("0200", &entry).set(2, pan).set(14, word(&card, "expiry"));
        let reply = self.exchange(request.set(22, word(&card, "entry_mode")).set(35, word(&card, "track2")))?;
        let code = reply.as_ref().map_or("", |reply| reply.get(39));
        if self.mac_was_wrong {
            self.journal.keep(&format!("wrong_mac {stan}"))?;
        }
        match (code, &reply) {
            ("00", Some(reply)) => entry.rrn = reply.get(37).to_string(),
            ("" | "96" | "98", _) => return not_done("no_answer", "unknown", "unknown"),
            _ => {
                self.journal.keep(&format!("over {stan}"))?;
                return not_done(&format!("host_{code}"), "declined", "declined");
            }
        }
        self.journal.keep(&format!("approved {stan} {}", entry.rrn))?;
        self.tell(&entry)?;
        Ok(format!("\"approved\",\"stan\":\"{stan}\",\"batch\":\"{}\",\"rrn\":\"{}\"", entry.batch, entry.rrn))
    }

    /// Screen, slip, and the note that both were; only ever with the record durable.
    fn tell(&mut self, entry: &Entry) -> Outcome<()> {
        let Entry { stan, batch, rrn, amount, .. } = entry;
        let said = format!(
            "\"text\":\"消费 {}.{:02}\",\"amount_fen\":{amount},\"stan\":\"{stan}\",\"batch\":\"{batch}\",\"rrn\":\"{rrn}\"",
            amount / 100, amount % 100
        );
        self.harness.ask(&format!("\"show\",\"screen\":\"approved\",{said}"))?;
        let _no_paper = self.harness.ask(&format!("\"print\",\"receipt\":\"sale\",{said}"));
        Ok(self.journal.keep(&format!("told {stan}"))?)
    }

    fn close_batch(&mut self) -> Outcome<()> {
        if self.journal.records.damaged > 0 {
            return refused("damaged");
        }
        self.reverse()?;
        self.sign_on()?;
        let sales = self.journal.records.of(&["approved", "told"]);
        let fen: u64 = sales.iter().map(|each| each.amount).sum();
        if !self.journal.records.settling {
            self.journal.keep("settling")?;
        }
        let totals = format!("{fen:012}{:03}{}", sales.len(), "0".repeat(47));
        let request = Message::new("0500").set(11, self.take_stan()?).set(48, totals).set(49, "156");
        let verdict = self.exchange(request.set(60, format!("00{}201", self.batch())))?;
        let balance = verdict.filter(|reply| reply.get(39) == "00").and_then(|reply| reply.get(48).chars().nth(30));
        let function = match balance {
            Some('1') => "207",
            Some('2') => "202",
            _ => return refused("no_verdict"),
        };
        if function == "202" {
            self.upload(&sales)?;
        }
        let end = Message::new("0320").set(11, self.take_stan()?).set(48, format!("{:04}", sales.len()));
        if self.code_of(end.set(60, format!("00{}{function}", self.batch())))? != "00" {
            return refused("not_closed");
        }
        Ok(self.journal.start_batch(sales.len(), fen)?)
    }

    fn upload(&mut self, sales: &[Entry]) -> Outcome<()> {
        for part in sales.chunks(8) {
            let mut items = format!("{:02}", part.len());
            for each in part {
                let answer = self.harness.ask(&format!("\"decrypt\",\"data\":\"{}\"", each.sealed))?;
                let pan = String::from_utf8_lossy(&from_hex(&word(&answer, "data"))).into_owned();
                let _ = write!(items, "00{}{pan:0>20}{:012}", each.stan, each.amount);
            }
            let request = Message::new("0320").set(11, self.take_stan()?).set(48, items);
            if !matches!(self.code_of(request.set(60, format!("00{}201", self.batch())))?.as_str(), "00" | "94") {
                return refused("upload");
            }
        }
        Ok(())
    }

    fn tell_settled(&mut self) -> Outcome<()> {
        let (batch, count, fen) = match self.journal.records.closed {
            Some(closed) => closed,
            None => return Ok(()),
        };
        let said = format!("\"text\":\"结算 {0:06}\",\"batch\":\"{0:06}\"", batch);
        self.harness.ask(&format!("\"show\",\"screen\":\"settled\",{said}"))?;
        let totals = format!("\"totals\":{{\"debit_count\":{count},\"debit_fen\":{fen}}}");
        let _no_paper = self.harness.ask(&format!("\"print\",\"receipt\":\"settlement\",{said},{totals}"));
        Ok(self.journal.keep("settled")?)
    }

    fn settle(&mut self) -> Outcome<String> {
        if let Err(why) = self.close_batch() {
            return not_done(&why.reason, "failed", "settle_failed");
        }
        self.tell_settled()?;
        Ok("\"done\"".to_string())
    }

    fn perform(&mut self, event: &str) -> Outcome<()> {
        let ended = match word(event, "kind").as_str() {
            "sale" => self.sale(word(event, "amount_fen").parse().unwrap_or(0)),
            "settle" => self.settle(),
            "sign_on" => {
                self.has_keys = false;
                self.sign_on().map(|()| "\"done\"".to_string())
            }
            _ => Ok("\"unsupported\"".to_string()),
        };
        let said = match ended {
            Ok(said) => said,
            Err(why) => {
                self.harness.show(why.screen, &why.reason)?;
                format!("\"{}\",\"reason\":\"{}\"", why.outcome, why.reason)
            }
        };
        self.harness.ask(&format!("\"finish\",\"action\":{},\"outcome\":{said}", word(event, "number")))?;
        self.harness.show("idle", "欢迎 WELCOME")
    }

    fn run(&mut self) -> Outcome<()> {
        // Power may have gone between the record and the screen: then somebody still waits to hear of it.
        for entry in self.journal.records.of(&["approved"]) {
            self.tell(&entry)?;
        }
        self.tell_settled()?;
        self.harness.show(if self.journal.records.damaged > 0 { "error" } else { "idle" }, "欢迎 WELCOME")?;
        loop {
            let event = self.harness.ask("\"next_event\"")?;
            if word(&event, "event") == "action" {
                self.perform(&event)?;
            }
        }
    }
}

fn inspect(directory: &str) -> String {
    let records = Records::read(&fs::read(format!("{directory}/data/journal")).unwrap_or_default());
    let plain = |each: &Entry| {
        format!("{{\"stan\":\"{}\",\"batch\":\"{}\",\"kind\":\"sale\",\"amount_fen\":{}}}", each.stan, each.batch, each.amount)
    };
    let kept: Vec<String> = records.of(&["approved", "told"]).iter().map(plain).collect();
    let pending: Vec<String> = records.of(&["asked"]).iter().map(|each| format!("\"{}\"", each.stan)).collect();
    let state = format!("\"damaged_records\":{},\"settling\":{}", records.damaged, records.settling);
    let open = format!("\"batch\":\"{}\",\"next_stan\":\"{}\"", six(records.batch), records.next_stan());
    format!("{{{open},\"records\":[{}],\"pending_reversals\":[{}],{state}}}", kept.join(","), pending.join(","))
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--manifest"] => println!("{MANIFEST}"),
        ["--inspect", directory] => println!("{}", inspect(directory)),
        _ => {
            let boot = read_line();
            let journal = Journal::open(&word(&boot, "data")).expect("the journal");
            let address = format!("{}:{}", word(&boot, "host"), word(&boot, "port"));
            let (tid, mid) = (word(&boot, "tid"), word(&boot, "mid"));
            let mut shop = Shop { harness: Harness { id: 0 }, journal, address, tid, mid, has_keys: false, mac_was_wrong: false };
            if let Err(why) = shop.run() {
                eprintln!("{}", why.reason);
                std::process::exit(1);
            }
        }
    }
}
