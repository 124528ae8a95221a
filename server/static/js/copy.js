// Buttons that put a text on the clipboard: data-copy-text, and data-copied for what they say then.

for (const button of document.querySelectorAll("[data-copy-text]")) {
  if (!navigator.clipboard) continue; // no https: the text can be marked with a click instead
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copyText);
    button.textContent = button.dataset.copied;
  });
}
