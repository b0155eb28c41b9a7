// What the server has told: sections of keys and values, kept up to date by the stream. Everything that draws reads it
// from here and subscribes to the sections it shows.

/** about never changes; it is there before anything is drawn. */
export let about = {};

/** state holds sections: nodes, links, blocks, pools, log, net. */
export const state = { nodes: {}, links: {}, blocks: {}, pools: {}, log: {}, net: {} };

const listeners = [];
let changed = new Set();
let drawing = false;

/** on calls draw when any of the sections has changed, at most once a frame, with the set of changed sections. */
export function on(sections, draw) {
  listeners.push({ sections, draw });
}

function notify() {
  if (drawing) return;
  drawing = true;
  // A page in the background gets no frames; a timer keeps it right all the same.
  const go = () => {
    if (!drawing) return;
    drawing = false;
    const now = changed;
    changed = new Set();
    for (const { sections, draw } of listeners) {
      if (sections.some((name) => now.has(name))) draw(now);
    }
  };
  if (document.hidden) setTimeout(go, 200);
  else requestAnimationFrame(go);
}

function merge(change) {
  for (const [section, values] of Object.entries(change)) {
    const here = (state[section] ??= {});
    for (const [key, value] of Object.entries(values)) {
      if (value === null) delete here[key];
      else here[key] = value;
    }
    changed.add(section);
  }
  notify();
}

const SILENCE = 45_000; // the server says something every 15 s; after this the connection is taken for dead
const ASIDE = 60_000; // a page that nobody sees lets go of its stream, of which a browser has few for one server

let stream = null, heard = 0, lost = false;

/** connect reads what never changes, then follows the stream for ever. live(ok) tells whether it stands. */
export async function connect(live) {
  about = await ask("/api/about");
  follow(live);
  let aside = 0;
  document.addEventListener("visibilitychange", () => {
    clearTimeout(aside);
    if (!document.hidden) return stream || follow(live);
    aside = setTimeout(letGo, ASIDE);
  });
  addEventListener("pageshow", (e) => e.persisted && follow(live));
  // A computer that slept wakes up with a connection that nobody told it is gone.
  setInterval(() => {
    if (!stream || Date.now() - heard < SILENCE) return;
    lose(live);
    follow(live);
  }, 5000);
}

function letGo() {
  stream?.close();
  stream = null;
}

function lose(live) {
  lost = true;
  live(false);
}

/** follow opens the stream, in the place of one that is there. */
function follow(live) {
  letGo();
  heard = Date.now();
  const mine = (stream = new EventSource("/events"));
  const hear = (kind, act) => mine.addEventListener(kind, (e) => {
    heard = Date.now();
    act?.(e);
  });
  hear("beat");
  hear("change", (e) => merge(JSON.parse(e.data)));
  hear("whole", (e) => {
    for (const section of Object.keys(state)) {
      state[section] = {};
      changed.add(section);
    }
    merge(JSON.parse(e.data));
    if (lost) reloadIfNew();
    lost = false;
    live(true);
  });
  mine.onerror = () => {
    lose(live);
    // The browser tries again by itself unless it was refused.
    if (mine.readyState === EventSource.CLOSED) setTimeout(() => stream === mine && follow(live), 3000);
  };
}

/** reloadIfNew: after a restart the server is another one; its cookie, and perhaps its network, are new. */
const reloadIfNew = () => ask("/api/about").then((a) => a.instance !== about.instance && location.reload(), () => {}); // gone again: the stream tells

/** ask fetches JSON; an error is the sentence that the server gave. */
export async function ask(path, options) {
  let answer, body;
  try {
    answer = await fetch(path, options);
    body = await answer.json();
  } catch {
    throw new Error("the network does not answer: has it been stopped?");
  }
  if (!answer.ok) throw new Error(body.error || answer.statusText);
  return body;
}

/** order gives an order and returns what came of it. */
export const order = (o) =>
  ask("/api/order", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ node: -1, ...o }) });

/** nodes lists the nodes in order, each with its number i. */
export const nodes = () => Object.keys(state.nodes).map(Number).sort((a, b) => a - b).map((i) => ({ i, ...state.nodes[i] }));

/** nameOf is what people call a node. */
export const nameOf = (n) => "node " + n.i + (n.name ? " " + n.name : "");

/** tips groups the running nodes by their tip, the one with the most work first: [{hash, height, nodes, letter}]. */
export function tips() {
  const groups = new Map();
  for (const n of nodes()) {
    if (!n.running) continue;
    if (!groups.has(n.tip)) groups.set(n.tip, { hash: n.tip, height: n.height, nodes: [] });
    groups.get(n.tip).nodes.push(n.i);
  }
  const best = state.net.best;
  const list = [...groups.values()].sort((a, b) => (b.hash === best) - (a.hash === best) || b.height - a.height || a.nodes[0] - b.nodes[0]);
  list.forEach((t, i) => (t.letter = i < 26 ? String.fromCharCode(65 + i) : "?"));
  return list;
}

/** color is the class of a miner's colour; its number stands beside it everywhere. */
export const color = (by) => (by < 0 ? "m-none" : "m" + (by % 8));
