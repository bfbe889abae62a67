#!/usr/bin/env node
// A shop's payment terminal in JavaScript: sign-on, sale, settlement. Runs with node 18 or later, and needs nothing else.
//
// Its records are lines of a journal, each with a checksum and synced before the next step; a batch that is closed becomes a new
// file by renaming. Order is what makes it safe: the journal before the line to the host, the journal before the screen, and what
// is in doubt is reversed before anything new. Calls of the harness: see harness/sut/wire.
'use strict';
const crypto = require('crypto');
const fs = require('fs');
const net = require('net');
const path = require('path');
const readline = require('readline');

const MANIFEST = { name: 'shop terminal in JavaScript', actions: ['sign_on', 'sale', 'settle'], max_transactions: 500,
  memory_slack_bytes: 16777216, full_below_bytes: 131072, keeps_after_settlement_bytes: 131072 };
const RESERVE_BYTES = 65536;
const REPLY_TIMEOUT_MS = 60000;

// ---------------------------------------------------------------- the harness: one line out, one line in

const waiting = new Map();
let lastId = 0;

function ask(call, words = {}) {
  const id = ++lastId;
  process.stdout.write(JSON.stringify({ id, call, ...words }) + '\n');
  return new Promise((done, failed) => waiting.set(id, { done, failed }));
}

function listen(started) {
  const lines = readline.createInterface({ input: process.stdin });
  lines.on('close', () => process.exit(0));
  lines.on('line', (line) => {
    const said = JSON.parse(line);
    if (said.boot) return started(said.boot);
    const { done, failed } = waiting.get(said.id);
    waiting.delete(said.id);
    return said.error ? failed(new Refusal(said.error.kind)) : done(said.ok);
  });
}

/** What keeps an action from being done: `reason` in a word, and how it then ends. */
class Refusal extends Error {
  constructor(reason, outcome = 'refused', screen = 'refused') {
    super(reason);
    Object.assign(this, { reason, outcome, screen });
  }
}

// ---------------------------------------------------------------- messages of the domestic dialect

// Field: kind (n digits, a text, b bytes as hex), and the digits of a length before it or the fixed size.
const FIELDS = { 2: ['n', 'LL'], 3: ['n', 6], 4: ['n', 12], 11: ['n', 6], 12: ['n', 6], 13: ['n', 4], 14: ['n', 4], 15: ['n', 4],
  22: ['n', 3], 25: ['n', 2], 32: ['n', 'LL'], 35: ['n', 'LL'], 37: ['a', 12], 38: ['a', 6], 39: ['a', 2], 41: ['a', 8],
  42: ['a', 15], 44: ['a', 'LL'], 48: ['n', 'LLL'], 49: ['a', 3], 60: ['n', 'LLL'], 61: ['n', 'LLL'], 62: ['b', 'LLL'], 63: ['a', 'LLL'],
  64: ['b', 8] };
const PREFIX = Buffer.from('6000030000603100311001', 'hex');
const even = (digits) => digits + '0'.repeat(digits.length % 2);

function pack(mti, fields) {
  const bitmap = Buffer.alloc(8);
  const parts = [];
  for (const number of Object.keys(fields).map(Number).sort((one, other) => one - other)) {
    const [kind, size] = FIELDS[number];
    const value = fields[number];
    bitmap[(number - 1) >> 3] |= 128 >> ((number - 1) & 7);
    const count = String(kind === 'b' ? value.length / 2 : value.length);
    if (size === 'LL') parts.push(Buffer.from(count.padStart(2, '0'), 'hex'));
    if (size === 'LLL') parts.push(Buffer.from(count.padStart(4, '0'), 'hex'));
    if (kind === 'a') parts.push(Buffer.from(value, 'latin1'));
    else parts.push(Buffer.from(kind === 'n' ? even(value.replace('=', 'd')) : value, 'hex'));
  }
  return Buffer.concat([Buffer.from(mti, 'hex'), bitmap, ...parts]);
}

function unpack(body) {
  const fields = {};
  let at = 10;
  for (let number = 2; number <= 64; number++) {
    if (!(body[2 + ((number - 1) >> 3)] & (128 >> ((number - 1) & 7)))) continue;
    const [kind, fixed] = FIELDS[number];
    const prefix = { LL: 1, LLL: 2 }[fixed] || 0;
    const length = prefix ? Number(body.toString('hex', at, at + prefix)) : fixed;
    const size = kind === 'n' ? (length + 1) >> 1 : length;
    at += prefix;
    if (at + size > body.length) throw new Error('cut short');
    fields[number] = kind === 'a' ? body.toString('latin1', at, at + size) : body.toString('hex', at, at + size);
    if (kind === 'n') fields[number] = fields[number].slice(0, length);
    at += size;
  }
  return { mti: body.toString('hex', 0, 2), fields, covered: body.subarray(0, body.length - 8) };
}

// ---------------------------------------------------------------- the journal

const summed = (text) => crypto.createHash('sha256').update(text).digest('hex').slice(0, 8) + ' ' + text + '\n';

/** What the lines of a journal come to. What is no line at its end was never finished; before a good line it is damage. */
class Records {
  constructor(content) {
    Object.assign(this, { batch: '000001', stan: 0, entries: new Map(), settling: false, closed: null, whole: 0, damaged: 0 });
    let at = 0;
    let bad = 0;
    for (const line of content.split('\n').slice(0, -1)) {
      at += line.length + 1;
      if (summed(line.slice(9)) !== line + '\n') {
        bad += 1;
        continue;
      }
      this.damaged += bad;
      bad = 0;
      this.whole = at;
      this.apply(JSON.parse(line.slice(9)));
    }
  }

  apply(line) {
    this.stan = Number(line.stan || this.stan);
    const entry = this.entries.get(line.stan);
    if (line.is === 'asked') this.entries.set(line.stan, { ...line, batch: this.batch, state: 'asked' });
    else if (line.is === 'wrong_mac') entry.doubt = 'A0';
    else if (line.is === 'over') this.entries.delete(line.stan);
    else if (line.is === 'approved') Object.assign(entry, { state: 'approved', rrn: line.rrn });
    else if (line.is === 'told') entry.state = 'told';
    else if (line.is === 'settling') this.settling = true;
    else if (line.is === 'settled') this.closed = null;
    else if (line.is === 'batch') {
      Object.assign(this, { batch: line.batch, entries: new Map(), settling: false, closed: line.closed });
    }
  }

  in(...states) { return [...this.entries.values()].filter((each) => states.includes(each.state)); }
}

/** The records on their file, and room for what must not fail: on a full volume nothing could be settled otherwise. */
class Journal extends Records {
  constructor(directory) {
    const file = path.join(directory, 'journal');
    super(fs.existsSync(file) ? fs.readFileSync(file, 'latin1') : '');
    this.path = file;
    this.reserve = path.join(directory, 'reserve');
    this.fd = fs.openSync(file, 'a');
    fs.ftruncateSync(this.fd, this.whole);
    this.syncDirectory();
  }

  syncDirectory() {
    const fd = fs.openSync(path.dirname(this.path), 'r');
    fs.fsyncSync(fd);
    fs.closeSync(fd);
  }

  /** A file of this content, durable; nothing of it stays when there is no room. */
  write(file, content) {
    const fd = fs.openSync(file, 'w');
    try {
      if (fs.writeSync(fd, content) !== content.length) throw new Error('no room');
      fs.fsyncSync(fd);
    } catch (error) {
      fs.unlinkSync(file);
      throw error;
    } finally {
      fs.closeSync(fd);
    }
  }

  /** Whether the reserve is there, or could be made again. */
  hasReserve() {
    if (fs.existsSync(this.reserve) && fs.statSync(this.reserve).size === RESERVE_BYTES) return true;
    try {
      this.write(this.reserve, '0'.repeat(RESERVE_BYTES));
    } catch {
      return false;
    }
    return true;
  }

  /** Do something; if it fails, once more with the room of the reserve. */
  withRoom(step) {
    try {
      step();
    } catch (error) {
      if (!fs.existsSync(this.reserve)) throw error;
      fs.unlinkSync(this.reserve);
      step();
    }
  }

  append(text) {
    try {
      if (fs.writeSync(this.fd, text) !== text.length) throw new Error('no room');
      fs.fsyncSync(this.fd);
    } catch (error) {
      fs.ftruncateSync(this.fd, this.whole);
      throw error;
    }
  }

  /** A line more, durable when this returns. */
  keep(line) {
    const text = summed(JSON.stringify(line));
    this.withRoom(() => this.append(text));
    this.whole += text.length;
    this.apply(line);
  }

  /** The journal of the next batch, in place of this one's at once; its first line says what was settled. */
  startBatch(closed) {
    const line = { is: 'batch', batch: six((Number(this.batch) % 999999) + 1), stan: six(this.stan), closed };
    const text = summed(JSON.stringify(line));
    this.withRoom(() => {
      this.write(this.path + '.new', text);
      fs.renameSync(this.path + '.new', this.path);
    });
    this.syncDirectory();
    fs.closeSync(this.fd);
    this.fd = fs.openSync(this.path, 'a');
    this.whole = text.length;
    this.apply(line);
  }
}

const six = (number) => String(number).padStart(6, '0');

// ---------------------------------------------------------------- the terminal

class Shop {
  constructor(boot) {
    this.boot = boot;
    this.hasKeys = false;
    this.journal = new Journal(boot.volumes.data);
  }

  nextStan() { return six((this.journal.stan % 999999) + 1); }

  /** A number for a message that is no transaction. */
  takeStan() {
    const stan = this.nextStan();
    this.journal.keep({ is: 'stan', stan });
    return stan;
  }

  async mac(data) { return (await ask('mac', { data: data.toString('hex') })).data; }

  /** The fields of the answer that belongs to the request and may be trusted; without one, none. */
  async exchange(mti, stan, more) {
    const fields = { 60: '00' + this.journal.batch, ...more, 11: stan, 41: this.boot.tid, 42: this.boot.mid };
    const isSigned = mti === '0200' || mti === '0400';
    if (isSigned) fields[64] = '0'.repeat(16);
    const body = pack(mti, fields);
    if (isSigned) Buffer.from(await this.mac(body.subarray(0, -8)), 'hex').copy(body, body.length - 8);
    const reply = await this.talk(Buffer.concat([PREFIX, body]), six(Number(mti) + 10).slice(2), fields);
    this.macWasWrong = false;
    if (!reply) return {};
    const code = reply.fields[39];
    if (code === '77' || code === 'A0') this.hasKeys = false;
    this.macWasWrong = isSigned && code === '00' && reply.fields[64] !== await this.mac(reply.covered);
    return this.macWasWrong ? {} : reply.fields;
  }

  talk(frame, mti, asked) {
    return new Promise((resolve) => {
      const line = net.connect({ host: this.boot.host, port: this.boot.port });
      let buffer = Buffer.alloc(0);
      const end = (reply) => { line.destroy(); resolve(reply); };
      line.setTimeout(REPLY_TIMEOUT_MS, () => end(null));
      line.on('error', () => end(null)).on('end', () => end(null));
      line.on('connect', () => line.write(Buffer.concat([Buffer.from([frame.length >> 8, frame.length & 255]), frame])));
      line.on('data', (data) => {
        buffer = Buffer.concat([buffer, data]);
        while (buffer.length >= 2 && buffer.length >= 2 + buffer.readUInt16BE(0)) {
          const size = buffer.readUInt16BE(0);
          const payload = buffer.subarray(2 + PREFIX.length, 2 + size);
          buffer = buffer.subarray(2 + size);
          let reply;
          try { reply = unpack(payload); } catch { return end(null); }
          if (reply.mti === mti && [4, 11, 41].every((each) => reply.fields[each] === asked[each])) return end(reply);
        }
        return undefined;
      });
    });
  }

  async signOn() {
    if (this.hasKeys) return;
    const reply = await this.exchange('0800', this.takeStan(), { 60: `00${this.journal.batch}003` });
    if (reply[39] !== '00') throw new Refusal('not_signed_on');
    const keys = reply[62].slice(40); // behind the PIN key and its check value
    await ask('load_key', { slot: 'mac', key: keys.slice(0, 16), check: keys.slice(32, 40) });
    this.hasKeys = true;
  }

  async reverse() {
    for (const entry of this.journal.in('asked')) {
      await this.signOn();
      const reply = await this.exchange('0400', entry.stan, { ...this.money(entry), 39: entry.doubt || '98' });
      if (!['00', '12', '25'].includes(reply[39])) throw new Refusal('reversal_pending');
      this.journal.keep({ is: 'over', stan: entry.stan });
    }
  }

  money(entry) {
    return { 3: '000000', 4: String(entry.amount).padStart(12, '0'), 25: '00', 49: '156', 60: '22' + entry.batch };
  }

  async sale(action) {
    const journal = this.journal;
    if (journal.damaged) throw new Refusal('damaged', 'failed', 'error');
    if (journal.entries.size >= MANIFEST.max_transactions || !journal.hasReserve()) {
      throw new Refusal('storage_full', 'refused', 'storage_full');
    }
    if (journal.settling) throw new Refusal('settle_pending');
    await this.reverse();
    await this.signOn();
    await ask('show', { screen: 'prompt', text: '请刷卡 PRESENT CARD' });
    const card = await ask('read_card', { timeout_s: 60 });
    const sealed = (await ask('encrypt', { data: Buffer.from(card.pan).toString('hex') })).data;
    const stan = this.nextStan();
    journal.keep({ is: 'asked', stan, amount: action.amount_fen, sealed });
    const entry = journal.entries.get(stan);
    await ask('show', { screen: 'processing', text: '处理中 PROCESSING' });
    const shown = { 2: card.pan, 14: card.expiry, 22: card.entry_mode, 35: card.track2 };
    const reply = await this.exchange('0200', stan, { ...this.money(entry), ...shown });
    const code = reply[39];
    if (this.macWasWrong) journal.keep({ is: 'wrong_mac', stan });
    if (!code || code === '96' || code === '98') throw new Refusal('no_answer', 'unknown', 'unknown');
    if (code !== '00') {
      journal.keep({ is: 'over', stan });
      throw new Refusal(`host_${code}`, 'declined', 'declined');
    }
    journal.keep({ is: 'approved', stan, rrn: reply[37] });
    await this.tell(entry);
    return { outcome: 'approved', stan, batch: entry.batch, rrn: entry.rrn };
  }

  /** Screen, slip, and the note that both were; only ever with the record durable. */
  async tell({ stan, batch, rrn, amount }) {
    const text = `消费 ${(amount / 100).toFixed(2)}`;
    await ask('show', { screen: 'approved', text, amount_fen: amount, stan, batch, rrn });
    await ask('print', { receipt: 'sale', text, amount_fen: amount, stan, batch, rrn }).catch(() => {});
    this.journal.keep({ is: 'told', stan });
  }

  async settle() {
    const journal = this.journal;
    try {
      if (journal.damaged) throw new Refusal('damaged');
      await this.reverse();
      await this.signOn();
      const sales = journal.in('approved', 'told');
      const fen = sales.reduce((sum, each) => sum + each.amount, 0);
      if (!journal.settling) journal.keep({ is: 'settling' });
      const side = String(fen).padStart(12, '0') + String(sales.length).padStart(3, '0') + '0'.repeat(16);
      const totals = { 48: side + '0'.repeat(31), 49: '156', 60: `00${journal.batch}201` };
      const verdict = await this.exchange('0500', this.takeStan(), totals);
      const isBalanced = verdict[39] === '00' && verdict[48][30] === '1';
      if (!isBalanced && (verdict[39] !== '00' || verdict[48][30] !== '2')) throw new Refusal('no_verdict');
      if (!isBalanced) await this.upload(sales);
      const end = { 48: String(sales.length).padStart(4, '0'), 60: `00${journal.batch}${isBalanced ? '207' : '202'}` };
      if ((await this.exchange('0320', this.takeStan(), end))[39] !== '00') throw new Refusal('not_closed');
      journal.startBatch({ batch: journal.batch, count: sales.length, fen });
    } catch (error) {
      throw new Refusal(error.reason || 'file', 'failed', 'settle_failed');
    }
    await this.tellSettled();
    return { outcome: 'done' };
  }

  async upload(sales) {
    for (let start = 0; start < sales.length; start += 8) {
      const items = [];
      for (const each of sales.slice(start, start + 8)) {
        const pan = Buffer.from((await ask('decrypt', { data: each.sealed })).data, 'hex').toString();
        items.push('00' + each.stan + pan.padStart(20, '0') + String(each.amount).padStart(12, '0'));
      }
      const fields = { 48: String(items.length).padStart(2, '0') + items.join(''), 60: `00${this.journal.batch}201` };
      const reply = await this.exchange('0320', this.takeStan(), fields);
      if (reply[39] !== '00' && reply[39] !== '94') throw new Refusal('upload');
    }
  }

  async tellSettled() {
    const { batch, count, fen } = this.journal.closed;
    await ask('show', { screen: 'settled', text: '结算成功 SETTLED', batch });
    const slip = { receipt: 'settlement', text: `结算单 ${batch}`, batch, totals: { debit_count: count, debit_fen: fen } };
    await ask('print', slip).catch(() => {});
    this.journal.keep({ is: 'settled' });
  }

  async perform(action) {
    let ended = { outcome: 'unsupported' };
    try {
      if (action.kind === 'sale') ended = await this.sale(action);
      else if (action.kind === 'settle') ended = await this.settle();
      else if (action.kind === 'sign_on') {
        this.hasKeys = false;
        await this.signOn();
        ended = { outcome: 'done' };
      }
    } catch (error) {
      // Not a refusal of its own: a file or the reader failed.
      const { reason = 'file', outcome = 'failed', screen = 'error' } = error;
      await ask('show', { screen, text: reason });
      ended = { outcome, reason };
    }
    await ask('finish', { action: action.number, ...ended });
    await ask('show', { screen: 'idle', text: '欢迎 WELCOME' });
  }

  async run() {
    // Power may have gone between the record and the screen: then somebody still waits to hear of it.
    for (const entry of this.journal.in('approved')) await this.tell(entry);
    if (this.journal.closed) await this.tellSettled();
    await ask('show', { screen: this.journal.damaged ? 'error' : 'idle', text: '欢迎 WELCOME' });
    for (;;) {
      const event = await ask('next_event', {});
      if (event.event === 'action') await this.perform(event.action);
    }
  }
}

function inspect(directory) {
  const file = path.join(directory, 'data', 'journal');
  const records = new Records(fs.existsSync(file) ? fs.readFileSync(file, 'latin1') : '');
  const plain = ({ stan, batch, amount }) => ({ stan, batch, kind: 'sale', amount_fen: amount });
  return {
    batch: records.batch,
    next_stan: six((records.stan % 999999) + 1),
    records: records.in('approved', 'told').map(plain),
    pending_reversals: records.in('asked').map((each) => each.stan),
    damaged_records: records.damaged,
    settling: records.settling,
  };
}

const [, , option, directory] = process.argv;
if (option === '--manifest') console.log(JSON.stringify(MANIFEST));
else if (option === '--inspect') console.log(JSON.stringify(inspect(directory)));
else listen((boot) => new Shop(boot).run());
