// What can be done with one node or one link: the row below the picture of the network. It is chosen in the list there, or
// with a click in the picture.

import { $, h, say, set } from "./dom.js";
import { about, nameOf, nodes, on, state, tips } from "./state.js";
import { attempt, field, form, give } from "./orders.js";
import { order } from "./state.js";

let chooser, now, nodeRow, linkRow, known = "";

/** picked is the key of the chosen node ("3") or link ("0-1"). */
export const picked = () => chooser?.value ?? "";

/** pick chooses a node or a link. */
export function pick(key) {
  if (!chooser || ![...chooser.options].some((o) => o.value === key)) return;
  chooser.value = key;
  draw();
  chooser.dispatchEvent(new Event("picked", { bubbles: true }));
}

export function startPicked() {
  if (!about.orders) return;
  chooser = h("select", { id: "picked", onchange: () => pick(chooser.value) });
  now = h("p", { class: "note", id: "picked-now" });
  nodeRow = nodeForms();
  linkRow = linkForms();
  $("net").after(h("div", { class: "picked", role: "group", "aria-label": "One node or link" }, h("div", { class: "row" }, field("Selected", chooser), now), nodeRow, linkRow));
  on(["nodes", "links", "net"], draw);
}

function options() {
  const links = Object.keys(state.links).map((k) => k.split("-").map(Number)).sort((p, q) => p[0] - q[0] || p[1] - q[1]);
  const text = nodes().length + ":" + links.join();
  if (text === known) return;
  known = text;
  const old = chooser.value;
  chooser.replaceChildren(h("optgroup", { label: "Nodes" }, nodes().map((n) => h("option", { value: n.i }, nameOf(n)))),
    h("optgroup", { label: "Links" }, links.map((l) => h("option", { value: l.join("-") }, `link ${l.join("–")}`))));
  if ([...chooser.options].some((o) => o.value === old)) chooser.value = old;
}

function draw() {
  options();
  const key = chooser.value, link = state.links[key], node = state.nodes[key];
  const lost = document.activeElement?.closest?.(".picked [hidden]");
  nodeRow.hidden = !node;
  linkRow.hidden = !link;
  if (link) say(now, linkWords(link) + ".");
  if (!node) return;
  const tip = tips().find((t) => t.hash === node.tip);
  say(now, node.running ? `runs, height ${node.height}, tip ${tip?.letter ?? "?"}${node.miner ? ", mines" : ""}.` : (node.state || "does not run") + ".");
  const [stop, kill, start, reorg, links] = nodeRow.children;
  const focused = [stop, kill, start].includes(document.activeElement);
  stop.hidden = kill.hidden = reorg.hidden = links.hidden = !node.running;
  start.hidden = node.running;
  if (focused || lost) (node.running ? stop : start).focus(); // the button that was pressed is gone
  if (node.running) {
    const [mempool, page] = links.querySelectorAll("a");
    set(mempool, "href", "#/mempool?node=" + key);
    page.hidden = !node.http;
    if (node.http) set(page, "href", `${location.protocol}//${node.http}/`);
  }
}

/** linkWords says what a link is like. */
export const linkWords = (l) => (l.cut ? "cut" : l.up ? "connected" : "not connected now") + (l.note ? ", " + l.note : "");

function nodeForms() {
  const act = (what, text, doing) => {
    const b = h("button", { type: "button", id: "node-" + what, class: "quiet", onclick: () => give(`${doing} node ${chooser.value}`, what, [chooser.value], {}, b) }, text);
    return b;
  };
  const depth = h("input", { id: "reorg-depth", type: "number", min: 1, max: 100, value: 2 });
  const reorg = form("Reorganization", [field("Replace its last", depth, "blocks")], "Reorganize", (b) =>
    give(`Replacing ${depth.value} blocks of node ${chooser.value}`, "reorg", [], { node: chooser.value, depth: depth.value }, b));
  return h("div", { class: "row" }, act("stop", "Stop", "Stopping"), act("kill", "Kill", "Killing"), act("start", "Start", "Starting"), reorg,
    h("span", {}, h("a", { href: "#/mempool" }, "its mempool"), " ", h("a", { rel: "noreferrer" }, "its own page")));
}

function linkForms() {
  const cut = h("button", { type: "button", id: "link-cut", class: "quiet", onclick: () => {
    const key = chooser.value, heal = state.links[key].cut;
    attempt(`${heal ? "Healing" : "Cutting"} link ${key}`, () => order({ what: heal ? "join" : "cut", links: [key.split("-").map(Number)] }), () => `${heal ? "Healed" : "Cut"} link ${key}.`, cut);
  } });
  on(["links"], () => say(cut, state.links[chooser.value]?.cut ? "Heal" : "Cut"));
  chooser.addEventListener("picked", () => say(cut, state.links[chooser.value]?.cut ? "Heal" : "Cut"));
  const input = (id, hint) => h("input", { id: "link-" + id, placeholder: hint, autocomplete: "off", maxlength: 60 });
  const fields = { latency: input("latency", "200ms"), bandwidth: input("bandwidth", "1Mbit"), loss: input("loss", "1%") };
  const clear = h("button", { type: "button", id: "link-clear", class: "quiet", onclick: () => give("Clearing link " + chooser.value, "link", [chooser.value], { clear: "true" }, clear) }, "Clear");
  const shape = form("What the link is like", Object.entries(fields).map(([name, el]) => field(name[0].toUpperCase() + name.slice(1), el)), "Shape", (b) => {
    const flags = Object.fromEntries(Object.entries(fields).map(([name, el]) => [name, el.value.trim()]).filter(([, v]) => v));
    give("Shaping link " + chooser.value, "link", [chooser.value], flags, b);
  });
  return h("div", { class: "row" }, cut, shape, clear);
}
