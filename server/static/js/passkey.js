// Passkeys: asks the browser, puts its answer into the form, and sends the form. The buttons are hidden without a script.

import { announce, say } from "./strings.js";

const able = window.isSecureContext && typeof PublicKeyCredential === "function";
const toText = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const toBytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));

async function question(form) {
  const response = await fetch(form.dataset.options, {
    method: "POST",
    headers: { Accept: "application/json", "X-CSRF-Token": form.elements.csrf_token.value },
  });
  if (!response.ok) throw new Error(`${response.status}`);
  return response.json();
}

function ready(options) {
  const made = { ...options, challenge: toBytes(options.challenge) };
  if (options.user) made.user = { ...options.user, id: toBytes(options.user.id) };
  for (const name of ["allowCredentials", "excludeCredentials"]) {
    if (options[name]) made[name] = options[name].map((item) => ({ ...item, id: toBytes(item.id) }));
  }
  return made;
}

// PublicKeyCredential.toJSON() is younger than many phones in use.
function answerOf(credential) {
  const response = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[name]) response[name] = toText(credential.response[name]);
  }
  return JSON.stringify({ id: credential.id, rawId: toText(credential.rawId), type: credential.type, response, clientExtensionResults: {} });
}

function tell(form, id) {
  const problem = form.querySelector("[data-problem]");
  problem.textContent = say(id);
  problem.hidden = false;
  announce(say(id));
}

async function run(form) {
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    const { ticket, options } = await question(form);
    const publicKey = ready(options);
    const isNew = form.dataset.passkey === "new";
    const credential = await (isNew ? navigator.credentials.create({ publicKey }) : navigator.credentials.get({ publicKey }));
    form.elements.ticket.value = ticket;
    form.elements.answer.value = answerOf(credential);
    form.submit();
  } catch (error) {
    const known = { NotAllowedError: "passkey.stopped", AbortError: "passkey.stopped", InvalidStateError: "passkey.known" };
    tell(form, known[error.name] ?? "passkey.failed");
    button.disabled = false;
  }
}

for (const form of document.querySelectorAll("[data-passkey]")) {
  if (!able) {
    form.querySelector("button").disabled = true;
    tell(form, "passkey.unavailable");
  }
  form.hidden = !able && form.dataset.passkey !== "new";
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    run(form);
  });
}
