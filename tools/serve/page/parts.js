// SPDX-License-Identifier: LGPL-2.1-or-later
// What all parts of the page use: nodes, requests, questions and lists. The files of this folder are one script, in the order of meson.build.
// Whatever comes from a gallery or a file becomes text by textContent alone, and is never read as markup.
"use strict";

const $ = (id) => document.getElementById(id);
let state = {};         // What /api/state said.
let shown = null;       // The person whose dialog is open.
let rejected = null;    // The stranger whose "not …" dialog is open.
let tab = "";
const TITLES = { people: "People", strangers: "Strangers", events: "Events", check: "Check" };
const PAGE = 60;

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
