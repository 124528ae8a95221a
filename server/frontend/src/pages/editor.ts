// A camera's page: its YAML with completion and findings, and its picture to draw on; both write the same text. Without
// this script the text area and the button that saves work as they are.

import { openCode } from "../camera-editor/code";
import { Panel } from "../camera-editor/panel";
import { Guide, type Schema } from "../camera-editor/schema";
import type { Problem } from "../camera-editor/server";
import { Store } from "../camera-editor/store";
import { around, byId, data, one } from "../dom";
import { say } from "../strings";

const root = one("[data-camera-editor]");
const textarea = one<HTMLTextAreaElement>("textarea[name=yaml]", root);
const problems = one("[data-problems]", root);
const store = new Store(textarea.value);
const schema = (await fetch(data(root, "schema"), { headers: { Accept: "application/json" } }).then((answer) => answer.json())) as Schema;
const presets = JSON.parse(byId("presets").textContent ?? "[]") as string[];

const panel = new Panel(one("[data-drawing]", root), store, (shape) => code.show(shape?.lines ?? []));
const code = openCode(one("[data-code]", root), textarea, { guide: new Guide(schema), store, presets }, (line) => panel.chooseLine(line));
root.classList.add("running");

let isSaved = true;
const changed = (): void => {
  isSaved = false;
  one("[data-save-too]", root).hidden = false;
};
store.whenRewritten(changed);
code.view.dom.addEventListener("input", changed);
one<HTMLFormElement>("form[data-save]", root).addEventListener("submit", () => (isSaved = true)); // or asked with: it comes back
addEventListener("beforeunload", (event) => {
  if (!isSaved) event.preventDefault();
});

store.whenSeen((look) => list(look.problems));
void store.refresh();

function list(found: readonly Problem[]): void {
  const rows = found.map((problem) => {
    const [row, where, link, path, what, remedy] = ["li", "div", "a", "code", "div", "div"].map((name) => document.createElement(name)) as [HTMLLIElement, HTMLElement, HTMLAnchorElement, HTMLElement, HTMLElement, HTMLElement];
    Object.assign(link, { href: "#yaml", textContent: say("editor.line", { line: String(problem.line) }) });
    link.dataset.line = String(problem.line);
    path.textContent = problem.path;
    what.textContent = problem.message;
    Object.assign(remedy, { className: "remedy", textContent: `→ ${problem.remedy}` });
    where.append(link, " ", path);
    row.append(where, what, remedy);
    return row;
  });
  problems.replaceChildren(...rows);
  one("[data-problems-part]", root).hidden = !found.length;
  one("[data-well]", root).hidden = found.length > 0;
}

document.addEventListener("click", (event) => {
  const preset = around(event, "[data-preset]");
  if (preset) return panel.usePreset(data(preset, "preset"));
  const link = around(event, "a[data-line]");
  if (!link) return;
  event.preventDefault();
  code.goTo(Number(link.dataset.line));
});
