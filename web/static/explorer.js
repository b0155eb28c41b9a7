// The explorer: a block, a transaction with what it spends and what spends it, an address, a mempool.

import { brief, coins, h, number, plural, s, short, size, when } from "./dom.js";
import { ask, nodes } from "./state.js";

let turn = 0; // only the answer to the last question is shown

/** show draws a page of the explorer into place; again: because the chain has grown, not because somebody asked. */
export async function show(place, kind, id, query, again = false) {
  // Who reads with the keyboard, has marked or unfolded something, is not disturbed.
  const busy = () => place.contains(document.activeElement) || !getSelection().isCollapsed || place.querySelector("details[open]");
  if (again && (busy() || kind === "none")) return;
  const mine = ++turn;
  const page = { block: blockPage, tx: txPage, address: addressPage, mempool: poolPage, none: nonePage }[kind];
  if (!again) place.setAttribute("aria-busy", "true");
  let content;
  try {
    if (!page) throw new Error("there is no such page");
    content = await page(id, query);
  } catch (e) {
    if (again) return;
    content = [h("h1", {}, "Not found"), h("p", { class: "problem", role: "alert" }, e.message + ".")];
  }
  if (mine !== turn || (again && busy())) return;
  place.removeAttribute("aria-busy");
  place.replaceChildren(h("nav", { class: "crumbs", "aria-label": "Where you are" }, h("a", { href: "#/" }, "← Network"), nodeChooser(kind, id, query)), ...[content].flat().filter(Boolean));
  document.title = "Cairn · " + (place.querySelector("h1")?.textContent ?? "");
  if (!again) scrollTo(0, 0);
}

/** find returns the address of the page of what a person typed. */
export async function find(text, blocks) {
  if (!text) return "#/";
  const tail = text.replace(/^…/, "").toLowerCase();
  if (/^[0-9a-f]{6,63}$/.test(tail) && !/^\d{1,9}$/.test(tail)) {
    const hits = Object.keys(blocks).filter((hash) => hash.endsWith(tail));
    if (hits.length === 1) return "#/block/" + hits[0];
  }
  try {
    const r = await ask("/api/find?q=" + encodeURIComponent(text));
    return `#/${r.kind}/${encodeURIComponent(r.id)}`;
  } catch (e) {
    return `#/none/${encodeURIComponent(text)}?why=${encodeURIComponent(e.message)}`;
  }
}

function nonePage(id, query) {
  return [h("h1", {}, "Nothing found"), h("p", { class: "problem", role: "alert" }, `“${id}”: ${query.get("why") ?? "nothing is called so"}.`),
    h("p", {}, "A search takes a height, the hash of a block or its last digits, the id of a transaction (or of an output, id:number), or an address.")];
}

function nodeChooser(kind, id, query) {
  const list = nodes().filter((n) => n.running);
  if (list.length < 2 || kind === "none") return null;
  const now = query.get("node") ?? "";
  const choose = h("select", { id: "as-node", onchange: () => {
    const q = new URLSearchParams(query);
    q.delete("from");
    q.delete("after");
    if (choose.value === "") q.delete("node");
    else q.set("node", choose.value);
    location.hash = `#/${kind}/${encodeURIComponent(id)}${q.size ? "?" + q : ""}`;
  } }, h("option", { value: "" }, "any node"), list.map((n) => h("option", { value: n.i, selected: String(n.i) === now }, "node " + n.i)));
  return h("label", { class: "as" }, "as seen by ", choose);
}

const api = (path, query, extra = {}) => {
  const q = new URLSearchParams(extra);
  if (query.get("node")) q.set("node", query.get("node"));
  return ask(`/api/${path}${q.size ? "?" + q : ""}`);
};

const withNode = (link, query, sign = "?") => link + (query.get("node") ? sign + "node=" + query.get("node") : "");
const blockLink = (hash, query, text) => h("a", { class: "mono", href: withNode("#/block/" + hash, query) }, text ?? short(hash, 16));
const txLink = (id, query, text, block) => h("a", { class: "mono", href: withNode(`#/tx/${id}${block ? "?block=" + block : ""}`, query, block ? "&" : "?") }, text ?? brief(id, 16));
const addressLink = (address, query, text) => h("a", { class: "mono", href: withNode("#/address/" + encodeURIComponent(address), query) }, text ?? address);

/** facts makes a list of names and values; those without a value are left out. */
const facts = (pairs) => h("dl", { class: "facts" }, pairs.filter(([, v]) => v !== null && v !== undefined && v !== "").map(([name, v]) => h("div", { class: v.textContent?.length > 40 ? "wide" : null }, h("dt", {}, name), h("dd", {}, v))));

const table = (caption, heads, rows) => h("div", { class: "table-scroll free card", tabindex: 0, role: "region", "aria-label": caption }, h("table", {}, h("caption", { class: "hidden" }, caption), h("thead", {}, h("tr", {}, heads.map((t) => h("th", { scope: "col", class: t.startsWith("#") ? "num" : null }, t.replace("#", ""))))), h("tbody", {}, rows)));

const confirmed = (n) => (n < 0 ? "not on the best branch of this node" : plural(n, "confirmation"));

// ---- block

async function blockPage(id, query) {
  const from = query.get("from") ?? 0;
  const v = await api("block/" + encodeURIComponent(id), query, { from });
  const b = v.header;
  const page = (n) => withNode(`#/block/${b.hash}?from=${n}`, query, "&");
  const rows = v.txs.map((t) => h("tr", {},
    h("td", {}, txLink(t.txid, query, null, b.hash), t.coinbase ? h("span", { class: "badge" }, "coinbase") : null),
    h("td", { class: "num" }, t.in ? `${t.in} → ${t.out}` : ""), h("td", { class: "num" }, t.vsize ? number(t.vsize) : ""), h("td", { class: "num mono" }, t.fee ? coins(t.fee) : ""),
    h("td", { class: "num" }, t.fee && t.vsize ? ((t.fee * 1e8) / t.vsize).toFixed(1) : "")));
  return [
    h("h1", {}, `Block ${number(b.height)}`, b.confirmations < 0 ? h("span", { class: "badge warn" }, "off the best branch") : null),
    h("p", { class: "mono hash" }, b.hash),
    h("p", { class: "row" }, b.previousblockhash ? h("a", { href: withNode("#/block/" + b.previousblockhash, query), rel: "prev" }, "← parent") : "the first block", " · ", b.nextblockhash ? h("a", { href: withNode("#/block/" + b.nextblockhash, query), rel: "next" }, "next →") : "no block after it on this branch"),
    facts([["Found", when(b.time)], ["Confirmations", confirmed(b.confirmations)], ["Transactions", number(b.nTx)], ["Size", v.size ? `${number(v.size)} bytes, weight ${number(v.weight)} of 4\u202f000\u202f000` : null],
      ["Difficulty", Number(b.difficulty).toPrecision(4)], ["Target (bits)", h("span", { class: "mono" }, b.bits)], ["Nonce", number(b.nonce)], ["Version", h("span", { class: "mono" }, b.versionHex)],
      ["Merkle root", h("span", { class: "mono" }, b.merkleroot)], ["Work to here", h("span", { class: "mono" }, "0x" + b.chainwork.replace(/^0+/, ""))], ["Asked", "node " + v.node]]),
    h("h2", {}, plural(b.nTx, "transaction")),
    v.missing ? h("p", { class: "problem" }, v.missing) : table("Transactions of the block", ["Transaction", "#Inputs → outputs", "#Virtual bytes", "#Fee, coins", "#Rate, units a byte"], rows),
    b.nTx > v.page ? h("p", { class: "row" }, v.from > 0 ? h("a", { href: page(Math.max(0, v.from - v.page)) }, "← before") : null, ` ${v.from + 1}–${v.from + v.txs.length} of ${number(b.nTx)} `, v.from + v.txs.length < b.nTx ? h("a", { href: page(v.from + v.page) }, "further →") : null) : null,
  ];
}

// ---- transaction

async function txPage(id, query) {
  const block = query.get("block");
  const v = await api("tx/" + encodeURIComponent(id), query, block ? { block } : {});
  const t = v.tx, mined = t.vin[0]?.coinbase;
  const fee = t.fee && !mined ? `${coins(t.fee)} coins (${((t.fee * 1e8) / t.vsize).toFixed(1)} units a virtual byte)` : null;
  const inRow = (i) => h("tr", {}, h("td", {}, i.coinbase ? "newly mined" : txLink(i.txid, query, `${brief(i.txid)}:${i.vout}`)), h("td", { class: "num mono" }, i.prevout ? coins(i.prevout.value) : ""), h("td", {}, i.prevout?.scriptPubKey.address ? addressLink(i.prevout.scriptPubKey.address, query) : i.prevout?.scriptPubKey.type ?? ""));
  const outRow = (o) => h("tr", {}, h("td", {}, String(o.n)), h("td", { class: "num mono" }, coins(o.value)), h("td", {}, lockOf(o, query)), h("td", {}, fate(o, query)));
  return [
    h("h1", {}, mined ? "Coinbase transaction" : "Transaction", t.blockhash ? null : h("span", { class: "badge warn" }, "waits in the mempool")),
    h("p", { class: "mono hash" }, t.txid),
    facts([["Block", t.blockhash ? [blockLink(t.blockhash, query, `${v.height ?? ""} ${short(t.blockhash, 12)}`)] : "none yet"], ["Confirmations", t.blockhash ? confirmed(v.confirmations) : null], ["Since", v.since ? when(v.since) : null], ["Fee", fee],
      ["Size", `${number(t.size)} bytes, ${number(t.vsize)} virtual, weight ${number(t.weight)}`], ["Version, lock time", `${t.version}, ${t.locktime}`], ["Replacement", mined ? null : t.vin.some((i) => i.sequence < 0xfffffffe) ? "signalled (BIP 125)" : "not signalled"], ["Witness id", t.hash !== t.txid ? h("span", { class: "mono" }, t.hash) : null], ["Asked", "node " + v.node]]),
    h("h2", {}, "Where the coins come from and go to"),
    h("div", { class: "table-scroll free card" }, graph(v, query)),
    h("h2", {}, plural(v.inputs, "input")),
    table("Inputs", ["Spends", "#Amount", "Locked to"], t.vin.map(inRow)),
    h("h2", {}, plural(v.outputs, "output")),
    table("Outputs", ["Number", "#Amount", "Locked to", "Spent"], t.vout.map(outRow)),
    v.inputs > t.vin.length || v.outputs > t.vout.length ? h("p", { class: "note" }, `The first ${t.vin.length} inputs and ${t.vout.length} outputs are shown.`) : null,
    t.hex ? h("details", { "aria-label": "The bytes" }, h("summary", {}, "The bytes"), h("p", { class: "mono hash" }, t.hex)) : null,
  ];
}

const lockOf = (o, query) => (o.scriptPubKey.address ? addressLink(o.scriptPubKey.address, query) : data(o.scriptPubKey) ?? h("span", {}, o.scriptPubKey.type, " ", h("span", { class: "mono muted" }, cut(o.scriptPubKey.asm, 60))));
const cut = (text, n) => (text.length > n ? text.slice(0, n) + "…" : text);

/** data shows what an OP_RETURN output carries: as hex, and as text if it is some. */
function data(lock) {
  if (lock.type !== "nulldata" || !lock.hex) return null;
  const carried = pushes(lock.hex).join("");
  const text = asText(carried);
  return h("span", { class: "data" }, "carries data ", carried ? h("span", { class: "mono muted" }, cut(carried, 160)) : "(none)", text ? [" ", h("q", {}, cut(text, 200))] : null);
}

/** pushes lists the data that a script of pushes after OP_RETURN holds, in hex. */
export function pushes(hex) {
  const list = [], byte = (at) => parseInt(hex.slice(2 * at, 2 * at + 2), 16);
  for (let at = 1; 2 * at < hex.length; ) {
    const op = byte(at++);
    let size = op <= 75 ? op : 0;
    if (op === 76) size = byte(at++);
    if (op === 77) {
      size = byte(at) + 256 * byte(at + 1);
      at += 2;
    }
    if (!size) continue;
    list.push(hex.slice(2 * at, 2 * (at + size)));
    at += size;
  }
  return list;
}

/** asText reads bytes as text, "" if they are none. What would steer the screen (controls, directions) becomes a dot. */
export function asText(hex) {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(hex.match(/../g) ?? [], (b) => parseInt(b, 16)));
    return /[\p{L}\p{N}]/u.test(text) ? text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "·") : "";
  } catch {
    return "";
  }
}
const fate = (o, query) => (o.spender ? ["by ", txLink(o.spender, query)] : o.state === "unspent" ? "unspent" : o.state === "spent" ? "spent" : o.scriptPubKey.type === "nulldata" ? "can never be" : "not in the coin set");

/** graph draws the flow: what is spent at the left, what is made at the right, as wide as it is worth. */
function graph(v, query) {
  const t = v.tx, shown = 10, row = 50, wide = 880, boxW = 250, mid = wide / 2;
  const node = query.get("node") ? "node=" + query.get("node") : "";
  const to = (id) => `#/tx/${id}${node && "?" + node}`;
  const ins = t.vin.slice(0, shown).map((i) => ({ value: i.prevout ? +i.prevout.value : i.coinbase ? t.vout.reduce((sum, o) => sum + +o.value, 0) : 0, title: i.coinbase ? "newly mined" : `${brief(i.txid, 12)}:${i.vout}`, under: i.coinbase ? "subsidy and fees" : i.prevout ? coins(i.prevout.value) : "", href: i.coinbase ? null : to(i.txid) }));
  const outs = t.vout.slice(0, shown).map((o) => ({ value: +o.value, title: coins(o.value), under: o.spender ? "spent by " + brief(o.spender, 12) : { unspent: "unspent", spent: "spent" }[o.state] ?? (o.scriptPubKey.type === "nulldata" ? "carries data" : o.scriptPubKey.type), href: o.spender ? to(o.spender) : null, open: o.state === "unspent" }));
  if (t.fee && !t.vin[0]?.coinbase) outs.push({ value: +t.fee, title: coins(t.fee), under: "fee, to the miner", fee: true });
  const high = Math.max(ins.length, outs.length) * row + 16;
  const total = Math.max(outs.reduce((sum, o) => sum + o.value, 0), 1e-8);
  const y = (list, k) => high / 2 + (k - (list.length - 1) / 2) * row;
  const flow = (list, k, left) => {
    const from = left ? boxW : mid + 46, end = left ? mid - 46 : wide - boxW;
    const [y1, y2] = left ? [y(list, k), high / 2] : [high / 2, y(list, k)];
    return s("path", { class: "flow" + (list[k].fee ? " fee" : ""), d: `M ${from} ${y1} C ${(from + end) / 2} ${y1} ${(from + end) / 2} ${y2} ${end} ${y2}`, "stroke-width": Math.max(1.5, Math.min(22, (22 * list[k].value) / total)) });
  };
  const box = (list, k, left) => {
    const item = list[k], x = left ? 0 : wide - boxW;
    const g = s("g", { class: "io" + (item.open ? " open" : "") + (item.fee ? " feebox" : ""), transform: `translate(${x} ${y(list, k) - 19})` }, s("rect", { width: boxW, height: 38, rx: 6 }), s("text", { x: 12, y: 16 }, item.title), s("text", { x: 12, y: 31, class: "under" }, item.under));
    return item.href ? s("a", { href: item.href }, g) : g;
  };
  const words = `${plural(v.inputs, "input")} and ${plural(v.outputs, "output")}; the tables below say the same.`;
  return [s("svg", { class: "graph", viewBox: `-2 0 ${wide + 4} ${high}`, role: "group", "aria-label": words },
    ins.map((_, k) => flow(ins, k, true)), outs.map((_, k) => flow(outs, k, false)),
    s("g", { class: "self", transform: `translate(${mid} ${high / 2})` }, s("rect", { x: -46, y: -22, width: 92, height: 44, rx: 8 }), s("text", { "text-anchor": "middle", y: -3 }, "this"), s("text", { "text-anchor": "middle", y: 13 }, brief(t.txid, 8))),
    ins.map((_, k) => box(ins, k, true)), outs.map((_, k) => box(outs, k, false))),
  v.inputs > shown || v.outputs > shown ? h("p", { class: "note" }, `The picture shows the first ${shown} of each.`) : null];
}

// ---- address

async function addressPage(id, query) {
  const after = query.get("after") ?? "";
  const v = await api("address/" + encodeURIComponent(id), query, after ? { after } : {});
  const rows = v.history.history.map((e) => h("tr", {}, h("td", {}, blockLink(e.blockhash, query, String(e.height))), h("td", {}, txLink(e.txid, query)), h("td", { class: "num mono" }, +e.received ? "+" + coins(e.received) : ""), h("td", { class: "num mono" }, +e.sent ? "−" + coins(e.sent) : "")));
  const unspent = v.coins.utxos.map((u) => h("tr", {}, h("td", {}, txLink(u.txid, query, `${brief(u.txid)}:${u.vout}`), u.coinbase ? h("span", { class: "badge" }, "mined") : null), h("td", { class: "num mono" }, coins(u.amount)), h("td", { class: "num" }, String(u.height)), h("td", { class: "num" }, String(u.confirmations))));
  return [
    h("h1", {}, "Address"), h("p", { class: "mono hash" }, v.address),
    facts([["Balance", h("strong", { class: "mono" }, coins(v.balance.balance))], ["Of it mined", +v.balance.coinbase ? coins(v.balance.coinbase) : null], ["Unspent outputs", number(v.balance.txouts)], ["At height", number(v.balance.height)], ["Asked", "node " + v.node]]),
    h("h2", {}, "History, oldest first"),
    rows.length ? table("History of the address", ["Height", "Transaction", "#Received", "#Sent"], rows) : h("p", { class: "note" }, "No transaction in a block has paid it."),
    v.history.next ? h("p", {}, h("a", { href: withNode(`#/address/${encodeURIComponent(id)}?after=${v.history.next}`, query, "&") }, "further →")) : null,
    h("h2", {}, "Unspent outputs"),
    unspent.length ? table("Unspent outputs", ["Output", "#Amount", "#Height", "#Confirmations"], unspent) : h("p", { class: "note" }, "None."),
    v.coins.next ? h("p", { class: "note" }, "The first 50 are shown.") : null,
  ];
}

// ---- mempool

async function poolPage(_, query) {
  const v = await api("mempool", query);
  const rows = v.txs.map((t) => h("tr", {}, h("td", {}, txLink(t.txid, query)), h("td", { class: "num" }, number(t.vsize)), h("td", { class: "num mono" }, coins(t.fee / 1e8)), h("td", { class: "num" }, t.rate.toFixed(1)), h("td", {}, when(t.since))));
  return [h("h1", {}, "Mempool of node " + v.node), h("p", {}, `${plural(v.count, "transaction")}, ${size(v.vbytes)}, fees ${coins(v.fees / 1e8)}. What a miner would take first is at the top; the rate is that of the transaction with those it needs.`),
    rows.length ? table("Transactions that wait", ["Transaction", "#Virtual bytes", "#Fee, coins", "#Rate, units a byte", "Since"], rows) : h("p", { class: "note" }, "It is empty.")];
}
