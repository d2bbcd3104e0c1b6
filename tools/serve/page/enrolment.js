// SPDX-License-Identifier: LGPL-2.1-or-later
// Photographs that become pictures of a person.

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
