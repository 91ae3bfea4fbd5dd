/** The page of `GET /`: one file that loads nothing but its own `/events`, and runs nothing but its own script. */
import { createHash } from 'node:crypto';
import { Html, html, NOTHING } from '../../report/html/markup.ts';
import { pageScript } from './script.ts';
import type { ScriptParts } from './script.ts';
import { PAGE_STYLE } from './style.ts';

export interface Page {
  readonly html: string;
  /** Its Content-Security-Policy: no other script, no other style, nothing from elsewhere. */
  readonly policy: string;
}

export interface PageParts extends ScriptParts {
  /** The command that serves it. */
  readonly command: string;
  /** Behind the table of the calls. */
  readonly sections: Html;
}

export function page({ command, sections, ...parts }: PageParts): Page {
  const script = pageScript(parts);
  return {
    html: html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta name="referrer" content="no-referrer"/>
<title>rtplat ${command}</title>
<link rel="icon" href="data:,"/>
${new Html(`<style>${PAGE_STYLE}</style>`)}
</head>
<body>
<header><h1>rtplat ${command}</h1><p id="health" role="status">Connecting …</p><button id="pause" type="button" aria-pressed="false">Pause</button></header>
<main>
<noscript><p>This page takes a script. The same numbers are under /metrics, /channels, /sla and /health.</p></noscript>
<dl id="totals"></dl>
<p data-piece="quiet"></p>
<div class="group">
${figure('percentiles', 'Latency by percentile', 'in numbers')}${figure('timeline', 'Latency over time', 'in numbers')}${figure('by-call', 'Latency by call', '')}<div class="beside">
<section aria-labelledby="sla"><h2 id="sla">Service level</h2><div class="scroll" role="region" tabindex="0" aria-label="Checks of the service level" data-piece="sla"></div></section>
<section aria-labelledby="ports"><h2 id="ports">Ports</h2><div data-piece="ports"></div></section>
</div></div>
<section aria-labelledby="calls-title"><h2 id="calls-title">Calls</h2><p id="no-calls">No call yet.</p>
<div class="scroll" role="region" tabindex="0" aria-label="Table of the calls"><table><thead><tr id="head" hidden=""></tr></thead><tbody id="calls"></tbody></table></div></section>
${sections}</main>
<footer>Milliseconds are of round trips; – is what was not measured.</footer>
${new Html(`<script>${script}</script>`)}
</body>
</html>
`.toString(),
    policy: `default-src 'none'; script-src '${hashOf(script)}'; style-src '${hashOf(PAGE_STYLE)}'; img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'`,
  };
}

/** What stays of a figure while its pieces change: a table that is open stays open, and what has the focus keeps it. */
function figure(id: string, title: string, numbers: string): Html {
  const name = `${title}, ${numbers}`;
  return html`<figure data-whole="${id}-seen" hidden=""><figcaption><h2>${title}</h2><p data-piece="${id}-about"></p></figcaption>
<div data-piece="${id}-seen"></div>${
    numbers === ''
      ? NOTHING
      : html`<details><summary>${name}</summary><div class="scroll" role="region" tabindex="0" aria-label="${name}" data-piece="${id}-numbers"></div></details>`
  }</figure>
`;
}

function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}
