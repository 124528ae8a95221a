// The YAML editor: CodeMirror with completion and hover from the schema, and the server's findings at their lines.

import { autocompletion, closeBrackets, completionKeymap, type CompletionContext, type CompletionResult } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { HighlightStyle, bracketMatching, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { type Diagnostic, lintGutter, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { EditorState, StateEffect, StateField, type Range } from "@codemirror/state";
import { Decoration, type DecorationSet, EditorView, drawSelection, highlightActiveLine, hoverTooltip, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";

import { say } from "../strings";
import { type Guide, brief } from "./schema";
import type { Problem } from "./server";
import type { Store } from "./store";
import { keysOf, placeAt, valueAt } from "./yaml-path";

const showLines = StateEffect.define<number[]>();

const chosenLines = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(marks, transaction) {
    let now = marks.map(transaction.changes);
    for (const effect of transaction.effects)
      if (effect.is(showLines)) {
        const [first = 0, last = -1] = effect.value;
        const lines: Range<Decoration>[] = [];
        for (let line = first; line <= Math.min(last, transaction.state.doc.lines); line++)
          lines.push(Decoration.line({ class: "chosen" }).range(transaction.state.doc.line(line).from));
        now = Decoration.set(lines);
      }
    return now;
  },
  provide: (field) => EditorView.decorations.from(field),
});

const colours = HighlightStyle.define([
  { tag: [tags.definition(tags.propertyName), tags.propertyName], color: "var(--link)", fontWeight: "600" },
  { tag: tags.comment, color: "var(--ink-soft)", fontStyle: "italic" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--sky)" },
  { tag: [tags.number, tags.bool, tags.null, tags.keyword], color: "var(--amber)" },
]);

const look = EditorView.theme({
  "&": { height: "100%", backgroundColor: "var(--surface)", color: "var(--ink)", fontSize: ".875rem" },
  "&.cm-focused": { outline: "3px solid var(--focus)", outlineOffset: "-3px" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.55" },
  ".cm-content": { caretColor: "var(--ink)" },
  ".cm-cursor": { borderLeftColor: "var(--ink)", borderLeftWidth: "2px" },
  ".cm-gutters": { backgroundColor: "var(--sunken)", color: "var(--ink-soft)", border: "0" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "transparent" },
  ".chosen": { backgroundColor: "var(--leaf-soft)" },
  "&.cm-focused .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "var(--amber-soft) !important" },
  ".cm-tooltip": { backgroundColor: "var(--surface)", color: "var(--ink)", border: "1px solid var(--line-strong)", borderRadius: "8px", maxWidth: "26rem" },
  ".cm-tooltip-autocomplete > ul > li[aria-selected]": { backgroundColor: "var(--leaf)", color: "var(--on-leaf)" },
  ".cm-tooltip.cm-completionInfo, .hover": { padding: ".5rem .7rem", fontFamily: "var(--font)", lineHeight: "1.45" },
  ".cm-completionDetail": { color: "inherit", opacity: "1", fontStyle: "normal", marginInlineStart: "1rem" },
  ".cm-diagnostic": { fontFamily: "var(--font)", padding: ".4rem .6rem" },
  ".cm-panels": { backgroundColor: "var(--sunken)", color: "var(--ink)" },
});

export interface Code {
  view: EditorView;
  /** Mark the lines of what is chosen on the picture, and bring them into sight. */
  show(lines: number[]): void;
  /** Put the cursor on a line. */
  goTo(line: number): void;
}

export interface Words {
  guide: Guide;
  store: Store;
  presets: readonly string[];
}

/** An editor in the place of `textarea`, which stays the form's field. */
export function openCode(host: HTMLElement, textarea: HTMLTextAreaElement, words: Words, onLine: (line: number) => void): Code {
  const { store } = words;
  // In a shadow root the editor's styles are constructed sheets: the page's policy lets no <style> in.
  const root = host.attachShadow({ mode: "open" });
  let isRewriting = false;
  const view = new EditorView({
    root,
    parent: root,
    state: EditorState.create({
      doc: textarea.value,
      extensions: [
        lineNumbers(), history(), drawSelection(), highlightActiveLine(), bracketMatching(), closeBrackets(), search({ top: true }),
        highlightSelectionMatches(), yaml(), indentUnit.of("  "), syntaxHighlighting(colours), look, chosenLines, lintGutter(),
        EditorState.phrases.of(phrases()),
        autocompletion({ override: [(context) => complete(context, words)], icons: false }),
        hoverTooltip((at, position) => hover(at, position, words)),
        keymap.of([...completionKeymap, ...searchKeymap, ...historyKeymap, ...defaultKeymap, indentWithTab]),
        EditorView.contentAttributes.of({
          "aria-label": textarea.getAttribute("aria-label") ?? "", "aria-description": say("editor.leave"), spellcheck: "false", tabindex: "0", // so that who scrolls by keys can
        }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) textarea.value = update.state.doc.toString();
          if (update.docChanged && !isRewriting) store.typed(textarea.value);
          if ((update.selectionSet || update.docChanged) && !isRewriting)
            onLine(update.state.doc.lineAt(update.state.selection.main.head).number);
        }),
      ],
    }),
  });
  textarea.hidden = true;
  store.whenRewritten((text) => {
    isRewriting = true;
    view.dispatch({ changes: difference(view.state.doc.toString(), text), userEvent: "input.draw" });
    isRewriting = false;
  });
  store.whenSeen(({ problems }) => view.dispatch(setDiagnostics(view.state, problems.map((problem) => diagnostic(view.state, problem)))));
  return {
    view,
    show(lines) {
      const [first = 0] = lines;
      const isThere = first > 0 && first <= view.state.doc.lines;
      const sight = isThere ? [EditorView.scrollIntoView(view.state.doc.line(first).from, { y: "center" })] : [];
      view.dispatch({ effects: [showLines.of(lines), ...sight] });
    },
    goTo(line) {
      const at = view.state.doc.line(Math.min(line, view.state.doc.lines));
      view.dispatch({ selection: { anchor: at.from, head: at.to }, effects: EditorView.scrollIntoView(at.from, { y: "center" }) });
      view.focus();
      host.scrollIntoView({ block: "nearest" });
    },
  };
}

/** The one stretch in which two texts differ: what stands around it, and the cursor, stays where it is. */
function difference(before: string, after: string): { from: number; to: number; insert: string } {
  let start = 0;
  const most = Math.min(before.length, after.length);
  while (start < most && before[start] === after[start]) start++;
  let end = 0;
  while (end < most - start && before[before.length - 1 - end] === after[after.length - 1 - end]) end++;
  return { from: start, to: before.length - end, insert: after.slice(start, after.length - end) };
}

function diagnostic(state: EditorState, problem: Problem): Diagnostic {
  const line = state.doc.line(Math.min(Math.max(problem.line, 1), state.doc.lines));
  const from = line.from + (line.text.length - line.text.trimStart().length);
  return { from, to: line.to, severity: "error", message: `${problem.message} → ${problem.remedy}` };
}

function complete(context: CompletionContext, { guide, store, presets }: Words): CompletionResult | null {
  const place = placeAt(context.state.doc.toString(), context.pos);
  if (!place || (!context.explicit && place.written === "" && place.isKey)) return null;
  const from = context.pos - place.written.length;
  const schemas = guide.at(place.path, place.root);
  if (place.isKey) {
    const written = new Set(keysOf(valueAt(place.root, place.path)).filter((key) => key !== place.written));
    const members = schemas.flatMap((schema) => Object.keys(schema.properties ?? {}));
    const options = [...new Set(members)].filter((key) => !written.has(key)).map((key) => {
      const own = guide.describe([...place.path, key], place.root) ?? {};
      const isRequired = schemas.every((schema) => schema.required?.includes(key));
      return { label: key, apply: `${key}: `, detail: brief(own, []), ...(own.description ? { info: own.description } : {}), boost: isRequired ? 1 : 0, type: "property" };
    });
    return options.length ? { from, options, validFor: /^\w*$/ } : null;
  }
  const known = [...guide.words(schemas), ...names(place.path, store, presets)];
  const options = [...new Set(known)].map((label) => ({ label, type: "constant" }));
  return options.length ? { from, options, validFor: /^[\w-]*$/ } : null;
}

/** Ids of this file and of the site that a value may be. */
function names(path: readonly (string | number)[], store: Store, presets: readonly string[]): string[] {
  const key = String([...path].reverse().find((step) => typeof step === "string"));
  const ids = (section: string): string[] => store.look.shapes.filter((shape) => shape.path[0] === section).map((shape) => String(shape.path[1]));
  if (["zones", "into", "from_zone", "to_zone"].includes(key)) return ids("zones");
  if (key === "line") return ids("lines");
  if (key === "signal") return ids("signals");
  if (key === "schedule") return store.look.schedules;
  return key === "preset" ? [...presets] : [];
}

function hover(view: EditorView, position: number, { guide }: Words): { pos: number; end: number; create: () => { dom: HTMLElement } } | null {
  const line = view.state.doc.lineAt(position);
  const word = [...line.text.matchAll(/[\w-]+/g)].find((match) => line.from + match.index <= position && position <= line.from + match.index + match[0].length);
  if (!word) return null;
  const [start, end] = [line.from + word.index, line.from + word.index + word[0].length];
  const place = placeAt(view.state.doc.toString(), end);
  if (!place) return null;
  const path = place.isKey ? [...place.path, word[0]] : place.path;
  const own = guide.describe(path, place.root);
  if (!own?.description) return null;
  return {
    pos: start,
    end,
    create() {
      const dom = document.createElement("div");
      dom.className = "hover";
      const name = document.createElement("b");
      name.textContent = `${path.filter((step) => typeof step === "string").join(".")}  ${brief(own, guide.words(guide.at(path, place.root)))}`;
      const text = document.createElement("div");
      text.textContent = own.description ?? "";
      dom.append(name, text);
      return { dom };
    },
  };
}

function phrases(): Record<string, string> {
  return {
    "Completions": say("editor.completions"), "Diagnostics": say("editor.diagnostics"), "Find": say("editor.find"), "Replace": say("editor.replace"),
    "next": say("editor.next"), "previous": say("editor.previous"), "all": say("editor.all"), "match case": say("editor.match_case"),
    "regexp": say("editor.regexp"), "by word": say("editor.by_word"), "replace": say("editor.replace"), "replace all": say("editor.replace_all"), "close": say("editor.close"),
  };
}
