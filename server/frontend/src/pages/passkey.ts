// Passkeys: asks the browser, puts its answer into the form, and sends the form. The buttons are hidden without a script.

import { all, data, one } from "../dom";
import { announce, say } from "../strings";

/** A key as the server writes it: its id in base64url. */
interface WrittenKey {
  id: string;
}

/** The server's options, as WebAuthn has them but with base64url for bytes. */
interface Question {
  ticket: string;
  options: {
    challenge: string;
    user?: { id: string };
    allowCredentials?: WrittenKey[];
    excludeCredentials?: WrittenKey[];
  };
}

const able = window.isSecureContext && typeof PublicKeyCredential === "function";
const toText = (bytes: ArrayBuffer) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const toBytes = (text: string) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));

async function question(form: HTMLFormElement): Promise<Question> {
  const response = await fetch(data(form, "options"), {
    method: "POST",
    headers: { Accept: "application/json", "X-CSRF-Token": one<HTMLInputElement>("[name=csrf_token]", form).value },
  });
  if (!response.ok) throw new Error(`${response.status}`);
  return (await response.json()) as Question;
}

function ready(options: Question["options"]): unknown {
  const keys = (list: WrittenKey[] | undefined) => list?.map((item) => ({ ...item, id: toBytes(item.id) }));
  return {
    ...options,
    challenge: toBytes(options.challenge),
    ...(options.user && { user: { ...options.user, id: toBytes(options.user.id) } }),
    ...(options.allowCredentials && { allowCredentials: keys(options.allowCredentials) }),
    ...(options.excludeCredentials && { excludeCredentials: keys(options.excludeCredentials) }),
  };
}

// PublicKeyCredential.toJSON() is younger than many phones in use.
function answerOf(credential: PublicKeyCredential): string {
  const bytes = credential.response as unknown as Record<string, ArrayBuffer | null | undefined>;
  const response: Record<string, string> = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    const part = bytes[name];
    if (part) response[name] = toText(part);
  }
  return JSON.stringify({ id: credential.id, rawId: toText(credential.rawId), type: credential.type, response, clientExtensionResults: {} });
}

function tell(form: HTMLFormElement, id: string): void {
  const problem = one("[data-problem]", form);
  problem.textContent = say(id);
  problem.hidden = false;
  announce(say(id));
}

function problemOf(error: unknown): string {
  const name = error instanceof Error ? error.name : "";
  if (name === "NotAllowedError" || name === "AbortError") return "passkey.stopped";
  return name === "InvalidStateError" ? "passkey.known" : "passkey.failed";
}

async function run(form: HTMLFormElement): Promise<void> {
  const button = one<HTMLButtonElement>("button", form);
  button.disabled = true;
  try {
    const { ticket, options } = await question(form);
    const isNew = form.dataset.passkey === "new";
    const credential = isNew
      ? await navigator.credentials.create({ publicKey: ready(options) as PublicKeyCredentialCreationOptions })
      : await navigator.credentials.get({ publicKey: ready(options) as PublicKeyCredentialRequestOptions });
    one<HTMLInputElement>("[name=ticket]", form).value = ticket;
    one<HTMLInputElement>("[name=answer]", form).value = answerOf(credential as PublicKeyCredential);
    form.submit();
  } catch (error) {
    tell(form, problemOf(error));
    button.disabled = false;
  }
}

for (const form of all<HTMLFormElement>("[data-passkey]")) {
  if (!able) {
    one<HTMLButtonElement>("button", form).disabled = true;
    tell(form, "passkey.unavailable");
  }
  form.hidden = !able && form.dataset.passkey !== "new";
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void run(form);
  });
}
