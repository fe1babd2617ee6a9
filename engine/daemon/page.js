"use strict";
// Whatever comes from outside is set as text, never as HTML, and what would not be seen of it is spelt out.
const EVERY_MS = 2000, HIDDEN_EVERY_MS = 10000, PATIENCE_MS = 5000, RATE_OVER_S = 10, CURVE_OVER_S = 300;
const NEWS = 0.05;  // share of calls that are refused as too fast; fewer are how a lane finds its rate
const UNSEEN = /(?! )[\p{C}\p{Z}]/gu;
const SIGNS = {good: "✓ ", warn: "▲ ", bad: "✕ ", lost: "? ", soft: ""};  // not by colour alone; also in the tab
const at = (id) => document.getElementById(id);
const whole = new Intl.NumberFormat("en").format;
const tenths = new Intl.NumberFormat("en", {minimumFractionDigits: 1, maximumFractionDigits: 1}).format;
const clock = new Intl.DateTimeFormat("sv", {dateStyle: "short", timeStyle: "medium"});  // 2026-01-31 13:59:59
const zone = clock.resolvedOptions().timeZone, host = new URL(document.baseURI).host;
const past = [];  // what was told in the last seconds, for rates
const curves = new Map();
let token = "", locked = false, asking = false, timer = 0, version = "", heard = null, gap = false;

const spelt = (c) => c.length > 1 ? "\\U" + c.codePointAt(0).toString(16).padStart(8, "0")
  : "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0");
const seen = (value) => String(value).replace(UNSEEN, spelt);
const time = (seconds) => clock.format(seconds * 1000);
const rate = (perSecond) => perSecond === null ? "–" : tenths(perSecond);
const own = (table, name) => Object.hasOwn(table, name) ? table[name] : undefined;  // and not what all objects have
const sum = (things, count) => things.reduce((total, each) => total + count(each), 0);

function span(seconds) {
  if (seconds < 120) return tenths(seconds) + " s";
  if (seconds < 7200) return tenths(seconds / 60) + " min";
  if (seconds < 172800) return tenths(seconds / 3600) + " h";
  return tenths(seconds / 86400) + " d";
}

// Leaves alone what has not changed: what somebody has selected stays so, and nothing is read aloud again.
function put(place, text, kind) {
  if (place.textContent !== seen(text)) place.textContent = seen(text);
  if (kind !== undefined && place.className !== kind) place.className = kind;
}

function fit(parent, wanted, name) {
  while (parent.children.length > wanted) parent.lastElementChild.remove();
  while (parent.children.length < wanted) parent.append(document.createElement(name(parent.children.length)));
  return parent.children;
}

const alarm = (kind, count) => count ? [kind, whole(count)] : "0";

// A cell is its text, or its kind and its text. Noughts are pale, so that the rest stands out.
function table(id, lines, none) {
  const heads = at(id).tHead.rows[0].cells, rows = fit(at(id).tBodies[0], Math.max(1, lines.length), () => "tr");
  (lines.length ? lines : [[["soft", none]]]).forEach((line, y) => {
    const cells = fit(rows[y], line.length, (x) => x ? "td" : "th");
    line.forEach((cell, x) => {
      const [kind, text] = Array.isArray(cell) ? cell : [/^(0|0\.0|–)$/.test(cell) ? "soft" : "", cell];
      put(cells[x], (SIGNS[kind] || "") + text, [heads[x].className, kind].filter(Boolean).join(" "));
      if (x) cells[x].dataset.name = heads[x].textContent;
    });
    cells[0].scope = "row";
    cells[0].colSpan = line.length === 1 ? heads.length : 1;
  });
}

function notices(each) {
  const items = fit(at("notices"), each.length, () => "li");
  each.forEach(([kind, text], i) => put(items[i], SIGNS[kind] + text, kind));
}

function state(kind, text) {
  put(at("state"), SIGNS[kind] + text, kind);
  document.title = seen(SIGNS[kind] + text + " · syncmux " + host);
}

// A number, null if it is not known yet, and its curve, that has a gap wherever it was not known.
function tile(name, now, value, shown, more) {
  const curve = (curves.get(name) || []).filter(([then]) => then <= now.at && now.at - then <= CURVE_OVER_S);
  curve.push(...(gap ? [[now.at, null]] : []), [now.at, value]);
  curves.set(name, curve);
  const peak = Math.max(0, ...curve.map(([, height]) => height));
  const path = curve.map(([then, height], i) => height === null ? "" : (i && curve[i - 1][1] !== null ? "L" : "M")
    + (300 - (now.at - then) * 300 / CURVE_OVER_S).toFixed(1) + " " + (40 - 40 * height / (peak || 1)).toFixed(1));
  at(name + "-chart").setAttribute("d", path.join(""));
  put(at(name), value === null ? "–" : shown(value));
  put(at(name + "-peak"), peak ? "peak " + shown(peak) : "");
  put(at(name + "-more"), more);
}

// What `count` finds in a status, per second; null: it was asked only once.
function perSecond(now, count) {
  const passed_s = now.at - past[0].at;
  return passed_s > 0 ? Math.max(0, count(now) - count(past[0])) / passed_s : null;
}

function named(row) {
  return Object.entries(row).filter(([, value]) => value).map(([name, value]) => name + " " + value).join(", ");
}

const of = (status, name) => status.lanes.find((lane) => lane.name === name) || {calls: 0, throttled: 0};

function condition(now, lane) {
  if (own(now.stopped, lane.account) !== undefined) return ["bad", "its account has stopped"];
  if (lane.paused) return ["warn", "paused by an operator"];
  if (lane.sick_s) return ["bad", "gets nowhere for " + span(lane.sick_s) + ": " + lane.last_error];
  if (lane.pause_s > 0.5) return ["warn", "waits " + span(lane.pause_s) + ", as the cloud asks"];
  const recent = (what) => perSecond(now, (status) => of(status, lane.name)[what]);
  const refused = recent("throttled") / recent("calls");  // not a number while there are no calls
  if (refused >= NEWS) return ["warn", "throttled: " + Math.round(100 * refused) + " % of calls"];
  return lane.last_error ? ["warn", "last call failed: " + lane.last_error] : ["good", "fine"];
}

// Why work of an account waits: what is wrong with its lane, or else `otherwise`.
function cause(now, account, otherwise) {
  const lane = now.lanes.find((each) => each.starts && each.account === account);
  const found = lane ? condition(now, lane) : ["good"];
  return found[0] === "good" ? otherwise : found;
}

function tiles(now) {
  const calls = (status, what) => sum(status.lanes, (lane) => lane[what]);
  const events = (status) => sum(Object.values(status.senders), (counts) => counts.events);
  const job_s = now.oldest ? now.oldest.waits_s : 0, longest_s = Math.max(now.inbox.waits_s, job_s);
  const taken = perSecond(now, events), made = perSecond(now, (status) => calls(status, "calls"));
  const throttled = perSecond(now, (status) => calls(status, "throttled"));
  tile("events", now, taken, tenths, whole(events(now)) + " in all");
  tile("waiting", now, now.inbox.rows + now.rows.waiting, whole,
    "inbox " + whole(now.inbox.rows) + " of " + whole(now.inbox.max_rows) + ", jobs " + whole(now.rows.waiting));
  tile("longest", now, longest_s, span,
    !longest_s ? "nothing is due" : job_s < longest_s ? "in the inbox" : "as a job");
  tile("calls", now, made, tenths,
    whole(calls(now, "in_flight")) + " in flight, " + whole(now.tasks_running) + " tasks running");
  tile("throttled", now, throttled, tenths, whole(calls(now, "throttled")) + " in all");
  tile("failed", now, now.rows.failed, whole,
    whole(now.rows.succeeded) + " succeeded, " + whole(now.rows.accepted) + " accepted");
}

function tables(now) {
  table("lanes", now.lanes.map((each) => [each.name, condition(now, each),
    rate(perSecond(now, (status) => of(status, each.name).calls)), tenths(each.rate), whole(each.in_flight),
    whole(each.calls), whole(each.throttled), whole(each.busy), whole(each.failed)]), "no lanes");
  const line = (as, what, why, each) =>
    [as, what, why, whole(each.rows), span(each.waits_s), time(now.at - each.waits_s)];
  const jobs = (now.oldest ? [now.oldest] : []).map((each) =>
    line("job", named(each.row), each.why || cause(now, each.account, "its turn has not come"), each));
  const inbox = now.inbox.destinations.map((each) =>
    line("inbox", each.verb + ": " + named(each.row), cause(now, each.row.account, "no job yet"), each));
  table("oldest", [...jobs, ...inbox], "nothing waits");
  table("failures", now.failures.map((each) =>
    [named(each.row), each.why, span(Math.max(0, now.at - each.at)), time(each.at)]), "none");
  table("accounts", now.accounts.map((each) => [each.account, each.cloud, ...[each.targets, each.waiting, each.started,
    each.succeeded, each.accepted].map((count) => whole(count)), alarm("bad", each.failed)]), "no work yet");
  const names = [...new Set([...now.listeners, ...Object.keys(now.senders)])];
  const none = {events: 0, repeated: 0, unrouted: 0, rows: 0, coalesced: 0, full: 0};
  table("senders", names.map((name) => {
    const counts = own(now.senders, name) || none;
    return [name, rate(perSecond(now, (status) => (own(status.senders, name) || none).events)),
      ...[counts.events, counts.repeated, counts.unrouted, counts.rows, counts.coalesced].map((count) => whole(count)),
      alarm("warn", counts.full)];
  }), "none");
}

function show(now) {
  const last = past.at(-1);
  gap = gap || Boolean(last && (now.began_at !== last.began_at || now.at < last.at));
  if (gap) past.length = 0;
  past.push(now);
  while (past.length > 2 && now.at - past[0].at > RATE_OVER_S) past.shift();
  version = version || now.version;
  put(at("about"), "version " + now.version + ", running for " + span(now.at - now.began_at));
  put(at("as-of"), "as of " + time(now.at) + " " + zone);
  notices([...now.obstacles.map((text) => ["bad", "not ready: " + text]),
    ...now.warnings.map((text) => ["warn", "warning: " + text]),
    ...(version === now.version ? [] : [["warn", "the daemon is of another version now: load this page again"]])]);
  tiles(now);
  tables(now);
  gap = false;
  if (!now.ready) state("bad", "not ready");
  else if (now.warnings.length) state("warn", "ready, with warnings");
  else state("good", "ready");
}

function lost(why) {
  gap = true;
  notices([["lost", heard === null ? "no contact yet: " + why : "no contact since " + time(heard / 1000) + ", for "
    + span((Date.now() - heard) / 1000) + ": " + why + ". The numbers below are of then."]]);
  state("lost", "no contact");
}

async function ask() {
  const headers = token ? {Authorization: "Bearer " + token} : {};
  const answer = await fetch("v1/status", {headers, cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS)});
  if (answer.status === 401) {
    put(at("refused"), token ? "This token is not one of them." : "");
    locked = true;
    token = "";
    notices([]);
    state("soft", "a token is needed");
  } else if (!answer.ok) {
    throw new Error("status " + answer.status);
  } else {
    const now = await answer.json();
    show(now);
    heard = Date.now();
  }
  at("shown").hidden = locked;
  at("ask").hidden = !locked;
}

async function poll() {
  if (asking || locked) return;
  asking = true;
  clearTimeout(timer);
  try {
    await ask();
  } catch (error) {
    lost(error.message);
  }
  at("shown").className = gap ? "old" : "";
  asking = false;
  if (locked) at("token").focus();
  else timer = setTimeout(poll, document.hidden ? HIDDEN_EVERY_MS : EVERY_MS);
}

at("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  token = at("token").value;
  at("token").value = "";
  locked = false;
  poll();
});
put(at("host"), host);
document.addEventListener("visibilitychange", () => { if (!document.hidden) poll(); });
poll();
