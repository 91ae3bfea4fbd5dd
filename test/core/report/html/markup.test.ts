import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { escapeHtml, html } from '../../../../src/core/report/html/markup.ts';

/** What a browser reads of escaped text. */
function unescaped(text: string): string {
  const entities: Readonly<Record<string, string>> = { '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'", '&amp;': '&' };
  return text.replaceAll(/&(?:lt|gt|quot|#39|amp);/g, (entity) => entities[entity] ?? '');
}

describe('html', () => {
  it('escapes what is put in, and keeps markup', () => {
    expect(html`<b title="${'"><script>'}">${html`<i>${'a & b'}</i>`}${3}${['<', html`<br>`]}</b>`.toString()).toBe(
      '<b title="&quot;&gt;&lt;script&gt;"><i>a &amp; b</i>3&lt;<br></b>',
    );
  });

  it('does not take markup from text that was escaped before', () => {
    expect(html`${escapeHtml('<')}`.toString()).toBe('&amp;lt;');
  });
});

describe('escapeHtml', () => {
  it('leaves no markup, of any text, and loses nothing of what can be seen', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 80 }), (text) => {
        const escaped = escapeHtml(text);
        expect(escaped).not.toMatch(/[<>"'\p{Cc}\p{Cs}\u202a-\u202e\u2066-\u2069]/u);
        expect(escaped.replaceAll(/&(?:lt|gt|quot|#39|amp);/g, '')).not.toContain('&');
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme-ascii' }), (text) => {
        expect(unescaped(escapeHtml(text))).toBe(text);
      }),
    );
  });

  it.each([
    ['a right-to-left override', 'a\u202eb', 'a\\u202eb'],
    ['half of a pair', '\ud800', '\\ud800'],
    ['a terminal sequence', '\u001b[31m', '\\x1b[31m'],
    ['a joiner of nothing', 'a\u200bb', 'a\\u200bb'],
    ['letters of any script and pictures', 'Jürgen 電話 📞', 'Jürgen 電話 📞'],
  ])('shows %s', (_what, text, shown) => {
    expect(escapeHtml(text)).toBe(shown);
  });
});
