import { describe, expect, test } from 'vitest';
import { drawScreen, screenOf } from '../../scripts/terminal-picture.ts';

const textOf = (output: string): string[] => screenOf(output).map((line) => line.map(({ text }) => text).join(''));

describe('the screen', () => {
  test('is what is left, not what was written', () => {
    expect(textOf('50 %\r\u001B[K100 %\r\n\r\ndone\r\n')).toEqual(['100 %', '', 'done']);
    expect(textOf('spinner\r\n\u001B[1A\u001B[2K\u001B[1Gresult')).toEqual(['result']);
    expect(textOf('abc\u001B[2D!\u001B[2Cx')).toEqual(['a!c x']);
    expect(textOf('above\r\nbelow\r\u001B[1A\u001B[J\u001B[Gnew')).toEqual(['new']);
  });

  test('shows no title, no bell and no cursor', () => {
    expect(textOf('\u001B]0;title\u0007\u001B[?25la\u0007b\u001B[?25h')).toEqual(['ab']);
  });

  test('remembers how each character looks', () => {
    const [line] = screenOf('\u001B[1mb\u001B[22m\u001B[31mr\u001B[39m\u001B[2md\u001B[0mp');
    expect(line?.map(({ text, style }) => [text, style.bold, style.dim, style.colour])).toEqual([
      ['b', true, false, 39],
      ['r', false, false, 31],
      ['d', false, true, 39],
      ['p', false, false, 39],
    ]);
  });
});

describe('the picture', () => {
  test('has the command, the text escaped, and frames as lines', () => {
    const svg = drawScreen(screenOf('┌─┐\r\n│ a<b & c\r\n'), 'rtplat demo');
    expect(svg).toContain('>rtplat demo</text>');
    expect(svg).toContain('>a&lt;b &amp; c</text>');
    expect(svg).not.toMatch(/[┌─┐│]/);
    expect(svg.match(/<path /g)).toHaveLength(2);
  });

  test('keeps columns: every text is as wide as its characters', () => {
    const svg = drawScreen(screenOf('  1234567890'), 'x');
    expect(svg).toContain('x="34.8"');
    expect(svg).toContain('textLength="84"');
  });
});
