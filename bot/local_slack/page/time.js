// Moments and sizes as people read them.

const moment = (ts) => new Date(Number(ts) * 1000);
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const CLOCK_SECONDS = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });
const DAY = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const DATES = {
  date_num: new Intl.DateTimeFormat("en-CA", { year: "numeric", month: "2-digit", day: "2-digit" }),
  date_short: new Intl.DateTimeFormat(undefined, { year: "numeric", month: "short", day: "numeric" }),
  date: new Intl.DateTimeFormat(undefined, { year: "numeric", month: "long", day: "numeric" }),
  date_long: new Intl.DateTimeFormat(undefined, { dateStyle: "full" }),
};

export const clock = (ts) => CLOCK.format(moment(ts));
export const fullTime = (ts) => FULL.format(moment(ts));
export const dayKey = (ts) => moment(ts).toDateString();

/** "Today", "Yesterday" or "Monday, 5 May". */
export function dayName(ts) {
  return nearDay(ts) ?? DAY.format(moment(ts));
}

function nearDay(ts) {
  const now = new Date();
  const yesterday = new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1);
  if (dayKey(ts) === now.toDateString()) return "Today";
  return dayKey(ts) === yesterday.toDateString() ? "Yesterday" : null;
}

function ago(ts) {
  const seconds = Math.round(Number(ts) - Date.now() / 1000);
  const unit = [
    ["day", 86400],
    ["hour", 3600],
    ["minute", 60],
  ].find(([, size]) => Math.abs(seconds) >= size) ?? ["second", 1];
  return new Intl.RelativeTimeFormat(undefined, { numeric: "auto" }).format(Math.trunc(seconds / unit[1]), unit[0]);
}

/** Slack's `<!date^…>` format string filled in, in the reader's own time zone. */
export function fillDate(ts, format) {
  return format.replace(/\{(\w+?)(_pretty)?\}/g, (whole, name, pretty) => {
    if (name === "time") return clock(ts);
    if (name === "time_secs") return CLOCK_SECONDS.format(moment(ts));
    if (name === "ago") return ago(ts);
    if (!DATES[name]) return whole;
    return (pretty && nearDay(ts)?.toLowerCase()) || DATES[name].format(moment(ts));
  });
}

export function fileSize(bytes) {
  if (!Number.isFinite(bytes)) return "";
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1024 * 1024 ? `${Math.round(bytes / 1024)} kB` : `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}
