/** The page's style sheet: that of a report, and what a report has not. */
import { STYLE } from '../../report/html/style.ts';

export const PAGE_STYLE: string = `${STYLE}
header{display:flex;flex-wrap:wrap;gap:4px 20px;align-items:baseline}
header p{margin:0;max-width:none;flex:1 1 20ch;overflow-wrap:anywhere}
h1{margin:0}
p.good{color:var(--good)}
p.bad{color:var(--bad)}
button{font:inherit;color:inherit;background:var(--panel);border:1px solid var(--soft);border-radius:6px;padding:4px 14px;cursor:pointer}
button[aria-pressed=true]{background:var(--ink);color:var(--ground)}
button:focus-visible{outline:3px solid var(--c0);outline-offset:2px}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(8.5rem,1fr));gap:10px;margin:14px 0}
dl div{border:1px solid var(--line);border-radius:6px;padding:6px 10px}
dt{font-size:.85rem;color:var(--soft)}
dd{margin:0;font-size:1.2rem;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
section{margin:20px 0}
section p{overflow-wrap:anywhere}
.beside{min-width:0}
.beside>section:first-child{margin-top:0}
.ports{display:block;width:100%;max-width:1240px;height:14px;background:var(--panel);outline:1px solid var(--soft);margin:0 0 14px}
.ports .bound{fill:var(--c0)}
.ports .draining{fill:var(--late)}
.ports .foreign{fill:var(--bad)}
.events{list-style:none;margin:0;padding:0;overflow-wrap:anywhere}
.events li{padding:2px 0}
[hidden]{display:none!important}
`;
