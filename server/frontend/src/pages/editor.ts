// A camera's page: its YAML with completion and findings, and its picture to draw on; both write the same text. Without
// this script the text area and the button that saves work as they are.

import { openCode } from "../camera-editor/code";
import { listFindings } from "../camera-editor/findings";
import { Panel } from "../camera-editor/panel";
import { Guide, type Schema } from "../camera-editor/schema";
import { Store } from "../camera-editor/store";
import { around, byId, data, one } from "../dom";

const root = one("[data-camera-editor]");
const textarea = one<HTMLTextAreaElement>("textarea[name=yaml]", root);
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

listFindings(root, store, code);
void store.refresh();

document.addEventListener("click", (event) => {
  const preset = around(event, "[data-preset]");
  if (preset) void panel.usePreset(data(preset, "preset"));
});
