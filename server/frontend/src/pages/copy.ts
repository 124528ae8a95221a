// Buttons that put a text on the clipboard: data-copy-text, and data-copied for what they say then.

import { all, data } from "../dom";

for (const button of all("[data-copy-text]")) {
  if (!navigator.clipboard) continue; // no https: the text can be marked with a click instead
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(data(button, "copyText"));
    button.textContent = data(button, "copied");
  });
}
