// The table of nodes, and the small pictures below: propagation, mempools, hash power, events.

import { $, clock, each, groups, h, ms, number, plural, ranges, rate, s, say, set, short, size } from "./dom.js";
import { about, color, nameOf, nodes, on, state, tips } from "./state.js";
import { bestBranch } from "./tree.js";

export function startPanels() {
  startNodes();
  startPool();
  if (about.seed) {
    on(["net", "nodes"], drawWay);
    on(["nodes", "blocks", "net"], drawPower);
    on(["log"], drawLog);
  } else {
    for (const id of ["way-panel", "power-panel", "log-panel", "net-panel"]) $(id).hidden = true;
    $("pair").classList.add("alone");
    say($("nodes-title"), "This node");
    say($("pool-title"), "Mempool and fees");
  }
  on(["nodes", "net"], drawVerdict);
}

const swatch = (i) => h("span", { class: "swatch " + color(i), "aria-hidden": "true" });

// ---- what can be said in one sentence

let spoken = "", spokenAt = 0, later = 0, calm = false;

function drawVerdict() {
  const all = nodes(), list = tips();
  const running = all.filter((n) => n.running).length;
  let text = "no node runs", kind = "bad";
  if (list.length === 1) {
    kind = "good";
    text = all.length === 1 ? `at height ${list[0].height}` : `all ${running} ${running === all.length ? "" : "running "}nodes on one tip at ${list[0].height}`;
  } else if (list.length > 1) {
    kind = "warn";
    const who = (t) => (t.nodes.length > 6 ? plural(t.nodes.length, "node") : `node${t.nodes.length > 1 ? "s" : ""} ${ranges(t.nodes)}`);
    text = `${list.length} tips: ` + list.slice(0, 3).map((t) => `${t.letter} at ${t.height} (${who(t)})`).join(", ") + (list.length > 3 ? " …" : "");
  }
  if (state.net.partition) {
    const cut = groups(state.net.partition);
    text += cut.length > 24 ? " · partitioned" : ` · cut into ${cut}`;
  }
  say($("verdict"), text);
  set($("verdict"), "title", text);
  $("verdict").className = "verdict " + kind;
  document.title = `Cairn · ${about.network} · ${list[0]?.height ?? "-"}`;
  announce(text);
}

/** announce tells screen readers: of forks and partitions after five seconds at most, of mere heights every half minute. */
function announce(text) {
  const grown = text.replace(/\d+$/, "") === spoken.replace(/\d+$/, "");
  spoken = text;
  if (later && (grown || !calm)) return;
  clearTimeout(later);
  calm = grown;
  const wait = Math.max(0, spokenAt + (grown ? 30_000 : 5000) - Date.now());
  later = setTimeout(() => {
    later = 0;
    spokenAt = Date.now();
    say($("announce"), spoken);
  }, wait);
}

// ---- nodes

let body;

function startNodes() {
  const head = ["Node", "Height", "Tip", "Peers", "Mempool", "Hash rate", "Reorgs"];
  body = h("tbody");
  $("nodes").append(h("table", {}, h("thead", {}, h("tr", {}, head.map((t, i) => h("th", { scope: "col", class: [1, 3, 4, 5, 6].includes(i) ? "num" : null }, t)))), body));
  on(["nodes", "net"], drawNodes);
}

function drawNodes() {
  const letter = new Map(tips().map((t) => [t.hash, t.letter]));
  each(body, nodes(), (n) => n.i, (n) => h("tr", {}, h("th", { scope: "row" }, h("span", { class: "swatch" }), h("span")), ...[1, 2, 3, 4, 5, 6].map((i) => h("td", i === 2 ? {} : { class: "num" }))), (tr, n) => {
    const [name, height, tip, peers, pool, power, reorgs] = tr.children;
    set(tr, "class", n.running ? "" : "off");
    set(name.firstChild, "class", "swatch " + (n.miner ? color(n.i) : "m-empty"));
    say(name.lastChild, about.seed ? String(n.i) + (n.name ? " " + n.name : "") : "this");
    set(name, "aria-label", `${nameOf(n)}${n.miner ? ", mines" : ""}`);
    if (!n.running) {
      say(height, n.state || "off");
      for (const td of [tip, peers, pool, power, reorgs]) td.replaceChildren();
      return;
    }
    say(height, n.headers > n.height ? `${n.height} of ${n.headers}` : String(n.height));
    if (tip.dataset.tip !== n.tip + letter.get(n.tip)) {
      tip.dataset.tip = n.tip + letter.get(n.tip);
      tip.replaceChildren(h("span", { class: "letter tip-" + (letter.get(n.tip) ?? "a").toLowerCase() }, letter.get(n.tip) ?? ""), " ", h("a", { class: "mono", href: `#/block/${n.tip}?node=${n.i}` }, short(n.tip)));
    }
    say(peers, String(n.peers));
    say(pool, n.txs ? `${number(n.txs)} tx` : "–");
    say(power, n.miner ? (n.rate >= 100 ? rate(n.rate) : "mines") : "–");
    say(reorgs, n.reorgs ? `${n.reorgs}, last −${n.last_off}` : "–");
  });
}

// ---- propagation

function drawWay() {
  const way = state.net.way, place = $("way");
  if (!way) return;
  const seen = way.seen.map(([i, t]) => ({ i, t })).sort((a, b) => a.t - b.t || a.i - b.i);
  const all = nodes().filter((n) => n.running).length;
  if (way.by < 0) {
    place.replaceChildren(h("p", { class: "note" }, `Block ${way.height} was found before the network was watched.`));
    return;
  }
  const wide = 360, high = 150, left = 34, right = 14, top = 10, low = 24;
  const last = seen.at(-1)?.t || 1, scale = nice(last);
  const x = (t) => left + (t / scale) * (wide - left - right), y = (k) => high - low - (k / Math.max(all, 1)) * (high - low - top);
  let path = `M ${x(0)} ${y(0)}`;
  seen.forEach((v, k) => (path += ` L ${x(v.t)} ${y(k)} L ${x(v.t)} ${y(k + 1)}`));
  if (seen.length) path += ` L ${x(scale)} ${y(seen.length)}`;
  const half = seen[Math.floor((seen.length - 1) / 2)];
  const words = `Block ${way.height}, found by node ${way.by}: ` + (seen.length ? `half of the nodes had it after ${ms(half.t)}, ${seen.length === all ? "all" : seen.length} of ${all} after ${ms(last)}.` : "on its way.");
  place.replaceChildren(
    h("p", { class: "note" }, words),
    s("svg", { class: "chart", viewBox: `0 0 ${wide} ${high}`, role: "img", "aria-label": words },
      s("line", { class: "axis-line", x1: left, y1: high - low, x2: wide - right, y2: high - low }),
      s("line", { class: "axis-line", x1: left, y1: top, x2: left, y2: high - low }),
      s("text", { class: "mark", x: left - 6, y: y(all) + 4, "text-anchor": "end" }, String(all)),
      s("text", { class: "mark", x: left + 5, y: top + 4 }, "nodes"),
      s("text", { class: "mark", x: left - 6, y: y(0) + 1, "text-anchor": "end" }, "0"),
      [0, 0.5, 1].map((f) => s("text", { class: "mark", x: x(scale * f), y: high - 8, "text-anchor": f === 1 ? "end" : f ? "middle" : "start" }, ms(scale * f))),
      s("path", { class: "curve", d: path }),
      seen.map((v, k) => s("circle", { class: "dot " + (v.i === way.by ? color(v.i) : ""), cx: x(v.t), cy: y(k + 1), r: all > 20 ? 2.5 : 4 }, s("title", {}, `node ${v.i}: ${ms(v.t)}`))),
      all <= 8 && seen.map((v, k) => s("text", { class: "mark", x: x(v.t) + (x(v.t) > wide - 40 ? -8 : 8), y: y(k + 1) + 12, "text-anchor": x(v.t) > wide - 40 ? "end" : "start" }, String(v.i)))));
}

/** nice is the next larger of 1, 2, 5 times a power of ten. */
function nice(n) {
  const p = 10 ** Math.floor(Math.log10(Math.max(n, 0.1)));
  return [1, 2, 5, 10].map((f) => f * p).find((v) => v >= n);
}

// ---- mempools

let chosen = 0, chooser, poolsG, histG, poolNote;

function startPool() {
  chooser = h("select", { id: "pool-node", onchange: () => { chosen = +chooser.value; drawPool(); } });
  poolNote = h("p", { class: "note" });
  poolsG = h("div", { class: "pools" });
  const what = h("p", { class: "note", hidden: !about.seed }, "How much waits at each node, in virtual bytes; and at one of them, by fee.");
  histG = h("div");
  const link = h("a", { id: "pool-link", href: "#/mempool" }, "list of what waits");
  $("pool").append(what, poolsG, h("p", { class: "row" }, about.seed ? [h("label", { for: "pool-node" }, "Fees at "), chooser, " "] : null, link), poolNote, histG);
  on(["pools", "nodes"], drawPool);
}

function drawPool() {
  const list = nodes().filter((n) => n.running);
  if (list.length === 0) return;
  if (!list.some((n) => n.i === chosen)) chosen = list[0].i;
  each(chooser, list, (n) => n.i, (n) => h("option", { value: n.i }, "node " + n.i));
  chooser.value = String(chosen);
  set($("pool-link"), "href", "#/mempool?node=" + chosen);
  const most = Math.max(1, ...list.map((n) => n.vbytes));
  poolsG.hidden = list.length < 2 || list.every((n) => n.txs === 0);
  const wide = 360, high = 46, step = wide / list.length;
  poolsG.replaceChildren(s("svg", { class: "chart", viewBox: `0 0 ${wide} ${high + 14}`, role: "img", "aria-label": "Mempool of each node: " + list.slice(0, 60).map((n) => `node ${n.i} ${plural(n.txs, "transaction")}`).join(", ") },
    s("line", { class: "axis-line", x1: 0, y1: high, x2: wide, y2: high }),
    list.map((n, k) => s("rect", { class: "bar" + (n.i === chosen ? " chosen" : ""), x: k * step + Math.min(2, step * 0.1), width: Math.max(step - Math.min(4, step * 0.2), 1), y: high - (high - 4) * (n.vbytes / most), height: (high - 4) * (n.vbytes / most) }, s("title", {}, `node ${n.i}: ${plural(n.txs, "transaction")}, ${size(n.vbytes)}`))),
    list.map((n, k) => (list.length <= 20 || n.i % 10 === 0) && s("text", { class: "mark", x: (k + 0.5) * step, y: high + 12, "text-anchor": "middle" }, String(n.i)))));
  drawHist(state.pools[chosen]);
}

function drawHist(pool) {
  if (!pool) return;
  say(poolNote, pool.txs ? `${plural(pool.txs, "transaction")}, ${size(pool.vbytes)}, fees ${(pool.fees / 1e8).toFixed(8)} coins. Sizes by fee a virtual byte:` : "No transaction waits there.");
  const edges = about.fee_buckets;
  const used = pool.hist.map((v, i) => (v ? i : -1)).filter((i) => i >= 0);
  if (used.length === 0) {
    histG.replaceChildren();
    return;
  }
  const from = Math.max(used[0] - 1, 0), to = Math.min(Math.max(used.at(-1) + 1, from + 5), edges.length - 1);
  const most = Math.max(...pool.hist), wide = 360, high = 110, step = wide / (to - from + 1);
  const bars = [];
  for (let i = from; i <= to; i++) {
    const tall = (high - 34) * (pool.hist[i] / most), x = (i - from) * step;
    bars.push(s("rect", { class: "bar fee", x: x + 2, width: step - 4, y: high - 18 - tall, height: tall }, s("title", {}, `${edges[i]} and more: ${size(pool.hist[i])}`)),
      s("text", { class: "mark", x: x + step / 2, y: high - 5, "text-anchor": "middle" }, (i === edges.length - 1 ? "≥" : "") + edges[i]),
      pool.hist[i] > 0 && s("text", { class: "mark value", x: x + step / 2, y: high - 22 - tall, "text-anchor": "middle" }, pool.hist[i] >= 1e4 ? Math.round(pool.hist[i] / 1e3) + "k" : String(pool.hist[i])));
  }
  histG.replaceChildren(s("svg", { class: "chart", viewBox: `0 0 ${wide} ${high}`, role: "img", "aria-label": "Virtual bytes by fee rate: " + used.map((i) => `from ${edges[i]}: ${pool.hist[i]}`).join(", ") },
    s("line", { class: "axis-line", x1: 0, y1: high - 18, x2: wide, y2: high - 18 }), bars));
}

// ---- hash power

function drawPower() {
  const miners = nodes().filter((n) => n.miner), place = $("power");
  const total = miners.reduce((sum, n) => sum + (n.running ? n.share : 0), 0);
  const found = {}, best = bestBranch();
  let blocks = 0;
  for (const hash of best) {
    const by = state.blocks[hash].by;
    if (by < 0) continue;
    found[by] = (found[by] ?? 0) + 1;
    blocks++;
  }
  const rows = nodes().filter((n) => n.miner || found[n.i]);
  if (rows.length === 0) {
    place.replaceChildren(h("p", { class: "note" }, "No node mines by itself."));
    return;
  }
  const bar = (part, kind) => h("td", { class: "barcell" }, h("span", { class: "percent" }, Math.round(part * 100) + "\u202f%"), s("svg", { class: "pbar " + kind, viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" }, s("rect", { class: "rail", width: 100, height: 10 }), s("rect", { class: "fillbar", width: 100 * part, height: 10 })));
  place.replaceChildren(
    h("p", { class: "note" }, `Share of the power, and of the ${plural(blocks, "block")} that last on the best branch.`),
    h("div", { class: "table-scroll short" }, h("table", { class: "power" }, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Node"), h("th", { scope: "col" }, "Power"), h("th", { scope: "col" }, "Blocks"))),
      h("tbody", {}, rows.map((n) => h("tr", {}, h("th", { scope: "row" }, swatch(n.i), String(n.i)), bar(total && n.running && n.miner ? n.share / total : 0, color(n.i)), bar(blocks ? (found[n.i] ?? 0) / blocks : 0, color(n.i))))))));
}

// ---- events

function eventText(e) {
  const node = "node " + e.node;
  switch (e.kind) {
    case "found": return `${node} found block ${e.height ? e.height + " " : ""}${short(e.hash)}`;
    case "reorg": return `${node} reorganized: ${e.off ?? 0} off, ${e.on ?? 0} on${e.returned ? `, ${plural(e.returned, "transaction")} returned` : ""}, now at ${e.height}`;
    case "partition": return "network cut into " + groups(e.detail);
    case "heal": return e.detail ? `link ${e.detail} healed` : "network healed";
    case "cut": return `link ${e.detail} cut`;
    case "link": return `link ${e.detail}`;
    case "faucet": return "faucet: " + e.detail.replace(/([a-z0-9]{10})[a-z0-9]{20,}([a-z0-9]{6})/, "$1…$2");
    case "fatal": return `${node} stopped itself: ${e.detail}`;
    case "revert": return "the network went back to " + e.detail;
    case "snapshot": return "kept as " + e.detail;
    case "time": return `the clocks moved by ${e.detail}`;
    case "stop": return `${node} stopped${e.detail ? " " + e.detail : ""}`;
    case "kill": return `${node} was killed`;
    case "start": return `${node} started`;
    case "note": return e.detail;
    default: return `${e.node >= 0 ? node + ": " : ""}${e.kind}${e.detail ? ", " + e.detail : ""}`;
  }
}

function drawLog() {
  const list = Object.values(state.log).sort((a, b) => b.id - a.id).slice(0, 40);
  each($("log"), list, (e) => e.id, (e) => h("li", { class: "event " + e.kind }, h("time", { datetime: e.at }, clock(e.at)), " ", h("span", {}, eventText(e))));
}
