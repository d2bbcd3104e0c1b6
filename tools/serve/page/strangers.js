// SPDX-License-Identifier: LGPL-2.1-or-later
// People without a name.

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
