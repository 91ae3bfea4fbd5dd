/** The page's style sheet. Colours hold 4.5 : 1 against their ground for text, and 3 : 1 for lines, in the light and in the dark. */

export const STYLE = `
:root{color-scheme:light dark;--ground:#fff;--ink:#1b1d21;--soft:#565b64;--line:#c9cdd4;--panel:#f5f6f8;--good:#00652f;--bad:#a00020;--doubt:#7a4d00;--late:#7a5c00;
--c0:#0060a0;--c1:#b84600;--c2:#00795a;--c3:#a0457c;--c4:#7a5c00;--c5:#444}
@media (prefers-color-scheme:dark){:root{--ground:#15171b;--ink:#e8eaed;--soft:#a9afb9;--line:#454a53;--panel:#1e2126;--good:#5fd38d;--bad:#ff8a94;--doubt:#f0bd62;--late:#e8c55a;
--c0:#62b4f0;--c1:#ff9a5a;--c2:#3ecfa3;--c3:#e69ac6;--c4:#e0c060;--c5:#c8ccd2}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
header,main,footer{max-width:2200px;margin:0 auto;padding:0 clamp(12px,2.5vw,40px)}
header{padding-top:20px}
h1{font-size:1.35rem;line-height:1.3;margin:0 0 8px;overflow-wrap:anywhere}
h2{font-size:1.1rem;margin:0}
p{margin:4px 0 10px;max-width:75ch}
.verdict{font-size:1.15rem}
strong.good{color:var(--good)}
strong.bad{color:var(--bad)}
strong.doubt{color:var(--doubt)}
.doubts{border:1px solid var(--doubt);border-left-width:6px;background:var(--panel);padding:8px 14px;margin:12px 0}
.doubts ul{margin:4px 0;padding-left:20px;overflow-wrap:anywhere}
.group{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,720px),1fr));gap:20px 36px;align-items:start;margin:16px 0}
.tables{grid-template-columns:repeat(auto-fit,minmax(min(100%,640px),1fr))}
figure,.tables>div{margin:0;min-width:0}
.scroll{overflow-x:auto;margin:0 0 6px}
.scroll:focus-visible,summary:focus-visible{outline:3px solid var(--c0);outline-offset:2px}
table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}
caption{text-align:left;font-weight:600;padding:4px 0}
th,td{padding:3px 10px;border-bottom:1px solid var(--line);white-space:nowrap;font-weight:400;text-align:left}
thead th{color:var(--soft);border-bottom-width:2px}
.right{text-align:right}
.note{color:var(--soft);font-size:.9rem}
details{margin:6px 0}
summary{cursor:pointer;padding:6px 0}
.long{grid-column:1/-1}
details .scroll,.long .scroll{max-height:480px;overflow:auto}
details thead th,.long thead th{position:sticky;top:0;background:var(--ground)}
figure .wide,figure .narrow{display:block;width:100%;max-width:1240px;height:auto}
svg text{fill:var(--ink)}
svg .halo{paint-order:stroke;stroke:var(--ground);stroke-width:4px;fill:var(--soft)}
svg .grid{stroke:var(--line)}
.c0{stroke:var(--c0)}.c1{stroke:var(--c1)}.c2{stroke:var(--c2)}.c3{stroke:var(--c3)}.c4{stroke:var(--c4)}.c5{stroke:var(--c5)}
.thin path{stroke-width:1.2px}
svg .lost{fill:var(--bad)}
svg .late{fill:var(--late)}
svg .dot{fill:var(--ink)}
svg .bound{stroke:var(--bad)}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:2px 18px;margin:4px 0;padding:0;font-size:.9rem;overflow-wrap:anywhere}
.legend svg{vertical-align:middle}
.narrow{display:none!important}
footer{color:var(--soft);font-size:.9rem;padding-top:8px;padding-bottom:28px;overflow-wrap:anywhere}
@media screen and (max-width:640px){table{font-size:.82rem}th,td{padding:3px 4px}.tables td:last-child{white-space:normal}.wide{display:none!important}figure .narrow{display:block!important}}
@media print{:root{color-scheme:light;--ground:#fff;--ink:#000;--soft:#333;--line:#999;--panel:#fff;--good:#00652f;--bad:#a00020;--doubt:#7a4d00;--late:#7a5c00;
--c0:#0060a0;--c1:#b84600;--c2:#00795a;--c3:#a0457c;--c4:#7a5c00;--c5:#444}
.group{display:block}figure,.tables>div{margin-bottom:16px}figcaption,figure svg,tr{break-inside:avoid}
.scroll,details .scroll,.long .scroll{max-height:none;overflow:visible}table{font-size:.75rem}th,td{padding:2px 6px}}
`;

/** SHA-256 of {@link STYLE} in base64, for the page's policy: a test compares it. */
export const STYLE_HASH = 'EHGiwxGOf7eQbSYTcy2VEeTg6XT1aJBA84mrHWepfNM=';
