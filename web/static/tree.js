// The block tree. Heights go from left to right; a block stands in the lane of its parent if it was its first child,
// else in the lowest lane that is free from there on. So lanes never change when another branch becomes the best; which
// branch that is, is drawn: filled blocks are on it, dashed ones are not.

import { $, each, h, plural, ranges, s, say, set, short } from "./dom.js";
import { about, color, on, state, tips } from "./state.js";

const STEP = 56, LANE = 62, W = 40, H = 30, TOP = 34, LEFT = 34;

let svg, edgesG, blocksG, axisG;
let focus = ""; // the block that the Tab key reaches
let placed = new Map();

export function startTree() {
  axisG = s("g", { class: "axis", "aria-hidden": "true" });
  edgesG = s("g", { class: "edges", "aria-hidden": "true" });
  blocksG = s("g", {});
  svg = s("svg", { class: "tree", role: "group", "aria-label": "Block tree, from old to new. Arrow keys walk from block to block, Enter opens one." }, axisG, edgesG, blocksG);
  svg.addEventListener("keydown", walk);
  svg.addEventListener("focusin", (e) => {
    const el = e.target.closest("[data-key]");
    if (el) moveFocus(el.dataset.key);
  });
  const scroll = $("tree");
  scroll.append(svg);
  // Who looks at the newest blocks keeps looking at the newest; who has scrolled back is left alone.
  scroll.addEventListener("scroll", () => (newest = scroll.scrollLeft + scroll.clientWidth >= scroll.scrollWidth - STEP));
  new ResizeObserver(follow).observe(scroll);
  on(["blocks", "nodes", "net"], draw);
  startTable();
}

let newest = true;

function follow() {
  if (newest) $("tree").scrollLeft = $("tree").scrollWidth;
}

/** bestBranch returns the hashes from the best tip back to the edge of the window. */
export function bestBranch() {
  const set = new Set();
  for (let hash = state.net.best; state.blocks[hash]; hash = state.blocks[hash].parent) set.add(hash);
  return set;
}

/** place gives each block its lane. */
function place(blocks) {
  const lanes = []; // of each lane: the heights that are taken
  const free = (lane, from) => !lanes[lane] || lanes[lane].last < from;
  const out = new Map(), firstChild = new Set();
  for (const b of blocks) {
    const parent = out.get(b.parent);
    let lane = 0;
    if (parent && !firstChild.has(b.parent) && !(lanes[parent.lane].last >= b.height)) {
      lane = parent.lane;
    } else {
      // A fork begins beside its parent: its line needs the lane free from there.
      while (!free(lane, b.height) || (parent && lane === parent.lane)) lane++;
    }
    firstChild.add(b.parent);
    lanes[lane] ??= { last: -1 };
    lanes[lane].last = Math.max(lanes[lane].last, b.height);
    out.set(b.hash, { ...b, lane });
  }
  return { placed: out, count: lanes.length };
}

function draw() {
  const blocks = Object.entries(state.blocks).map(([hash, b]) => ({ hash, ...b })).sort((a, b) => a.height - b.height || a.seq - b.seq);
  if (blocks.length === 0) return;
  const low = blocks[0].height, high = blocks[blocks.length - 1].height;
  const best = bestBranch();
  const layout = place(blocks);
  placed = layout.placed;
  const at = new Map(tips().map((t) => [t.hash, t]));
  const x = (height) => LEFT + (height - low) * STEP, y = (lane) => TOP + 22 + lane * LANE;

  set(svg, "width", x(high) + W / 2 + 64);
  set(svg, "height", y(layout.count - 1) + 50);

  if (!placed.has(focus)) focus = state.net.best;
  const list = [...placed.values()];
  each(blocksG, list, (b) => b.hash, makeBlock, (el, b) => {
    set(el, "transform", `translate(${x(b.height)} ${y(b.lane)})`);
    updateBlock(el, b, best.has(b.hash), at.get(b.hash));
  });
  const joined = list.filter((b) => placed.has(b.parent));
  each(edgesG, joined, (b) => b.hash, () => s("path"), (el, b) => {
    const p = placed.get(b.parent), from = x(p.height) + W / 2, to = x(b.height) - W / 2;
    const bend = p.lane === b.lane ? "" : `C ${from + 14} ${y(p.lane)} ${to - 14} ${y(b.lane)} `;
    set(el, "d", `M ${from} ${y(p.lane)} ${bend || "L "}${to} ${y(b.lane)}`);
    set(el, "class", best.has(b.hash) ? "best" : "side");
  });
  const marks = [];
  for (let height = low; height <= high; height++) if (height % 5 === 0 || height === high) marks.push(height);
  each(axisG, marks, (height) => height, (height) => s("text", { y: 16, class: "mark" }, String(height)), (el, height) => set(el, "x", x(height)));
  follow();
  note(list, best);
}

/** startTable says in a table what the picture shows of the newest blocks, once it is unfolded. */
function startTable() {
  const body = h("tbody"), fold = h("details", { "aria-label": "The newest blocks", ontoggle: () => fill() }, h("summary", {}, "The newest blocks as a table"),
    h("div", { class: "table-scroll short", tabindex: 0, role: "region", "aria-label": "The newest blocks" }, h("table", {}, h("thead", {}, h("tr", {}, ["Height", "Block", "Parent", "Found by", "Transactions", "Branch", "Tip of"].map((t) => h("th", { scope: "col" }, t)))), body)));
  const fill = () => {
    if (!fold.open) return;
    const best = bestBranch(), at = new Map(tips().map((t) => [t.hash, t]));
    each(body, [...placed.values()].slice(-40).reverse(), (b) => b.hash, (b) => h("tr", {}, h("th", { scope: "row" }, String(b.height)), h("td", {}, h("a", { class: "mono", href: "#/block/" + b.hash }, short(b.hash))), h("td", { class: "mono" }, short(b.parent)), h("td", {}, b.by < 0 ? "not known" : "node " + b.by), h("td"), h("td"), h("td")), (tr, b) => {
      say(tr.children[4], b.have ? String(b.txs) : "only the header");
      say(tr.children[5], b.invalid ? "invalid" : best.has(b.hash) ? "best" : "off the best");
      say(tr.children[6], at.has(b.hash) ? `${at.get(b.hash).letter}: ${ranges(at.get(b.hash).nodes)}` : "");
    });
  };
  $("tree").after(fold);
  on(["blocks", "nodes", "net"], fill);
}

function note(list, best) {
  const off = list.filter((b) => !best.has(b.hash)).length;
  say($("tree-note"), `Newest at the right${about.seed ? "; the number is the miner's" : ""}. Filled: the branch with the most work. Dashed: ${off ? plural(off, "block") + " off it" : "none off it now"}.` +
    (list.length > 150 ? ` The last ${about.window} heights.` : ""));
}

function makeBlock(b) {
  return s("a", { class: "block fresh", href: "#/block/" + b.hash, tabindex: "-1" },
    s("title"),
    s("rect", { class: "box", x: -W / 2, y: -H / 2, width: W, height: H, rx: 6 }),
    s("text", { class: "by", y: 1 }),
    s("text", { class: "txs", y: H / 2 + 13 }),
    s("g", { class: "tip" }, s("rect", { rx: 8 }), s("text")));
}

function updateBlock(el, b, onBest, tip) {
  const state = b.invalid ? "bad" : !b.have ? "nohave" : onBest ? "best" : "side";
  set(el, "class", `block ${color(b.by)} ${state}`);
  set(el, "tabindex", b.hash === focus ? 0 : -1);
  const by = b.by < 0 ? "" : String(b.by);
  const text = `Block ${b.height} ${short(b.hash)}, ${b.by < 0 ? "miner not known" : "found by node " + b.by}, ${b.have ? plural(b.txs, "transaction") : "only its header is known"}, ` +
    { best: "on the best branch", side: "not on the best branch", nohave: "not on the best branch", bad: "invalid" }[state] +
    (tip ? `; tip ${tip.letter} of node${tip.nodes.length > 1 ? "s" : ""} ${ranges(tip.nodes)}` : "");
  set(el, "aria-label", text);
  const [title, , label, txs, tipG] = el.children;
  say(title, text);
  say(label, b.invalid ? "✕" : by || "·");
  say(txs, !tip && b.txs > 1 ? `${b.txs} tx` : "");
  tipG.setAttribute("visibility", tip ? "visible" : "hidden");
  if (tip) {
    // Two tips may stand side by side: the label is no wider than a step. The title has it all.
    const who = ranges(tip.nodes);
    const words = !about.seed ? "tip" : who.length <= 5 ? `${tip.letter}: ${who}` : `${tip.letter} ×${tip.nodes.length}`;
    set(tipG, "class", "tip tip-" + (tip.letter <= "D" ? tip.letter.toLowerCase() : "d"));
    const [box, label] = tipG.children;
    const wide = words.length * 6.4 + 13;
    say(label, words);
    set(label, "y", H / 2 + 17);
    set(box, "x", -wide / 2);
    set(box, "y", H / 2 + 4);
    set(box, "width", wide);
    set(box, "height", 18);
  }
}

function moveFocus(hash) {
  if (!placed.has(hash) || hash === focus) return;
  for (const el of blocksG.children) {
    if (el.dataset.key === focus) set(el, "tabindex", -1);
    if (el.dataset.key === hash) set(el, "tabindex", 0);
  }
  focus = hash;
}

/** walk moves through the tree by keys: to the parent, to a child, to the same height in another lane. */
function walk(e) {
  const b = placed.get(focus);
  if (!b) return;
  const all = [...placed.values()], best = bestBranch();
  const beside = (way) => all.filter((o) => o.height === b.height && (o.lane - b.lane) * way > 0).sort((p, q) => (p.lane - q.lane) * way)[0];
  const to = {
    ArrowLeft: () => placed.get(b.parent),
    ArrowRight: () => all.filter((o) => o.parent === b.hash).sort((p, q) => best.has(q.hash) - best.has(p.hash))[0],
    ArrowUp: () => beside(-1),
    ArrowDown: () => beside(1),
    Home: () => all[0],
    End: () => placed.get(state.net.best),
  }[e.key];
  if (!to) return;
  e.preventDefault();
  const next = to();
  if (!next) return;
  moveFocus(next.hash);
  [...blocksG.children].find((el) => el.dataset.key === next.hash)?.focus();
}
