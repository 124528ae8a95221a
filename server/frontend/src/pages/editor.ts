// The YAML editor's gutter, and jumping to the line of a problem. Without this the textarea works as it is.

import { around, data, one } from "../dom";

const editor = one("[data-editor]");
const text = one<HTMLTextAreaElement>("textarea", editor);
const gutter = one(".gutter", editor);
const wrong = new Set(data(editor, "wrong").split(",").filter(Boolean).map(Number));
let lines = 0;

function drawGutter() {
  const count = text.value.split("\n").length;
  if (count !== lines) {
    lines = count;
    gutter.replaceChildren(...Array.from({ length: count }, (_, index) => {
      const mark = document.createElement("span");
      mark.textContent = String(index + 1);
      mark.classList.toggle("wrong", wrong.has(index + 1));
      return mark;
    }));
  }
  gutter.scrollTop = text.scrollTop;
}

function goToLine(line: number) {
  const before = text.value.split("\n").slice(0, line - 1);
  const start = before.join("\n").length + (before.length ? 1 : 0);
  const end = text.value.indexOf("\n", start);
  const height = parseFloat(getComputedStyle(text).lineHeight);
  text.focus({ preventScroll: true });
  text.setSelectionRange(start, end < 0 ? text.value.length : end);
  text.scrollTop = Math.max(0, (line - 1) * height - text.clientHeight / 3);
  editor.scrollIntoView({ block: "nearest" });
}

text.addEventListener("input", drawGutter);
text.addEventListener("scroll", drawGutter);
document.addEventListener("click", (event) => {
  const link = around(event, "a[data-line]");
  if (!link) return;
  event.preventDefault();
  goToLine(Number(link.dataset.line));
});
drawGutter();
