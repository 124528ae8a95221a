// The page's words in the request's language, from the JSON block that the server writes.

const strings = JSON.parse(document.getElementById("strings").textContent);

export function say(id, values = {}) {
  return (strings[id] ?? id).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

export function announce(text) {
  document.getElementById("announce").textContent = text;
}
