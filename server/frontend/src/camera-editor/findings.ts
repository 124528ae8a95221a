// What the server finds in the text, listed below it; each line number leads to its line.

import { around, one } from "../dom";
import { say } from "../strings";
import type { Code } from "./code";
import type { Problem } from "./server";
import type { Store } from "./store";

/** Keep the list of `root` as the server last saw the text. */
export function listFindings(root: Element, store: Store, code: Code): void {
  store.whenSeen((look) => list(root, look.problems));
  document.addEventListener("click", (event) => {
    const link = around(event, "a[data-line]");
    if (!link) return;
    event.preventDefault();
    code.goTo(Number(link.dataset.line));
  });
}

function list(root: Element, found: readonly Problem[]): void {
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
  one("[data-problems]", root).replaceChildren(...rows);
  one("[data-problems-part]", root).hidden = !found.length;
  one("[data-well]", root).hidden = found.length > 0;
}
