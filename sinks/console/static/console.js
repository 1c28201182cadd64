// Keeps a page current: swaps panels as they come, counts the age of what is shown, sends receipts.
"use strict";

const page = document.body;
const words = page.dataset;
const units = words.tUnits.split(",");
let stale = {}; // seconds, by source: told with each state
const SLOW_MS = 30000;
let read = {};
let ahead = Number(words.now) * 1000 - Date.now(); // the server's clock against ours
let connected = false;
const pending = new Map(); // action → {status, since}

function span(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  if (s < 60) return `${s} ${units[0]}`;
  if (s < 3600) return `${Math.floor(s / 60)} ${units[1]}`;
  if (s < 86400) return `${Math.floor(s / 3600)} ${units[2]} ${Math.floor((s % 3600) / 60)} ${units[1]}`;
  return `${Math.floor(s / 86400)} ${units[3]}`;
}

function ages() {
  const now = (Date.now() + ahead) / 1000;
  for (const panel of document.querySelectorAll("[data-source]")) {
    const at = read[panel.dataset.source] || 0;
    const shown = panel.querySelector("[data-age]");
    const old = at ? now - at : 0;
    const isStale = at > 0 && old > (stale[panel.dataset.source] || Infinity);
    panel.classList.toggle("stale", isStale);
    if (!shown) continue;
    const text = !at ? words.tNever : (isStale ? words.tStale : words.tAgo).replace("{age}", span(old));
    if (shown.textContent !== text) shown.textContent = text;
  }
  for (const [action, one] of pending) if (Date.now() - one.since > SLOW_MS) tell(action, words.tSlow, "slow");
}

function localTimes(root) {
  for (const one of root.querySelectorAll("time[datetime]")) {
    const at = new Date(one.dateTime);
    const two = (n) => String(n).padStart(2, "0");
    const hm = `${two(at.getHours())}:${two(at.getMinutes())}`;
    const day = at.toDateString() === new Date().toDateString() ? "" : `${two(at.getMonth() + 1)}-${two(at.getDate())} `;
    one.textContent = { hm, hms: `${hm}:${two(at.getSeconds())}`, full: `${day}${hm}` }[one.dataset.form];
    one.title = at.toLocaleString();
  }
}

function tell(action, text, kind) {
  for (const one of document.querySelectorAll(`[data-action="${CSS.escape(action)}"]`)) {
    one.dataset.word = kind;
    one.querySelector(".word").textContent = text;
    for (const button of one.querySelectorAll("button")) button.disabled = kind === "sent";
  }
}

function remember() {
  for (const one of document.querySelectorAll("[data-action]")) {
    const wait = pending.get(one.dataset.action);
    if (!wait) continue;
    if (one.dataset.status !== wait.status) { tell(one.dataset.action, words.tSent, "sent"); continue; }
    pending.delete(one.dataset.action);
    tell(one.dataset.action, "", "done");
  }
}

const row = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.dataset.row : undefined);
const alike = (a, b) => a.nodeName === b.nodeName && row(a) === row(b);

// Changes what differs and leaves the rest: who is about to press a button keeps it under the finger, and the focus where it is.
function morph(old, fresh) {
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  if (old.nodeType !== Node.ELEMENT_NODE || old.matches("input, .word")) return;
  for (const { name } of [...old.attributes]) {
    const ours = name === "open" || name === "disabled" || name === "data-word";
    if (!ours && !fresh.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) if (name !== "open" && old.getAttribute(name) !== value) old.setAttribute(name, value);
  children(old, fresh);
}

function children(old, fresh) {
  let at = old.firstChild;
  for (const child of [...fresh.childNodes]) {
    const key = row(child);
    let match = key === undefined ? at : [...old.children].find((one) => one.dataset.row === key);
    if (match && !alike(match, child)) match = null;
    if (!match) { old.insertBefore(child, at); continue; }
    if (match === at) at = at.nextSibling;
    else old.insertBefore(match, at);
    morph(match, child);
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

// Where a chart over time is wider than the screen, its newest end is shown first.
const moved = new WeakSet();
function newest(root) {
  for (const one of root.querySelectorAll(".scroll")) {
    if (!moved.has(one) && one.querySelector(".heat")) {
      one.scrollLeft = one.scrollWidth;
      moved.add(one);
    }
  }
}

function swap(panel, html) {
  const fresh = document.createElement("template");
  fresh.innerHTML = html;
  localTimes(fresh.content);
  children(panel, fresh.content);
  panel.setAttribute("aria-busy", "false");
  newest(panel);
  remember();
}

function state(message) {
  const bar = document.getElementById("state");
  if (!bar) return;
  const texts = (message.trouble || []).map((name) => (name === "clickhouse" ? words.tClickhouse : words.tTopics));
  if (!connected) texts.unshift(words.tLost);
  bar.hidden = texts.length === 0;
  const text = texts.join(" ");
  if (bar.textContent !== text) bar.textContent = text;
}

function watch(address) {
  let last = {};
  const source = new EventSource(address);
  source.onopen = () => { connected = true; state(last); };
  source.onerror = () => {
    connected = false;
    state(last);
    if (source.readyState === EventSource.CLOSED) setTimeout(() => watch(address), 2000);
  };
  source.addEventListener("panel", (event) => {
    const { id, html } = JSON.parse(event.data);
    const panel = document.getElementById(id);
    if (panel) swap(panel, html);
  });
  source.addEventListener("state", (event) => {
    last = JSON.parse(event.data);
    read = last.read;
    stale = last.stale;
    ahead = last.now * 1000 - Date.now();
    connected = true;
    state(last);
    ages();
  });
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("form.receipt")) return;
  event.preventDefault();
  const body = new URLSearchParams(new FormData(form));
  const status = event.submitter ? event.submitter.value : "accepted";
  body.set("status", status);
  const action = body.get("action");
  pending.set(action, { status, since: Date.now() });
  tell(action, words.tSent, "sent");
  form.elements.note.value = "";
  form.elements.note.blur();
  try {
    const answer = await fetch(form.getAttribute("action"), { method: "POST", body, headers: { "X-Requested-With": "console" } });
    if (!answer.ok) throw new Error(await answer.text());
  } catch (error) {
    pending.delete(action);
    tell(action, `${words.tFailed}: ${error.message.slice(0, 200)}`, "failed");
  }
});

document.addEventListener("change", (event) => {
  const form = event.target.closest("form.filters");
  if (form) form.requestSubmit();
});

document.addEventListener("submit", (event) => {
  if (event.target.matches("form.filters, form.what-if")) for (const one of event.target.elements) if (one.name && !one.value) one.disabled = true;
});

localTimes(document);
newest(document);
if (words.stream) watch(words.stream);
setInterval(ages, 1000);
