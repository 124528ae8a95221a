// Keeps "3 minutes ago" true while a page stays open. Elements carry the moment in data-ago (ISO 8601).

const format = new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: "auto" });
const STEPS = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

export function ago(iso, now = Date.now()) {
  const seconds = Math.min(0, (Date.parse(iso) - now) / 1000);
  const [unit, size] = STEPS.find(([, size]) => -seconds >= size * 0.95) ?? STEPS.at(-1);
  return format.format(Math.round(seconds / size), unit);
}

export function clock(at = new Date()) {
  return at.toLocaleTimeString(document.documentElement.lang, { hour12: false, timeZone: "Asia/Ho_Chi_Minh" });
}

export function refreshAgo(root = document) {
  for (const element of root.querySelectorAll("[data-ago]:not([data-ago=''])")) element.textContent = ago(element.dataset.ago);
}

setInterval(refreshAgo, 15_000);
