// SPDX-License-Identifier: LGPL-2.1-or-later
// People: cards, and the dialog of one of them.

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
