/** A line of a screen: pieces of text, each with what it is to look like. Colours are the terminal's business. */
import { asciiText, fitted, widthOfText } from './text.ts';

export type Tone = 'plain' | 'good' | 'bad' | 'doubt' | 'dim' | 'title';

export interface Piece {
  /** Fit for a terminal. */
  readonly text: string;
  readonly tone: Tone;
}

export type Line = readonly Piece[];

export interface Room {
  readonly columns: number;
  readonly rows: number;
  /** Whether the terminal shows more than ASCII. */
  readonly unicode: boolean;
}

export function piece(text: string, tone: Tone = 'plain'): Piece {
  return { text, tone };
}

export function widthOfLine(line: Line): number {
  return line.reduce((sum, { text }) => sum + widthOfText(text), 0);
}

/** What of the line fits. */
export function cut(line: Line, { columns, unicode }: Room): Line {
  const pieces: Piece[] = [];
  let room = columns;
  for (const { text, tone } of line) {
    if (room <= 0) break;
    const shown = fitted(text, room);
    room -= widthOfText(shown);
    pieces.push({ text: unicode ? shown : asciiText(shown), tone });
  }
  return pieces;
}

/** Words in as many lines as they take, `most` at the most; what comes after is cut. */
export function wrapped(text: string, width: number, most: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line === '' || lines.length === most - 1 || widthOfText(longer) <= width) line = longer;
    else {
      lines.push(line);
      line = word;
    }
  }
  return [...lines, line].map((each) => fitted(each, width));
}
