// SPDX-License-Identifier: LGPL-2.1-or-later
// Who came when.

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
  // One that came while the answer was under way stays.
  const newer = events.filter((event) => event.number > found.newest && is_wanted(event));
  events = more ? events.concat(found.events) : newer.concat(found.events);
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
