// The page of two who changed one camera: the text to save in the same editor as on the camera's page, with the server's
// findings. Without this script it is a text area.

import { openCode } from "../camera-editor/code";
import { listFindings } from "../camera-editor/findings";
import { Guide, type Schema } from "../camera-editor/schema";
import { Store } from "../camera-editor/store";
import { data, one } from "../dom";

const root = one("[data-camera-editor]");
const textarea = one<HTMLTextAreaElement>("textarea[name=yaml]", root);
const store = new Store(textarea.value);
const schema = (await fetch(data(root, "schema"), { headers: { Accept: "application/json" } }).then((answer) => answer.json())) as Schema;
const code = openCode(one("[data-code]", root), textarea, { guide: new Guide(schema), store, presets: [] }, () => undefined);
root.classList.add("running");
listFindings(root, store, code);
void store.refresh();
