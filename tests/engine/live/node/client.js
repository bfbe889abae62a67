// A terminal on npm's iso_8583, which writes and reads every message: node client.js PORT TID MID
// Four sales, of which one is taken back and one voided, and the settlement. Prints what it saw as one JSON object.
const net = require("net");
const Iso8583 = require("iso_8583");

const [port, tid, mid] = process.argv.slice(2);
const BATCH = "000041"; // its own: this terminal was in service before
const formats = { 63: { ContentType: "n", Label: "Totals", LenType: "lllvar", MaxLen: 255 } };
const socket = net.connect(Number(port), "127.0.0.1");
let received = Buffer.alloc(0);
let waiting = null;
let stan = 0;

socket.on("data", (data) => {
  received = Buffer.concat([received, data]);
  const size = received.length < 2 ? Infinity : 2 + received.readUInt16BE(0);
  if (received.length < size) return;
  const answer = new Iso8583(null, formats).getIsoJSON(received.subarray(0, size), {});
  received = received.subarray(size);
  waiting(answer);
});

function ask(fields) {
  const own = { 11: String(++stan).padStart(6, "0"), 41: tid, 42: mid, 60: BATCH };
  const packed = new Iso8583({ ...own, ...fields }, formats).getBufferMessage();
  if (packed.error) throw new Error(packed.error);
  socket.write(packed);
  return new Promise((told) => (waiting = told));
}

function sale(fen) {
  const track = `6222020000000000008=28122201234${String(stan).padStart(6, "0")}`;
  return ask({ 0: "0200", 3: "000000", 4: String(fen).padStart(12, "0"), 22: "021", 25: "00", 35: track, 49: "156" });
}

async function day() {
  const sales = [await sale(1250), await sale(990), await sale(4200)];
  const doubtful = sales[2];
  const undone = await ask({ 0: "0400", 3: "000000", 4: doubtful[4], 11: doubtful[11] });
  const last = await sale(330);
  const voided = await ask({ 0: "0200", 3: "020000", 4: last[4], 62: last[11] });
  const totals = `002${String(2240).padStart(12, "0")}`.padEnd(90, "0");
  const settled = await ask({ 0: "0500", 3: "920000", 63: totals });
  socket.end();
  console.log(JSON.stringify({ batch: BATCH, sales: [...sales, last], undone, voided, settled }));
}

day();
