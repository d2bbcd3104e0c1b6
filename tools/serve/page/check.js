// SPDX-License-Identifier: LGPL-2.1-or-later
// What is wrong with the gallery.

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
