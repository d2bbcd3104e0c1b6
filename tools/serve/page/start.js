// SPDX-License-Identifier: LGPL-2.1-or-later
// Tabs, what happens live, and the beginning.

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
  const wanted = location.hash.slice(2);
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
  // What came before it was listened to, or while it was not, since the server was started again.
  live.addEventListener("open", () => attempt(async () => {
    state = await ask("/api/state");
    events = [];
    if (tab === "events") await load_events(false);
  }));
  live.addEventListener("changed", () => {
    if (!document.querySelector("dialog[open]")) refresh();
  });
  live.addEventListener("events", (message) => {
    if (tab !== "events") return;
    const piece = JSON.parse(message.data);
    // More came at once than a piece holds.
    if (piece.left_out) return attempt(() => load_events(false));
    const fresh = piece.events.filter(is_wanted).reverse();
    if (!fresh.length) return;
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
  window.addEventListener("hashchange", () => {
    if (location.hash.startsWith("#/")) show_tab();
  });
  // The card that opened the dialog may have been made anew meanwhile.
  $("person").addEventListener("close", () => {
    const at = document.activeElement;
    const elsewhere = at !== document.body && !$("person").contains(at) && at.checkVisibility();
    if (elsewhere || document.querySelector("dialog[open]")) return;
    const card = [...$("people").children].find((one) => shown && one.dataset.key === shown.id);
    (card ? card.querySelector("button") : $("main")).focus();
  });
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
