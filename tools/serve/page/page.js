// SPDX-License-Identifier: LGPL-2.1-or-later
// Whatever comes from a gallery or a file becomes text by textContent alone, and is never read as markup.
"use strict";

const $ = (id) => document.getElementById(id);
let state = {};         // What /api/state said.
let shown = null;       // The person whose dialog is open.
let rejected = null;    // The stranger whose "not …" dialog is open.
let tab = "";
const TITLES = { people: "People", strangers: "Strangers", events: "Events", check: "Check" };
const PAGE = 60;

// ---- Building blocks

function el(tag, properties, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties || {})) {
    if (name === "class") node.className = value;
    else if (name === "on") for (const [event, call] of Object.entries(value)) node.addEventListener(event, call);
    else if (name === "data") Object.assign(node.dataset, value);
    else if (name.startsWith("aria-")) node.setAttribute(name, value);
    else node[name] = value;
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

class Problem extends Error {
  constructor(message, code) {
    super(message);
    this.code = code;
  }
}

async function reply_of(reply) {
  let json = {};
  try {
    json = await reply.json();
  } catch {
    // A reply without JSON is told by its status.
  }
  if (reply.ok) return json;
  if (reply.status === 401 && !$("check-in").open) $("check-in").showModal();
  throw new Problem(json.error || `The server refused (${reply.status}).`, json.code);
}

async function ask(path, body) {
  const options = body === undefined ? {} : {
    method: "POST", body: JSON.stringify(body),
    headers: { "Content-Type": "application/json", "X-Page-Token": state.page_token || "" },
  };
  let reply;
  try {
    reply = await fetch(path, options);
  } catch {
    throw new Problem("The server does not answer. Is it still running?", "network");
  }
  return reply_of(reply);
}

function say(text) {
  // Within a dialog that is open: what is behind it is read to nobody.
  (document.querySelector("dialog[open]") || document.body).append($("toasts"));
  const line = el("p", {}, text);
  $("toasts").append(line);
  setTimeout(() => line.remove(), 7000);
}

/** Runs something that may fail, and says why it did. Returns whether it was done. */
async function attempt(what) {
  try {
    await what();
    return true;
  } catch (problem) {
    say(problem.message);
    if (problem.code === "conflict" || problem.code === "taken") await refresh();
    return false;
  }
}

function confirm_that(title, text, yes) {
  $("ask-title").textContent = title;
  $("ask-text").textContent = text;
  $("ask-yes").textContent = yes;
  $("ask").returnValue = "";
  $("ask").showModal();
  $("ask-no").focus();
  return new Promise((resolve) => {
    $("ask").addEventListener("close", () => resolve($("ask").returnValue === "yes"), { once: true });
  });
}

const count = (number, one, many) => `${number.toLocaleString()} ${number === 1 ? one : many || one + "s"}`;
/** A name within a sentence, whichever way its script runs. */
const iso = (name) => `\u2068${name}\u2069`;
const query = (values) => new URLSearchParams(Object.entries(values).filter(([, value]) => value !== ""));

function when(utc) {
  if (!utc) return "at an unknown time";
  const time = new Date(utc);
  if (Number.isNaN(time.getTime())) return utc;
  const today = time.toDateString() === new Date().toDateString();
  return time.toLocaleString([], today ? { timeStyle: "medium" } : { dateStyle: "medium", timeStyle: "short" });
}

/** A picture, or what stands for one where none is kept. */
function face(source, name, of) {
  if (source) return el("img", { class: "face", src: source, alt: of, loading: "lazy" });
  const letters = [...(name || "?").replace(/[^\p{L}\p{N} ]/gu, "")].length ? name : "?";
  const initials = letters.split(/\s+/).filter(Boolean).slice(0, 2).map((word) => [...word][0]).join("");
  return el("span", { class: "face", "aria-hidden": "true" }, initials.toUpperCase() || "?");
}

/** Puts nodes for `items` into `list`. A node stays while its item does, so that focus and what was typed stay too. */
function fill(list, items, key, make) {
  const known = new Map([...list.children].map((node) => [node.dataset.key, node]));
  const nodes = items.map((item) => {
    const old = known.get(key(item)), text = JSON.stringify(item);
    const typed = old && [...old.querySelectorAll("input")].some((input) => input.value !== "");
    if (old && (old.made_of === text || typed)) return old;
    const node = make(item);
    node.dataset.key = key(item);
    node.made_of = text;
    return node;
  });
  const focus = document.activeElement && document.activeElement.closest("[data-key]");
  const at = focus && list.contains(focus) ? focus.dataset.key : null;
  list.replaceChildren(...nodes);
  const again = at === null ? null : nodes.find((node) => node.dataset.key === at);
  const field = again && (again.contains(document.activeElement) ? null : again.querySelector("button, input"));
  if (field) field.focus();
}

// ---- People

let people = [];

async function load_people(more) {
  const offset = more ? people.length : 0;
  const most = more ? PAGE : Math.min(200, Math.max(PAGE, people.length));
  const found = await ask("/api/people?" + query({ query: $("search").value, offset, most }));
  people = more ? people.concat(found.people) : found.people;
  $("people-count").textContent = found.found === 0
    ? ($("search").value ? "Nobody of that name." : "Nobody is enrolled yet.") : count(found.found, "person", "people");
  $("people-more").hidden = people.length >= found.found;
  fill($("people"), people, (person) => person.id, person_card);
}

function person_card(person) {
  const source = person.picture && "/api/picture?" + query({ row: person.picture });
  const facts = count(person.rows, "picture") + (person.best_quality !== null && person.best_quality < 0.5 ? ", poor" : "");
  return el("li", {}, el("button", { type: "button", class: "card", on: { click: () => attempt(() => open_person(person.id)) } },
    face(source, person.name, ""),
    el("span", { class: "about" }, el("strong", { title: person.name }, person.name), el("small", {}, facts))));
}

async function open_person(id) {
  shown = await ask("/api/person?" + query({ id }));
  $("person-title").textContent = shown.name;
  $("rename-to").value = shown.name;
  $("merge-into").value = "";
  const parts = [count(shown.rows, "picture")];
  if (shown.counter_examples) parts.push(count(shown.counter_examples, "counter-example"));
  if (shown.last_enrolled) parts.push("last one of " + when(shown.last_enrolled));
  if (shown.note) parts.push(shown.note);
  $("person-facts").textContent = parts.join(", ");
  $("rows").replaceChildren(...shown.row_list.map(row_item));
  if (!$("person").open) $("person").showModal();
}

function row_item(row, index) {
  const what = row.counter_example ? "Counter-example" : `Picture ${index + 1}`;
  const source = row.picture && "/api/picture?" + query({ row: row.id });
  const facts = [row.quality === null ? null : `quality ${row.quality.toFixed(2)}`, row.time && when(row.time)].filter(Boolean).join(", ");
  return el("li", { data: { key: row.id } }, face(source, row.counter_example ? "–" : String(index + 1), what),
    el("span", {}, row.source || what, el("small", {}, facts)),
    row.counter_example || state.read_only ? null
      : el("button", { type: "button", class: "danger", "aria-label": `Remove ${what}, ${row.source}`, on: { click: () => remove_row(row) } }, "Remove"));
}

async function remove_row(row) {
  if (shown.rows === 1 && !(await confirm_that("Remove the last picture?", `With it ${shown.name} is forgotten.`, "Remove both"))) return;
  const done = await attempt(() => ask("/api/people/remove-rows", { id: shown.id, version: shown.version, rows: [row.id] }));
  if (done && shown.rows === 1) $("person").close();
  else if (done) await attempt(() => open_person(shown.id));
  await refresh();
}

async function rename_person() {
  const name = $("rename-to").value;
  const done = await attempt(() => ask("/api/people/rename", { id: shown.id, version: shown.version, name }));
  if (done) {
    await attempt(() => open_person(shown.id));
    say(`The name is ${shown.name} now.`);
  }
  await refresh();
}

/** Who is called exactly so, as the server knows the person now; null for nobody. */
async function find_person(name) {
  const wanted = name.trim().normalize("NFC");
  const found = await ask("/api/names?" + query({ query: wanted }));
  return found.people.find((person) => person.name === wanted) || null;
}

async function known_person(name) {
  const person = await find_person(name);
  if (person === null) throw new Problem(`Nobody is called ${name}.`, "nobody");
  return person;
}

async function merge_person() {
  const done = await attempt(async () => {
    const into = await known_person($("merge-into").value);
    if (into.id === shown.id) throw new Problem("That is the same person already.", "same");
    if (!(await confirm_that(`Is ${shown.name} the same person as ${into.name}?`,
      `All pictures become those of ${into.name}. This cannot be undone.`, "Make one of both"))) throw new Problem("Nothing was changed.", "no");
    await ask("/api/people/merge", { id: shown.id, version: shown.version, into: { id: into.id, version: into.version } });
    $("person").close();
    say(`${shown.name} is ${into.name} now.`);
  });
  await refresh();
  return done;
}

async function remove_person() {
  const name = shown.name;
  if (!(await confirm_that(`Remove ${name}?`, `${count(shown.rows, "picture")} and all that is known of ${name} go. This cannot be undone.`, "Remove"))) return;
  if (await attempt(() => ask("/api/people/remove", { id: shown.id, version: shown.version }))) {
    $("person").close();
    say(`${name} was removed.`);
  }
  await refresh();
}

// ---- Enrolment

let enrolling = { id: "", name: "" };  // Who gets the pictures; without an id somebody new.
let camera = null;

function open_enrol(person) {
  enrolling = person ? { id: person.id, name: person.name } : { id: "", name: "" };
  $("enrol-title").textContent = person ? `Add pictures of ${person.name}` : "Add a person";
  $("enrol-name").value = enrolling.name;
  $("enrol-name").parentElement.hidden = Boolean(person);
  $("enrolled").replaceChildren();
  $("enrol").showModal();
}

async function send_picture(file, name, anyway) {
  if (file.size > state.most_bytes) throw new Problem(`it has more than ${Math.floor(state.most_bytes / 1048576)} MB`, "size");
  const address = "/api/enrol?" + query({ name: enrolling.name, id: enrolling.id, file: name, anyway });
  let reply;
  try {
    reply = await fetch(address, { method: "POST", body: file, headers: { "Content-Type": "application/octet-stream", "X-Page-Token": state.page_token } });
  } catch {
    throw new Problem("the server does not answer, or refused so large a file", "network");
  }
  const person = await reply_of(reply);
  enrolling.id = person.id;
  return person;
}

/** One picture, with a line that says what became of it. */
async function enrol_one(file, name) {
  const line = el("span", {}, `${name}: being read …`);
  $("enrolled").append(el("li", {}, line));
  const send = async (anyway) => {
    const person = await send_picture(file, name, anyway);
    line.className = "good";
    line.textContent = `${name}: enrolled, quality ${person.quality.toFixed(2)}`;
  };
  try {
    try {
      await send("");
    } catch (problem) {
      if (problem.code !== "looks-like") throw problem;
      if (!(await confirm_that("Is this the right person?", `${name}: ${problem.message}, and is to be enrolled as ${enrolling.name}.`, "Enrol it")))
        throw new Problem("left out: " + problem.message, "no");
      await send("yes");
    }
  } catch (problem) {
    line.className = "error";
    line.textContent = `${name}: ${problem.message}`;
  }
}

async function enrol_files(files) {
  if (!enrolling.id) {
    enrolling.name = $("enrol-name").value.trim().normalize("NFC");
    if (!$("enrol-name").reportValidity()) return;
    const known = await find_person(enrolling.name);
    if (known) {
      if (!(await confirm_that(`Is it the ${known.name} whom we know?`, "The pictures are added to those of that person.", "Yes"))) return;
      enrolling.id = known.id;
    }
  }
  // One after another: the second one is added to the person whom the first one makes.
  for (const file of files) await enrol_one(file, file.name);
  await refresh();
  if (shown && shown.id === enrolling.id && $("person").open) await attempt(() => open_person(shown.id));
}

async function camera_on() {
  await attempt(async () => {
    if (!navigator.mediaDevices) throw new Problem("Browsers lend the camera only to pages of this computer (localhost) or with https.", "camera");
    try {
      camera = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1280 }, height: { ideal: 960 }, facingMode: "user" } });
    } catch (error) {
      throw new Problem(`The camera cannot be used: ${error.message}`, "camera");
    }
    $("video").srcObject = camera;
    await $("video").play();
    $("camera").hidden = false;
    $("shoot").focus();
  });
}

function camera_off() {
  if (camera) for (const track of camera.getTracks()) track.stop();
  camera = null;
  $("video").srcObject = null;
  $("camera").hidden = true;
}

async function shoot() {
  const canvas = el("canvas", { width: $("video").videoWidth, height: $("video").videoHeight });
  canvas.getContext("2d").drawImage($("video"), 0, 0);
  const picture = await new Promise((resolve) => { canvas.toBlob(resolve, "image/jpeg", 0.95); });
  await attempt(() => enrol_files([new File([picture], `camera ${new Date().toLocaleString()}.jpg`)]));
}

function wire_enrolment() {
  $("add-person").addEventListener("click", () => open_enrol(null));
  $("add-pictures").addEventListener("click", () => open_enrol(shown));
  $("files").addEventListener("change", async () => {
    const files = [...$("files").files];
    await attempt(() => enrol_files(files));
    $("files").value = "";
  });
  $("drop").addEventListener("dragover", (event) => {
    event.preventDefault();
    $("drop").classList.add("over");
  });
  $("drop").addEventListener("dragleave", () => $("drop").classList.remove("over"));
  $("drop").addEventListener("drop", (event) => {
    event.preventDefault();
    $("drop").classList.remove("over");
    const files = [...event.dataTransfer.files];
    attempt(() => enrol_files(files));
  });
  $("camera-on").addEventListener("click", camera_on);
  $("camera-off").addEventListener("click", camera_off);
  $("shoot").addEventListener("click", shoot);
  $("enrol").addEventListener("close", camera_off);
}

// ---- Strangers

let strangers = [];

async function load_strangers(more) {
  const offset = more ? strangers.length : 0;
  const most = more ? PAGE : Math.min(200, Math.max(PAGE, strangers.length));
  const found = await ask("/api/strangers?" + query({ offset, most }));
  strangers = more ? strangers.concat(found.strangers) : found.strangers;
  $("strangers-count").textContent = found.found === 0 ? "There are no strangers." : count(found.found, "stranger") + ", most recent first";
  $("strangers-more").hidden = strangers.length >= found.found;
  fill($("strangers"), strangers, (stranger) => stranger.stranger, stranger_card);
}

function stranger_card(stranger) {
  const label = stranger.stranger;
  const source = stranger.picture && "/api/strangers/picture?" + query({ stranger: label });
  const name = el("input", { required: true, maxLength: 256, autocomplete: "off", "aria-label": `Who ${label} is`, placeholder: "Who is it?" });
  name.setAttribute("list", "known");
  const form = el("form", { class: "bar" }, el("div", { class: "grow" }, name), el("button", { class: "primary", "aria-label": `Save the name of ${label}` }, "Save"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    name_stranger(label, name);
  });
  const others = el("div", { class: "bar" },
    el("button", { type: "button", "aria-label": `Say who ${label} is not`, on: { click: () => open_reject(label) } }, "Not …"),
    el("button", { type: "button", "aria-label": `Dismiss ${label}`, on: { click: () => dismiss(label) } }, "Dismiss"));
  return el("li", { class: "card" }, el("div", { class: "stranger" }, face(source, "?", label),
    el("span", {}, el("strong", {}, label), el("small", {}, "last seen " + when(stranger.last_seen)),
      el("small", {}, "first seen " + when(stranger.first_seen)),
      el("small", {}, [count(stranger.tracks, "time"), ...stranger.cameras].join(", "))),
    state.read_only ? null : form, state.read_only ? null : others));
}

async function name_stranger(label, field) {
  const done = await attempt(async () => {
    const person = await find_person(field.value);
    if (person === null) {
      await ask("/api/strangers/name", { stranger: label, name: field.value });
    } else {
      if (!(await confirm_that(`Is ${label} ${person.name}?`, `${person.name} is in the gallery and gets these pictures too.`, "Yes"))) throw new Problem("Nothing was changed.", "no");
      await ask("/api/strangers/merge", { stranger: label, into: { id: person.id, version: person.version } });
    }
    say(`${label} is ${field.value.trim()} now.`);
    field.value = "";
  });
  await refresh();
  if (done) $("main").focus();
}

async function dismiss(label) {
  if (!(await confirm_that(`Dismiss ${label}?`, "Who comes again is a new stranger.", "Dismiss"))) return;
  await attempt(() => ask("/api/strangers/dismiss", { stranger: label }));
  await refresh();
  $("main").focus();
}

function open_reject(label) {
  rejected = label;
  $("reject-title").textContent = `Who ${label} is not`;
  $("reject-name").value = "";
  $("reject").showModal();
}

async function reject() {
  await attempt(async () => {
    const person = await known_person($("reject-name").value);
    await ask("/api/strangers/reject", { stranger: rejected, person: { id: person.id, version: person.version } });
    $("reject").close();
    say(`${rejected} is not ${person.name}.`);
  });
}

// ---- Events

let events = [];
const MOST_EVENTS = 500;
const WHAT = { appeared: "came", named: "was recognised", renamed: "is somebody else", lost: "left" };

function event_filter() {
  const filter = { person: $("events-person").value.trim(), from: "", to: "" };
  const [year, month, day] = $("events-day").value.split("-").map(Number);
  if (year) {
    filter.from = new Date(year, month - 1, day).toISOString();
    filter.to = new Date(year, month - 1, day + 1).toISOString();
  }
  return filter;
}

function is_wanted(event) {
  const filter = event_filter();
  return (!filter.person || [event.label, event.previous_label, event.stranger].includes(filter.person)) &&
    (!filter.from || (event.utc >= filter.from && event.utc < filter.to));
}

async function load_events(more) {
  const filter = event_filter();
  $("events-csv").href = "/api/events.csv?" + query(filter);
  const before = more && events.length ? events[events.length - 1].number : "";
  const found = await ask("/api/events?" + query({ ...filter, before, most: 100 }));
  events = more ? events.concat(found.events) : found.events;
  $("events-more").hidden = found.events.length < 100;
  show_events();
}

function show_events() {
  $("events-count").textContent = events.length ? count(events.length, "event") + " shown, new ones come by themselves" : "No such event yet.";
  fill($("events").tBodies[0], events, (event) => String(event.number), (event) => {
    const who = event.named ? el("span", { class: "known" }, event.label) : el("span", {}, event.stranger || "unknown");
    const what = (WHAT[event.event] || event.event) + (event.event === "renamed" && event.previous_label ? `, before ${event.previous_label}` : "") +
      (event.reason ? ` (${event.reason})` : "");
    return el("tr", {}, el("td", {}, when(event.utc)), el("td", {}, who), el("td", {}, what), el("td", {}, event.camera));
  });
}

// ---- Check

const FINDINGS = {
  same_person: ["Two people who may be one", (one) => `${iso(one.name)} and ${iso(one.other)}, distance ${one.distance.toFixed(3)}`],
  two_people: ["A name that may hold two people", (one) => `${iso(one.name)}: ${one.more} and ${one.fewer} pictures, distance ${one.distance.toFixed(3)}`],
  far_rows: ["Pictures far from their own person", (one) => `${iso(one.name)}: ${iso(one.source || one.row)}, distance ${one.distance.toFixed(3)}`],
  near_duplicates: ["Near-duplicates", (one) => `${iso(one.name)}: ${iso(one.source || one.row)}, as a picture of ${iso(one.other)}`],
  few_rows: ["Few pictures", (one) => `${iso(one.name)}: ${count(one.rows, "picture")}`],
  poor_rows: ["Poor pictures alone", (one) => `${iso(one.name)}: best quality ${one.best_quality.toFixed(2)}`],
};

function look_button(name) {
  return el("button", { type: "button", "aria-label": `Look at ${name}`, on: { click: () => attempt(async () => open_person((await known_person(name)).id)) } }, "Look");
}

async function load_check() {
  $("check-count").textContent = "Checking …";
  const report = await ask("/api/check");
  const rates = report.leave_one_out;
  const percent = (part) => (part === null ? "nobody" : (100 * part).toFixed(2) + " %");
  $("check-count").textContent = report.rows === 0 ? "Nobody is enrolled yet."
    : `${count(report.people, "person", "people")}, ${count(report.rows, "picture")}. Each picture left out in turn at the threshold of ` +
      `${report.threshold.toFixed(3)}: ${percent(rates.miss_rate)} would be missed, ${percent(rates.false_match_rate)} taken for somebody else.`;
  const kinds = Object.entries(FINDINGS).filter(([kind]) => report.findings[kind].count > 0);
  if (kinds.length === 0 && report.rows > 0) $("check-count").textContent += " Nothing was found that should be looked at.";
  $("check").replaceChildren(...kinds.map(([kind, [title, text]]) => {
    const found = report.findings[kind];
    const lines = found.first.map((one) => {
      const names = [...new Set([one.name, one.other].filter(Boolean))];
      return el("li", {}, el("span", {}, text(one)), ...names.map(look_button));
    });
    if (found.count > lines.length) lines.push(el("li", { class: "quiet" }, `and ${found.count - lines.length} more`));
    return el("section", { class: "finding" }, el("h2", {}, title, el("span", {}, String(found.count))),
      el("ul", { class: "list" }, ...lines));
  }));
}

// ---- The page

const LOAD = { people: load_people, strangers: load_strangers, events: load_events, check: load_check };

async function refresh() {
  if (tab === "events" || tab === "check" || $("check-in").open) return;
  try {
    await LOAD[tab](false);
  } catch (problem) {
    say(problem.message);
  }
}

function show_tab() {
  const wanted = location.hash.slice(1);
  const link = [...$("tabs").children].find((one) => one.dataset.tab === wanted && !one.hidden);
  tab = link ? wanted : "people";
  for (const one of $("tabs").children) {
    if (one.dataset.tab === tab) one.setAttribute("aria-current", "page");
    else one.removeAttribute("aria-current");
    $("section-" + one.dataset.tab).hidden = one.dataset.tab !== tab;
  }
  $("title").textContent = document.title = TITLES[tab];
  return attempt(() => LOAD[tab](false));
}

function listen() {
  const live = new EventSource("/api/live");
  live.addEventListener("changed", () => {
    if (!document.querySelector("dialog[open]")) refresh();
  });
  live.addEventListener("events", (message) => {
    const fresh = JSON.parse(message.data).events.filter(is_wanted).reverse();
    if (tab !== "events" || !fresh.length) return;
    const newest = events.length ? events[0].number : 0;
    events = fresh.filter((event) => event.number > newest).concat(events).slice(0, MOST_EVENTS);
    show_events();
  });
}

function on_submit(form, call) {
  $(form).addEventListener("submit", (event) => {
    event.preventDefault();
    call();
  });
}

let typing = 0;
function after_typing(call) {
  clearTimeout(typing);
  typing = setTimeout(call, 200);
}

async function complete(field) {
  const found = await ask("/api/names?" + query({ query: field.value }));
  $("known").replaceChildren(...found.people.map((person) => el("option", { value: person.name })));
}

function wire() {
  wire_enrolment();
  window.addEventListener("hashchange", show_tab);
  $("search").addEventListener("input", () => after_typing(() => attempt(() => load_people(false))));
  document.addEventListener("input", (event) => {
    if (event.target.getAttribute("list") === "known") attempt(() => complete(event.target));
  });
  for (const name of ["people", "strangers", "events"]) $(name + "-more").addEventListener("click", () => attempt(() => LOAD[name](true)));
  for (const field of ["events-person", "events-day"]) $(field).addEventListener("input", () => after_typing(() => attempt(() => load_events(false))));
  $("check-again").addEventListener("click", () => attempt(load_check));
  on_submit("rename", rename_person);
  on_submit("merge", merge_person);
  on_submit("reject-form", reject);
  $("remove").addEventListener("click", remove_person);
  $("ask-yes").addEventListener("click", () => $("ask").close("yes"));
  $("ask-no").addEventListener("click", () => $("ask").close(""));
  $("check-in").addEventListener("cancel", (event) => event.preventDefault());
  on_submit("check-in-form", async () => {
    try {
      await ask("/api/check-in", { token: $("token").value });
      location.reload();
    } catch (problem) {
      $("check-in-error").textContent = problem.message;
      $("token").select();
    }
  });
}

async function start() {
  wire();
  try {
    state = await ask("/api/state");
  } catch (problem) {
    if (!$("check-in").open) say(problem.message);
    return;
  }
  document.querySelector("[data-tab=strangers]").hidden = !state.strangers;
  document.querySelector("[data-tab=events]").hidden = !state.events;
  $("read-only").hidden = !state.read_only;
  for (const part of document.querySelectorAll(".changing")) part.hidden = state.read_only;
  for (const part of document.querySelectorAll(".enrolling")) part.hidden = state.read_only || !state.enrolment;
  await show_tab();
  listen();
}

start();
