#include "report/report_assets.hpp"

namespace infoplane::report {

const char* const kReportStyle = R"css(
:root{color-scheme:light dark;--ink:#1c2430;--soft:#586374;--ground:#fff;--page:#f4f6f9;--line:#dde2ea;--mark:#0060a8;--warn:#8a3b00}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.55 system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif}
main{max-width:1240px;margin:0 auto;padding:28px 20px 60px}
h1{font-size:1.7rem;line-height:1.2;margin:0 0 4px}
h2{font-size:1.3rem;margin:40px 0 8px}
h3{font-size:1.05rem;margin:26px 0 6px}
p{margin:.4em 0}
.sub,figcaption,.note{color:var(--soft);font-size:.92rem}
.card{background:var(--ground);border:1px solid var(--line);border-radius:10px;padding:16px 18px;margin:12px 0}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin:14px 0}
.fact{background:var(--ground);border:1px solid var(--line);border-radius:10px;padding:10px 14px}
.fact b{display:block;font-size:1.5rem;line-height:1.25;font-variant-numeric:tabular-nums}
.fact span{color:var(--soft);font-size:.88rem}
.lead{font-size:1.18rem;line-height:1.5;max-width:62em;margin:.6em 0 1em}
.summary h3{margin-top:0}
.summary li{margin:.35em 0}
.summary ul{margin:.3em 0;padding-left:1.2em}
.grid{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,350px),1fr));gap:12px;margin:12px 0}
.planes{grid-template-columns:repeat(auto-fit,minmax(min(100%,430px),1fr))}
figure{margin:0;background:var(--ground);border:1px solid var(--line);border-radius:10px;padding:10px 12px;min-width:0}
figure svg{display:block;width:100%;height:auto;touch-action:pan-y}
.planes figure svg{max-width:680px;margin:0 auto}
.wide{overflow-x:auto}
figure.wide{margin-bottom:12px}
.wide svg{min-width:620px}
figcaption{margin:2px 4px 6px}
.p{stroke:transparent;stroke-width:9}
.p:hover{stroke:currentColor;stroke-width:2}
.legend{display:flex;flex-wrap:wrap;gap:6px 18px;align-items:center;color:var(--soft);font-size:.92rem;margin:6px 0}
.legend svg{width:34px;height:14px;vertical-align:middle;margin-right:6px;display:inline-block}
fieldset{border:0;padding:0;margin:6px 0;display:flex;flex-wrap:wrap;gap:6px;align-items:center}
legend{float:left;color:var(--soft);font-size:.92rem;padding:0;margin-right:8px}
fieldset label{border:1px solid var(--line);background:var(--ground);border-radius:99px;padding:3px 13px;font-size:.92rem;cursor:pointer}
fieldset input{position:absolute;opacity:0}
fieldset label:has(input:checked){border-color:var(--mark);color:var(--mark);font-weight:600}
fieldset label:has(input:focus-visible){outline:2px solid var(--mark);outline-offset:2px}
table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}
caption{text-align:left;color:var(--soft);padding:4px 0}
th,td{padding:3px 12px 3px 0;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
th:first-child,td:first-child{text-align:left}
.header td{text-align:left;white-space:normal;overflow-wrap:anywhere}
thead th{color:var(--soft);font-weight:600;vertical-align:bottom}
details{margin:10px 0}
summary{cursor:pointer;color:var(--mark)}
.warn{border-color:var(--warn);color:var(--warn)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:4px 16px;margin:.4em 0}
dt{font-weight:600}dd{margin:0}
#tip{position:fixed;z-index:9;pointer-events:none;background:var(--ink);color:var(--ground);border-radius:7px;padding:6px 10px;font-size:.85rem;line-height:1.4;max-width:300px;font-variant-numeric:tabular-nums;white-space:pre-line}
[hidden]{display:none!important}
@media (max-width:600px){main{padding:18px 12px 40px}h1{font-size:1.35rem}dl{grid-template-columns:1fr}dd{margin-bottom:6px}figure{padding:6px}.planes .ip text{font-size:16px}.planes .ip .s{font-size:13.5px}.fact b{font-size:1.2rem}}
@media (prefers-color-scheme:dark){:root{--ink:#e6eaf0;--soft:#9aa6b6;--ground:#151b24;--page:#0e131a;--line:#2b3442;--mark:#62b6f2;--warn:#f0a35a}}
@media print{:root{--ink:#1c2430;--soft:#586374;--ground:#fff;--page:#fff;--line:#dde2ea;--mark:#0060a8;--warn:#8a3b00}
body{font-size:11pt}main{max-width:none;padding:0}figure,.card,.fact{break-inside:avoid}fieldset{display:none}.grid{grid-template-columns:1fr 1fr}
h2,h3{break-after:avoid}.wide svg{min-width:0}*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
)css";

const char* const kReportScript = R"js(
"use strict";
(() => {
  const tip = document.getElementById("tip");
  const ns = "http://www.w3.org/2000/svg";
  const show = (event, text) => {
    tip.textContent = text;
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    const x = event.clientX + 16 + box.width > innerWidth ? event.clientX - 16 - box.width : event.clientX + 16;
    const y = event.clientY + 16 + box.height > innerHeight ? event.clientY - 12 - box.height : event.clientY + 16;
    tip.style.left = Math.max(4, x) + "px";
    tip.style.top = Math.max(4, y) + "px";
  };
  const format = v => v === null || v === undefined ? "undefined"
    : v !== 0 && (Math.abs(v) < 1e-3 || Math.abs(v) >= 1e4) ? v.toPrecision(3) : v.toFixed(4);
  const position = (svg, event) => new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
  const nearest = (steps, step) => {
    let best = -1;
    steps.forEach((s, i) => { if (best < 0 || Math.abs(s - step) < Math.abs(steps[best] - step)) best = i; });
    return best;
  };
  const cursor = (svg, data, step) => {
    let line = svg.querySelector(".cur");
    if (!line) {
      line = svg.appendChild(document.createElementNS(ns, "path"));
      line.setAttribute("class", "cur");
    }
    const [first, last, left, right] = data.x;
    const x = last > first ? left + 4 + (step - first) / (last - first) * (right - left - 8) : (left + right) / 2;
    line.setAttribute("d", step === null ? "" : `M${x} ${data.y[0]}V${data.y[1]}`);
  };
  const read = svg => svg.data || (svg.data = JSON.parse(svg.dataset.h));
  const same = svg => [...svg.closest("section").querySelectorAll("svg[data-kind=panel]")];
  const overPanel = (svg, event) => {
    const data = read(svg), [first, last, left, right] = data.x;
    const at = first + (position(svg, event).x - left - 4) / (right - left - 8) * (last - first);
    const all = [...new Set(data.lines.flatMap(l => l.s))];
    const step = all[nearest(all, at)];
    same(svg).forEach(s => cursor(s, read(s), step));
    const rows = data.lines.map(l => {
      const i = l.s.indexOf(step);
      return i < 0 ? null : `${l.n}: ${format(l.v[i])}` + (l.e && l.e[i] !== null ? ` ± ${format(2 * l.e[i])}` : "");
    });
    show(event, [`${data.t}, step ${step}`, ...rows.filter(r => r)].join("\n"));
  };
  const overMap = (svg, event) => {
    const data = read(svg), at = position(svg, event);
    const column = Math.floor((at.x - data.x[0]) / (data.x[1] - data.x[0]) * data.steps.length);
    const row = Math.floor((data.y[1] - at.y) / (data.y[1] - data.y[0]) * data.rows.length);
    if (column < 0 || column >= data.steps.length || row < 0 || row >= data.rows.length) return leave(svg);
    show(event, `${data.rows[row].n}, step ${data.steps[column]}\n${data.t}: ${format(data.rows[row].v[column])}`);
  };
  const overPlane = event => {
    const text = event.target.dataset && event.target.dataset.t;
    if (text) show(event, text.replaceAll("|", "\n")); else tip.hidden = true;
  };
  const leave = svg => {
    tip.hidden = true;
    if (svg.dataset.kind === "panel") same(svg).forEach(s => cursor(s, read(s), null));
  };
  for (const svg of document.querySelectorAll("svg[data-kind]")) {
    const over = svg.dataset.kind === "plane" ? overPlane
      : event => (svg.dataset.kind === "panel" ? overPanel : overMap)(svg, event);
    svg.addEventListener("pointermove", over);
    svg.addEventListener("pointerdown", over);
    svg.addEventListener("pointerleave", () => leave(svg));
  }
  for (const set of document.querySelectorAll("fieldset[data-shows]")) {
    set.hidden = false;
    const choose = () => {
      const chosen = set.querySelector("input:checked").value;
      for (const part of set.closest("section").querySelectorAll(`[data-${set.dataset.shows}]`)) {
        part.hidden = part.dataset[set.dataset.shows] !== chosen;
      }
    };
    set.addEventListener("change", choose);
    choose();
  }
})();
)js";

}  // namespace infoplane::report
