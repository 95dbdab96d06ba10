/** The style sheet of the HTML report: two colour schemes, one column on a phone, sober on paper. */
import { type Theme, themes } from '../charts/palette.js'

/** `--s0: …; --d0: …; --p0: …`: the colours of the charts, for swatches and the drawing of the lab. */
function series(theme: Theme): string {
  const lists = { s: theme.s, d: theme.d, p: theme.p }
  return Object.entries(lists)
    .flatMap(([name, colours]) => colours.map((colour, place) => `--${name}${place}: ${colour};`))
    .join(' ')
}

const light = `
  --page: #f4f6f9; --card: ${themes.light.card}; --text: ${themes.light.text}; --muted: ${themes.light.muted};
  --line: #dde2ea; --good: ${themes.light.good}; --bad: ${themes.light.bad}; --warn: #946200; --link: #0b5fae;
  --good-soft: #e3f4ea; --bad-soft: #fdeaea; --warn-soft: #fdf3dc; --code: #eef1f5; color-scheme: light; ${series(themes.light)}`

const dark = `
  --page: #0e131b; --card: ${themes.dark.card}; --text: ${themes.dark.text}; --muted: ${themes.dark.muted};
  --line: #2a3341; --good: ${themes.dark.good}; --bad: ${themes.dark.bad}; --warn: #e3b341; --link: #79b8ff;
  --good-soft: #12301f; --bad-soft: #3b1a1c; --warn-soft: #33290f; --code: #0e141d; color-scheme: dark; ${series(themes.dark)}`

export const style = `
:root {${light}}
@media (prefers-color-scheme: dark) { :root:not([data-theme=light]) {${dark}} }
:root[data-theme=dark] {${dark}}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--page); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; overflow-wrap: anywhere; }
main, header.top, footer { max-width: 1120px; margin: 0 auto; padding: 0 20px; }
header.top { padding-top: 28px; }
h1 { font-size: 30px; line-height: 1.2; margin: 0 0 4px; letter-spacing: -.01em; }
h2 { font-size: 20px; line-height: 1.3; margin: 0 0 4px; }
h3 { font-size: 15px; margin: 22px 0 6px; }
p { margin: 4px 0 10px; max-width: 78ch; }
a { color: var(--link); }
.lead { font-size: 17px; color: var(--muted); margin-bottom: 14px; }
.about { color: var(--muted); font-size: 14px; }
.title { display: flex; gap: 16px; align-items: flex-start; justify-content: space-between; }
.chips { display: flex; flex-wrap: wrap; gap: 6px; margin: 0 0 16px; padding: 0; list-style: none; }
.chips li { border: 1px solid var(--line); border-radius: 999px; padding: 1px 11px; font-size: 13px; color: var(--muted);
  background: var(--card); }
.chips b { color: var(--text); font-weight: 600; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 20px 22px; margin: 0 0 18px;
  min-width: 0; }
nav { position: sticky; top: 0; z-index: 2; background: var(--page); border-bottom: 1px solid var(--line); margin: 0 0 18px; }
nav ul { max-width: 1120px; margin: 0 auto; padding: 8px 20px; list-style: none; display: flex; gap: 4px 18px; overflow-x: auto;
  white-space: nowrap; font-size: 14px; }
nav a { color: var(--muted); text-decoration: none; }
nav a:hover { color: var(--text); text-decoration: underline; }
section[id] { scroll-margin-top: 50px; }
button, select { font: inherit; font-size: 14px; color: var(--text); background: var(--card); border: 1px solid var(--line);
  border-radius: 8px; padding: 5px 11px; min-height: 34px; max-width: 100%; }
select { text-overflow: ellipsis; }
button { cursor: pointer; white-space: nowrap; }
button:hover, select:hover { border-color: var(--muted); }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
.choose { display: flex; flex-wrap: wrap; gap: 10px 14px; margin: 10px 0 4px; }
.choose label { display: grid; gap: 2px; font-size: 12px; color: var(--muted); min-width: 0; max-width: 100%; }
.choose select { width: 100%; min-width: 0; }

.banner { border: 2px solid var(--warn); background: var(--warn-soft); border-radius: 12px; padding: 14px 20px; margin: 0 0 18px; }
.banner strong { display: block; font-size: 18px; color: var(--warn); text-transform: uppercase; letter-spacing: .05em; }
.banner ul { margin: 4px 0 0; padding-left: 20px; }
.verdict { display: flex; gap: 12px; align-items: baseline; font-size: 17px; margin: 0 0 14px; flex-wrap: wrap; }
.pill { font-size: 13px; font-weight: 700; letter-spacing: .05em; text-transform: uppercase; border-radius: 6px; padding: 2px 10px; }
.passed, .good { color: var(--good); } .failed, .bad { color: var(--bad); } .unknown, .warn { color: var(--warn); }
.pill.passed { background: var(--good-soft); } .pill.failed { background: var(--bad-soft); }
.pill.unknown { background: var(--warn-soft); } .pill.neutral { background: var(--code); color: var(--muted); }
.checks { list-style: none; margin: 0; padding: 0; }
.checks li { display: grid; grid-template-columns: 26px 1fr; padding: 7px 0; border-top: 1px solid var(--line); }
.checks li:first-child { border-top: 0; }
.checks .mark { font-weight: 700; font-size: 16px; }
.checks .detail { color: var(--muted); font-size: 14px; }
.two { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 0 32px; }

figure { margin: 14px 0 4px; }
figcaption { font-weight: 600; font-size: 15px; margin-bottom: 6px; }
.scroll { overflow-x: auto; max-width: 100%; }
.canvas { position: relative; height: 340px; }
.canvas.tall { height: 400px; }
details { margin: 8px 0 0; font-size: 14px; }
summary { cursor: pointer; color: var(--muted); width: fit-content; }
summary:hover { color: var(--text); }
table { border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums; min-width: 100%; margin: 6px 0; }
th, td { text-align: right; padding: 5px 10px; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { font-weight: 600; color: var(--muted); font-size: 13px; }
th[scope=row], th:first-child, td.left, th.left { text-align: left; }
tbody th[scope=row] { color: var(--text); font-size: 14px; font-weight: 500; }
th[scope=row], td.wide { white-space: normal; min-width: 8em; }
tr.baseline td, tr.baseline th[scope=row] { color: var(--muted); }
tr.group th { text-align: left; color: var(--text); padding-top: 16px; white-space: normal; }
tr.group small { color: var(--muted); font-weight: 400; font-size: 13px; padding-left: 8px; }
td.wide { text-align: left; }
.nowrap tbody th[scope=row] { white-space: nowrap; }
.scroll + .scroll { margin-top: 22px; }
.swatch { display: inline-block; width: 10px; height: 10px; border-radius: 3px; margin-right: 7px; }
pre, code { font: 13px/1.5 ui-monospace, SFMono-Regular, Menlo, "DejaVu Sans Mono", monospace; }
pre { background: var(--code); border: 1px solid var(--line); border-radius: 8px; padding: 12px 14px; overflow-x: auto; margin: 8px 0;
  overflow-wrap: normal; }
.topology { width: 100%; min-width: 640px; max-width: 860px; height: auto; display: block; margin: 4px auto; }
.strip { display: block; color: var(--text); }
.legend { color: var(--muted); font-size: 13px; }
dl.facts { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 4px 18px; margin: 8px 0; font-size: 14px; }
dl.facts dt { color: var(--muted); } dl.facts dd { margin: 0; }
footer { color: var(--muted); font-size: 13px; padding-bottom: 34px; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
[hidden] { display: none !important; }
body.untrusted::after { content: "not a measurement"; position: fixed; inset: 0; display: grid; place-items: center; pointer-events: none;
  font-size: min(9vw, 120px); font-weight: 800; transform: rotate(-24deg); opacity: .06; white-space: nowrap; z-index: 3; }

@media (max-width: 720px) {
  body { font-size: 16px; }
  main, header.top, footer { padding-left: 12px; padding-right: 12px; }
  nav ul { padding-left: 12px; padding-right: 12px; }
  section { padding: 16px 14px; border-radius: 10px; }
  h1 { font-size: 25px; }
  .two { grid-template-columns: minmax(0, 1fr); gap: 18px; }
  th, td { padding: 5px 8px; }
  .canvas { height: 320px; }
  dl.facts { grid-template-columns: minmax(0, 1fr); gap: 0; } dl.facts dd { margin: 0 0 8px; }
}
@media print {
  nav, button, .choose { display: none; }
  section { break-inside: avoid-page; border-color: #ccc; }
}
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
`
