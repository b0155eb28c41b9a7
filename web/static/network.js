// The topology. Nodes stand where forces between them come to rest, the same for the same links each time. A click on a
// link cuts it or heals it; a line that is drawn across the picture cuts every link that it crosses. What is clicked is
// also chosen for the row below (picked.js).

import { $, each, h, plural, s, say, set } from "./dom.js";
import { about, color, nameOf, nodes, on, order, state, tips } from "./state.js";
import { attempt } from "./orders.js";
import { linkWords, pick, picked, startPicked } from "./picked.js";

let WIDE = 640, HIGH = 440; // in the picture's own units; on a narrow screen it has fewer, so that its letters stay readable

let svg, linksG, nodesG, knife;
let spots = [], shape = "", radius = 20;
let focus = "", nodeFocus = "0";

export function startNetwork() {
  linksG = s("g", {});
  nodesG = s("g", {});
  knife = s("line", { class: "knife", visibility: "hidden" });
  svg = s("svg", { class: "net", viewBox: `0 0 ${WIDE} ${HIGH}`, role: "group", "aria-label": "Nodes and their links. Arrow keys walk from one to the next; Enter cuts or heals a link, and selects a node." }, linksG, nodesG, knife);
  if (about.orders) {
    svg.classList.add("steer");
    svg.addEventListener("pointerdown", startKnife);
    svg.addEventListener("keydown", walk);
  }
  $("net").append(svg);
  startPicked();
  addEventListener("picked", draw);
  startTable();
  on(["nodes", "links", "net"], draw);
  new ResizeObserver(fitScreen).observe($("net"));
}

/** measure chooses the picture's size, and tells whether it is another one. */
function measure() {
  const old = WIDE + HIGH;
  [WIDE, HIGH] = $("net").clientWidth >= 480 ? [640, 440] : [400, nodes().length > 30 ? 500 : 340];
  set(svg, "viewBox", `0 0 ${WIDE} ${HIGH}`);
  return WIDE + HIGH !== old;
}

function fitScreen() {
  if (!measure()) return;
  shape = "";
  draw();
}

/** settle finds places: springs along links, repulsion between all, from a circle on; then the picture is stretched to fit. */
function settle(count, links) {
  const p = [];
  for (let i = 0; i < count; i++) {
    const a = (2 * Math.PI * i) / count - Math.PI / 2;
    p.push({ x: Math.cos(a) + 0.001 * Math.sin(7 * i), y: Math.sin(a) + 0.001 * Math.cos(5 * i) });
  }
  const k = 1.6 / Math.sqrt(count);
  const rounds = count > 2 ? 400 : 0;
  for (let round = 0; round < rounds; round++) {
    const heat = 0.08 * (1 - round / rounds);
    const f = p.map(() => ({ x: 0, y: 0 }));
    const push = (i, j, size, dx, dy) => {
      f[i].x += dx * size; f[i].y += dy * size;
      f[j].x -= dx * size; f[j].y -= dy * size;
    };
    for (let i = 0; i < count; i++) for (let j = 0; j < i; j++) {
      const dx = p[i].x - p[j].x, dy = p[i].y - p[j].y, d2 = Math.max(dx * dx + dy * dy, 1e-4);
      push(i, j, (k * k) / d2, dx, dy);
    }
    for (const [a, b] of links) {
      const dx = p[b].x - p[a].x, dy = p[b].y - p[a].y, d = Math.hypot(dx, dy);
      push(a, b, d / k, dx, dy);
    }
    p.forEach((q, i) => {
      const size = Math.hypot(f[i].x, f[i].y) || 1, step = Math.min(size, heat) / size;
      q.x += f[i].x * step;
      q.y += f[i].y * step;
    });
  }
  return fit(p);
}

function fit(p) {
  const xs = p.map((q) => q.x), ys = p.map((q) => q.y);
  const [left, right, top, low] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const pad = radius + 14;
  const scale = (from, to, room) => (to - from > 1e-6 ? (room - 2 * pad) / (to - from) : 0);
  let sx = scale(left, right, WIDE), sy = scale(top, low, HIGH);
  if (sx && sy) { sx = Math.min(sx, sy * 1.6); sy = Math.min(sy, sx * 1.6); }
  return apart(p.map((q) => ({ x: WIDE / 2 + (q.x - (left + right) / 2) * sx, y: HIGH / 2 + (q.y - (top + low) / 2) * sy })), pad);
}

/** apart moves nodes that stand too close from each other, within the picture. */
function apart(p, pad) {
  const room = Math.min(2.6 * radius + 22, 0.82 * Math.sqrt((WIDE * HIGH) / p.length));
  for (let round = 0; round < 300; round++) {
    let moved = false;
    for (let i = 0; i < p.length; i++) for (let j = 0; j < i; j++) {
      const dx = p[i].x - p[j].x, dy = p[i].y - p[j].y, d = Math.max(Math.hypot(dx, dy), 0.01);
      if (d >= room) continue;
      const by = (room - d) / 2 / d;
      p[i].x += dx * by; p[i].y += dy * by;
      p[j].x -= dx * by; p[j].y -= dy * by;
      moved = true;
    }
    for (const q of p) {
      q.x = Math.min(Math.max(q.x, pad), WIDE - pad);
      q.y = Math.min(Math.max(q.y, radius + 6), HIGH - radius - 20);
    }
    if (!moved) break;
  }
  return p;
}

const links = () => Object.entries(state.links).map(([key, l]) => ({ key, ...l })).sort((p, q) => p.a - q.a || p.b - q.b);

function draw() {
  const all = nodes(), list = links();
  if (all.length === 0) return;
  const now = all.length + ":" + list.map((l) => l.key).join();
  if (now !== shape) {
    shape = now;
    measure();
    radius = all.length <= 12 ? 21 : all.length <= 30 ? 16 : 12;
    spots = settle(all.length, list.map((l) => [l.a, l.b]));
  }
  if (!state.links[focus]) focus = list[0]?.key ?? "";
  each(linksG, list, (l) => l.key, makeLink, updateLink);
  const letters = new Map(tips().map((t) => [t.hash, t]));
  each(nodesG, all, (n) => n.i, makeNode, (el, n) => updateNode(el, n, letters.get(n.tip), all.length));
  const cut = list.filter((l) => l.cut).length;
  say($("net-note"), about.orders ? `${plural(list.length, "link")}, ${cut} cut. Click a link to cut or heal it, draw a line across several, select a node.` : "");
}

function makeLink(l) {
  const el = s("g", { class: "link", "data-link": l.key }, s("title"), s("line", { class: "line" }), s("path", { class: "cross", d: "M-6-6 6 6M-6 6 6-6" }), s("line", { class: "hit" }), s("text", { class: "like" }));
  if (!about.orders) return el;
  set(el, "role", "button");
  el.addEventListener("click", () => {
    pick(el.dataset.key);
    toggle([el.dataset.key]);
  });
  el.addEventListener("focus", () => (focus = el.dataset.key));
  return el;
}

function updateLink(el, l) {
  const a = spots[l.a], b = spots[l.b];
  const [title, line, cross, hit, like] = el.children;
  for (const part of [line, hit]) {
    set(part, "x1", a.x); set(part, "y1", a.y); set(part, "x2", b.x); set(part, "y2", b.y);
  }
  set(cross, "transform", `translate(${(a.x + b.x) / 2} ${(a.y + b.y) / 2})${spots.length > 30 ? " scale(.65)" : ""}`);
  const how = l.cut ? "cut" : l.up ? "up" : "down";
  const text = `Link ${l.a}–${l.b}: ${linkWords(l)}`;
  set(el, "class", `link ${how}${l.note ? " shaped" : ""}${picked() === l.key ? " picked-one" : ""}`);
  // Beside a link stands what is special about it, if there is room.
  say(like, !l.note || spots.length > 30 ? "" : l.note.length <= 26 ? l.note.replace("latency ", "") : "shaped");
  set(like, "x", (a.x + b.x) / 2);
  set(like, "y", (a.y + b.y) / 2 - 8);
  say(title, text + (about.orders ? (l.cut ? ". Click to heal." : ". Click to cut.") : ""));
  set(el, "aria-label", text);
  if (about.orders) {
    set(el, "aria-pressed", l.cut);
    set(el, "tabindex", l.key === focus ? 0 : -1);
  }
}

function makeNode() {
  const el = s("g", { class: "node", role: about.orders ? "button" : "img" }, s("title"), s("circle", { class: "pulse" }), s("circle", { class: "disc" }), s("text", { class: "num", dy: "0.35em" }), s("text", { class: "at" }));
  if (about.orders) {
    el.addEventListener("click", () => pick(el.dataset.key));
    el.addEventListener("focus", () => (nodeFocus = el.dataset.key));
  }
  return el;
}

function updateNode(el, n, tip, count) {
  const [title, pulse, disc, num, at] = el.children;
  set(el, "transform", `translate(${spots[n.i].x} ${spots[n.i].y})`);
  set(disc, "r", radius);
  set(pulse, "r", radius);
  say(num, String(n.i));
  const first = !tip || tip.letter === "A";
  const kind = !n.running ? "off" : first ? "tip-a" : "tip-" + (tip.letter <= "D" ? tip.letter.toLowerCase() : "d");
  set(el, "class", `node ${kind} ${n.miner ? "miner " + color(n.i) : ""} ${count > 30 ? "small" : ""} ${picked() === String(n.i) ? "picked-one" : ""}`);
  if (about.orders) {
    set(el, "aria-pressed", picked() === String(n.i));
    set(el, "tabindex", String(n.i) === nodeFocus ? 0 : -1);
  }
  // With many nodes only what is different is written beside them.
  say(at, !n.running ? n.state || "off" : count <= 30 ? `${tip?.letter ?? ""} ${n.height}` : first ? "" : tip.letter);
  set(at, "y", radius + (count > 30 ? 11 : 14));
  const text = n.running ? `${nameOf(n).replace("n", "N")}: height ${n.height}, tip ${tip?.letter}, ${plural(n.peers, "peer")}, ${n.txs} in the mempool${n.miner ? ", mines" : ""}` : `${nameOf(n).replace("n", "N")}: ${n.state || "does not run"}`;
  say(title, text);
  set(el, "aria-label", text);
  if (el.dataset.tip && n.tip && el.dataset.tip !== n.tip) pulse.animate([{ opacity: 0.9, transform: "scale(1)" }, { opacity: 0, transform: "scale(1.9)" }], { duration: still() ? 0 : 900 });
  if (n.tip) el.dataset.tip = n.tip;
}

const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** toggle cuts links, or heals them if all of them are cut. */
function toggle(keys) {
  if (keys.length === 0) return;
  const heal = keys.every((key) => state.links[key]?.cut);
  const pairs = keys.map((key) => key.split("-").map(Number));
  const what = keys.length === 1 ? "link " + keys[0].replace("-", "–") : plural(keys.length, "link");
  attempt(`${heal ? "Healing" : "Cutting"} ${what}`, () => order({ what: heal ? "join" : "cut", links: pairs }), () => `${heal ? "Healed" : "Cut"} ${what}.`);
}

function walk(e) {
  const among = e.target.closest(".node") ? nodesG : linksG, onNode = among === nodesG;
  const keys = [...among.children].map((el) => el.dataset.key), i = keys.indexOf(onNode ? nodeFocus : focus);
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[e.key];
  if (step) {
    e.preventDefault();
    const next = keys[(i + step + keys.length) % keys.length];
    for (const el of among.children) set(el, "tabindex", el.dataset.key === next ? 0 : -1);
    [...among.children].find((el) => el.dataset.key === next)?.focus();
  } else if (e.key === "Enter" || e.key === " ") {
    e.preventDefault();
    pick(onNode ? nodeFocus : focus);
    if (!onNode) toggle([focus]);
  }
}

/** startKnife follows a line that is drawn over the picture. */
function startKnife(e) {
  if (e.button !== 0 || e.target.closest(".link, .node")) return;
  const point = (ev) => new DOMPoint(ev.clientX, ev.clientY).matrixTransform(svg.getScreenCTM().inverse());
  const from = point(e);
  let to = from;
  svg.setPointerCapture(e.pointerId);
  const crossed = () => links().filter((l) => crosses(from, to, spots[l.a], spots[l.b])).map((l) => l.key);
  const move = (ev) => {
    to = point(ev);
    set(knife, "x1", from.x); set(knife, "y1", from.y); set(knife, "x2", to.x); set(knife, "y2", to.y);
    set(knife, "visibility", "visible");
    const hit = crossed();
    for (const el of linksG.children) el.classList.toggle("touched", hit.includes(el.dataset.key));
  };
  const end = (ev) => {
    svg.removeEventListener("pointermove", move);
    svg.removeEventListener("pointerup", end);
    svg.removeEventListener("pointercancel", end);
    set(knife, "visibility", "hidden");
    for (const el of linksG.children) el.classList.remove("touched");
    if (ev.type === "pointerup") toggle(crossed());
  };
  svg.addEventListener("pointermove", move);
  svg.addEventListener("pointerup", end);
  svg.addEventListener("pointercancel", end);
}

/** startTable says in a table what the picture shows, once it is unfolded. */
function startTable() {
  const body = h("tbody"), fold = h("details", { "aria-label": "The links", ontoggle: () => fill() }, h("summary", {}, "The links as a table"),
    h("div", { class: "table-scroll", tabindex: 0, role: "region", "aria-label": "Links" }, h("table", {}, h("thead", {}, h("tr", {}, ["Link", "State", "What it is like"].map((t) => h("th", { scope: "col" }, t)))), body)));
  const fill = () => fold.open && each(body, links(), (l) => l.key, (l) => h("tr", {}, h("th", { scope: "row" }, l.key.replace("-", "–")), h("td"), h("td")), (tr, l) => {
    say(tr.children[1], linkWords({ ...l, note: "" }));
    say(tr.children[2], l.note || "as fast as it goes");
  });
  $("net-panel").append(fold);
  on(["links"], fill);
}

/** crosses tells whether the segments a–b and c–d cross. */
function crosses(a, b, c, d) {
  const side = (p, q, r) => Math.sign((q.x - p.x) * (r.y - p.y) - (q.y - p.y) * (r.x - p.x));
  return side(a, b, c) * side(a, b, d) < 0 && side(c, d, a) * side(c, d, b) < 0;
}
