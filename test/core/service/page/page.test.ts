import { createHash } from 'node:crypto';
import { Script } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { relayPage } from '../../../../src/core/service/dashboard.ts';
import { renderPieces } from '../../../../src/core/service/page/pieces.ts';
import { sipPage } from '../../../../src/core/sip-server/dashboard.ts';
import { parseXml } from '../../report/render/xml.ts';
import type { XmlElement } from '../../report/render/xml.ts';
import { noRelay } from '../../../../src/core/relay/none.ts';
import { checkService } from '../../../../src/core/report/verdict.ts';
import { healthDocument } from '../../../../src/core/service/health.ts';

const PAGES = [
  { name: 'ari-serve', page: relayPage() },
  { name: 'sip-serve', page: sipPage() },
];

/** What stands between `<name>` and `</name>`, of which there is one. */
function inside(html: string, name: string): string {
  const [, text, ...others] = html.split(new RegExp(`</?${name}>`));
  expect(others).toHaveLength(1);
  return text ?? '';
}

/** The page without its script, which is no XML. */
function elementsOf(html: string): readonly XmlElement[] {
  const found: XmlElement[] = [];
  const gather = (element: XmlElement): void => {
    found.push(element);
    for (const one of element.inside) gather(one);
  };
  gather(parseXml(html.replace('<!doctype html>\n', '').replace(inside(html, 'script'), '')));
  return found;
}

const hashOf = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

describe.each(PAGES)('the page of $name', ({ name, page: { html, policy } }) => {
  it('may run its own script and no other, and ask nobody but its service', () => {
    expect(policy.split('; ')).toEqual([
      "default-src 'none'",
      `script-src ${hashOf(inside(html, 'script'))}`,
      `style-src ${hashOf(inside(html, 'style'))}`,
      'img-src data:',
      "connect-src 'self'",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'self'",
    ]);
  });

  it('has a script without a mistake in its grammar, which sets markup in one place alone', () => {
    const script = inside(html, 'script');
    expect(() => new Script(script)).not.toThrow();
    expect(script.match(/innerHTML/g)).toHaveLength(1);
    expect(script).not.toMatch(/eval|document\.write|outerHTML|insertAdjacentHTML|new Function/);
    // The listeners of events that the service tells.
    const listened = [...script.matchAll(/\b(?:on|state)\('(\w+)'/g)].map(([, event]) => event);
    expect(new Set(listened)).toEqual(
      new Set(['calls', 'charts', 'health', 'metrics', ...(name === 'sip-serve' ? ['digit', 'ended'] : [])]),
    );
  });

  it('shows what cannot be seen in a text of a peer by its number', () => {
    const [source = ''] = /const plain = .*;/.exec(inside(html, 'script')) ?? [];
    const plain = new Script(`${source} plain`).runInNewContext() as (text: string) => string;
    expect(plain('sip:al\u202eice\u0007@x <b>"é世🙂"')).toBe('sip:al\\u202eice\\u0007@x <b>"é世🙂"');
    // What sets texts makes them plain first.
    expect(inside(html, 'script').match(/textContent = (?!plain\(text\)|shown;)/g)).toBeNull();
  });

  it('has no handlers, no styles and no addresses in its markup', () => {
    for (const { name: tag, attributes } of elementsOf(html)) {
      expect(['img', 'iframe', 'object', 'form', 'base']).not.toContain(tag);
      for (const [attribute, value] of attributes) {
        expect(attribute).not.toMatch(/^(?:on.*|style|src|srcdoc|action)$/);
        if (attribute === 'href') expect(value).toBe('data:,');
      }
    }
  });

  it('has a place for each piece, and no other', () => {
    const metrics = noRelay({ clock: 'user', name: 'portable', reason: 'given' }, () => 1);
    const places = elementsOf(html).flatMap(({ attributes }) => attributes.get('data-piece') ?? []);
    expect(new Set(places).size).toBe(places.length);
    const pieces = renderPieces({
      relay: metrics,
      relays: true,
      verdict: () => checkService(metrics.metrics()),
      health: () =>
        healthDocument({
          ...{ checks: [], ports: metrics.metrics().ports, stopping: false, uptimeSeconds: 1, activeCalls: 0, totalCalls: 0 },
          ...{ memoryBytes: null, cpuPercent: null },
        }),
    });
    expect(places).toEqual(expect.arrayContaining(Object.keys(pieces)));
    for (const figure of ['percentiles', 'timeline', 'by-call']) expect(places).toContain(`${figure}-seen`);
  });

  it('tells who cannot see it of health alone, and what can be scrolled can be focused', () => {
    const elements = elementsOf(html);
    const spoken = elements.filter(({ attributes }) => attributes.has('aria-live') || attributes.get('role') === 'status');
    expect(spoken.map(({ attributes }) => attributes.get('id'))).toEqual(['health']);
    const scrolled = elements.filter(({ attributes }) => attributes.get('class') === 'scroll');
    expect(scrolled.length).toBeGreaterThan(2);
    for (const { attributes } of scrolled) expect([attributes.get('tabindex'), attributes.get('role')]).toEqual(['0', 'region']);
    const labels = scrolled.map(({ attributes }) => attributes.get('aria-label'));
    expect(new Set(labels).size).toBe(labels.length);
    // Before the first event no picture is there: neither an axis nor a number.
    const figures = elements.filter((one) => one.name === 'figure');
    expect(figures.map(({ attributes }) => attributes.has('hidden'))).toEqual([true, true, true]);
  });

  it('is light and dark, and follows a wish for less motion', () => {
    expect(inside(html, 'style')).toContain('prefers-color-scheme:dark');
    expect(inside(html, 'script')).toContain('prefers-reduced-motion: reduce');
  });
});
