// Drives a regtest node by the npm package bitcoin-core, RPC and REST. Arguments: URL, cookie file.
'use strict';

const assert = require('node:assert/strict');
const { createHash } = require('node:crypto');
const { readFileSync } = require('node:fs');
const Client = require('bitcoin-core');

const [, , host, cookie] = process.argv;
const [username, password] = readFileSync(cookie, 'utf8').trim().split(':');
const quiet = { debug() {}, error() {}, info() {}, trace() {}, warn() {}, child() { return quiet; } };
const client = new Client({ host, logger: quiet, password, username, version: '0.21.0' });
const anyVersion = new Client({ host, logger: quiet, password, username }); // for methods that the package has not heard of
const key = 'cMahea7zqjxrtgAbB7LSGbcQUr1uX1ojuat9jZodMN87JcbXMTcA'; // of the number 1
const fee = 0.0001;

const step = name => console.log(`ok ${name}`);
const sha256 = b => createHash('sha256').update(b).digest();
const double = b => sha256(sha256(b));
const reversed = hex => Buffer.from(hex, 'hex').reverse();

const rejected = async (promise, code, text) => {
  await assert.rejects(promise, e => {
    assert.equal(e.code, code, e.message);
    assert.ok(e.message.includes(text), e.message);
    return true;
  });
};

// events reads /events until stop says that it has seen enough.
async function events(topics, stop) {
  const abort = new AbortController();
  const reply = await fetch(`${host}/events?topics=${topics}`, {
    headers: { Authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` }, signal: abort.signal,
  });
  assert.equal(reply.status, 200);
  assert.equal(reply.headers.get('content-type'), 'text/event-stream');
  const heard = (async () => {
    let text = '';
    const all = [];
    for await (const piece of reply.body.pipeThrough(new TextDecoderStream())) {
      text += piece;
      for (let end; (end = text.indexOf('\n\n')) >= 0; text = text.slice(end + 2)) {
        const event = Object.fromEntries(text.slice(0, end).split('\n').map(l => l.split(/: ?(.*)/s)));
        if (event.data === undefined) continue;
        all.push({ ...JSON.parse(event.data), topic: event.event });
        if (stop(all)) {
          abort.abort();
          return all;
        }
      }
    }
    throw new Error(`the stream ended after ${JSON.stringify(all)}`);
  })();
  return { heard };
}

async function spend(hash, address) {
  const { tx: [coinbase] } = await client.getBlock(hash, 2);
  const inputs = [{ txid: coinbase.txid, vout: 0 }];
  const raw = await client.createRawTransaction(inputs, [{ [address]: (coinbase.vout[0].value - fee).toFixed(8) }]);
  const signed = await client.signRawTransactionWithKey(raw, [key]);
  assert.equal(signed.complete, true);
  return { hex: signed.hex, prevout: inputs[0] };
}

// solve builds and mines the block of a template that pays to a script anyone can spend.
function solve(t) {
  const u32 = n => { const b = Buffer.alloc(4); b.writeUInt32LE(n >>> 0); return b; };
  const u64 = n => { const b = Buffer.alloc(8); b.writeBigUInt64LE(BigInt(n)); return b; };
  const size = b => Buffer.concat([Buffer.from([b.length]), b]);
  const height = Buffer.from(t.height < 128 ? [t.height] : [t.height & 255, t.height >> 8]); // as a script's number; up to 32767
  const outputs = [Buffer.concat([u64(t.coinbasevalue), size(Buffer.from('51', 'hex'))]),
    Buffer.concat([u64(0), size(Buffer.from(t.default_witness_commitment, 'hex'))])];
  const inner = Buffer.concat([Buffer.from([1]), Buffer.alloc(32), u32(0xffffffff), size(Buffer.concat([size(height), Buffer.from([0])])),
    u32(0xffffffff), Buffer.from([outputs.length]), ...outputs]);
  const coinbase = Buffer.concat([u32(2), Buffer.from([0, 1]), inner, Buffer.from([1]), size(Buffer.alloc(32)), u32(0)]);
  let row = [double(Buffer.concat([u32(2), inner, u32(0)])), ...t.transactions.map(x => reversed(x.txid))];
  while (row.length > 1) {
    if (row.length % 2) row.push(row.at(-1));
    row = row.flatMap((h, i) => i % 2 ? [] : [double(Buffer.concat([h, row[i + 1]]))]);
  }
  const header = Buffer.concat([u32(t.version), reversed(t.previousblockhash), row[0], u32(t.curtime), reversed(t.bits), u32(0)]);
  const target = BigInt(`0x${t.target}`);
  for (let n = 0; BigInt(`0x${double(header).reverse().toString('hex')}`) > target; n++) header.writeUInt32LE(n, 76);
  const block = Buffer.concat([header, Buffer.from([1 + t.transactions.length]), coinbase, ...t.transactions.map(x => Buffer.from(x.data, 'hex'))]);
  return { hash: double(header).reverse().toString('hex'), hex: block.toString('hex') };
}

async function main() {
  const info = await client.getBlockchainInfo();
  assert.equal(info.chain, 'regtest');
  const { descriptor } = await client.getDescriptorInfo(`wpkh(${key})`);
  const [address] = await client.deriveAddresses(descriptor);
  assert.match(address, /^bcrt1q/);
  step('answers');

  const hashes = await client.generateToAddress(103, address);
  assert.equal(hashes.length, 103);
  assert.equal(await client.getBlockCount(), 103);
  assert.deepEqual(await client.getBlockHash({ height: 3 }), hashes[2]); // by name
  step('mines');

  const { hex, prevout } = await spend(hashes[0], address);
  const [verdict] = await client.testMempoolAccept([hex]);
  assert.equal(verdict.allowed, true);
  assert.equal(Number(verdict.fees.base), fee);
  const { heard } = await events('tip,transaction', all => all.length === 4);
  const txid = await client.sendRawTransaction(hex);
  assert.equal(txid, verdict.txid);
  assert.deepEqual(await client.getRawMempool(), [txid]);
  assert.equal((await client.getMempoolEntry(txid)).unbroadcast, true);
  const bad = await client.createRawTransaction([{ txid: 'ab'.repeat(32), vout: 0 }], [{ [address]: 1 }]);
  assert.equal((await client.testMempoolAccept([bad]))[0]['reject-reason'], 'missing-inputs');
  await rejected(client.sendRawTransaction(bad), -25, 'bad-txns-inputs-missingorspent');
  await rejected(client.sendRawTransaction('00'), -22, 'TX decode failed');
  step('sends');

  const waiting = anyVersion.command('waitForNewBlock', 20000, hashes.at(-1));
  const [confirming] = await client.generateToAddress(1, address);
  assert.equal((await waiting).hash, confirming);
  const story = (await heard).map(e => e.topic === 'transaction' ? `${e.added ? 'in' : 'out'} ${e.txid}` : e.topic).sort();
  assert.deepEqual(story, [`in ${txid}`, `out ${txid}`, 'ready', 'tip']);
  assert.equal((await client.getRawTransaction(txid, true)).confirmations, 1);
  assert.equal((await client.getTxOut(txid, 0)).confirmations, 1);
  assert.equal(await client.getTxOut(prevout.txid, 0), null);
  step('watches a confirmation');

  await anyVersion.command('syncWithValidationInterfaceQueue');
  for (const [name, index] of Object.entries(await client.getIndexInfo())) assert.equal(index.synced, true, name);
  const [spender] = await anyVersion.command('getTxSpendingPrevOut', [prevout]);
  assert.equal(spender.spendingtxid, txid);
  const history = await anyVersion.command('getaddresshistory', address, 200);
  assert.ok(history.history.some(e => e.txid === txid));
  const filter = await client.getBlockFilter(confirming);
  assert.ok(filter.filter.length > 0);
  assert.equal(await client.verifyTxOutProof(await client.getTxOutProof([txid])).then(l => l[0]), txid);
  step('asks every index');

  const rest = await client.getBlockByHash(confirming);
  assert.deepEqual(rest.tx.map(t => t.txid), (await client.getBlock(confirming)).tx);
  assert.deepEqual((await client.getBlockByHash(confirming, { summary: true })).tx, (await client.getBlock(confirming)).tx);
  const raw = await client.getBlockByHash(confirming, { extension: 'bin' });
  assert.equal(raw.toString('hex'), await client.getBlock(confirming, 0));
  assert.equal(double(raw.subarray(0, 80)).reverse().toString('hex'), confirming);
  assert.equal((await client.getBlockHeadersByHash(hashes[0], 5)).length, 5);
  assert.equal((await client.getTransactionByHash(txid)).blockhash, confirming);
  assert.equal((await client.getTransactionByHash(txid, { extension: 'hex' })).trim(), hex);
  assert.equal((await client.getBlockchainInformation()).blocks, 104);
  assert.equal((await client.getUnspentTransactionOutputs([{ id: txid, index: 0 }, { id: prevout.txid, index: 0 }])).bitmap, '10');
  assert.equal((await client.getMemoryPoolInformation()).size, 0);
  assert.deepEqual(Object.keys(await client.getMemoryPoolContent()), []);
  await rejected(client.getTransactionByHash('abc'), 400, 'Invalid hash: abc');
  await rejected(client.getBlockByHash('00'.repeat(32)), 404, 'not found');
  step('asks by REST');

  await anyVersion.command('invalidateBlock', confirming);
  assert.equal(await client.getBlockCount(), 103);
  assert.deepEqual(await client.getRawMempool(), [txid]);
  const two = await client.generateToAddress(2, address);
  assert.notEqual(two[0], confirming);
  assert.equal((await client.getRawTransaction(txid, true)).blockhash, two[0]);
  await anyVersion.command('reconsiderBlock', confirming);
  assert.equal(await client.getBestBlockHash(), two[1]);
  assert.ok((await client.getChainTips()).some(t => t.hash === confirming && t.status === 'valid-fork' && t.branchlen === 1));
  step('reorganizes');

  const next = await spend(hashes[1], address);
  const carried = await client.sendRawTransaction(next.hex);
  const template = await client.getBlockTemplate({ template_request: { rules: ['segwit'] } });
  assert.equal(template.height, 106);
  assert.deepEqual(template.transactions.map(t => t.txid), [carried]);
  const block = solve(template);
  assert.equal(await client.submitBlock(block.hex), null);
  assert.equal(await client.getBestBlockHash(), block.hash);
  assert.equal(await client.submitBlock(block.hex), 'duplicate');
  assert.deepEqual(await client.getRawMempool(), []);
  step('mines on a template');

  const batch = await client.command([{ method: 'getblockhash', parameters: [0] }, { method: 'getblockhash', parameters: [9999] }, { method: 'getblockcount', parameters: [] }]);
  assert.equal(batch[0].length, 64);
  assert.equal(batch[1].code, -8);
  assert.equal(batch[2], 106);
  await rejected(client.getBlockHash(9999), -8, 'Block height out of range');
  await rejected(anyVersion.command('nonsense'), -32601, 'Method not found');
  await rejected(new Client({ host, logger: quiet, password: 'wrong', username }).getBlockCount(), 401, 'Unauthorized');
  step('hears of errors');
  console.log('done');
}

main().catch(e => {
  console.error(e);
  process.exitCode = 1;
});
