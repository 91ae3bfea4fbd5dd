/**
 * Reading TOML so that more than its first fault is told.
 *
 * The parser ends at the first thing that is no TOML. When that is one line of the form `key = value`, the line is told, its value is
 * taken away, and the rest is read; otherwise what stands before it is.
 */
import { parse, TomlError } from 'smol-toml';
import type { TomlTable } from 'smol-toml';
import { MOST_NESTING, TomlLines } from './locate.ts';

export interface TomlFault {
  /** From 1. */
  readonly line: number;
  readonly message: string;
  readonly hint: string;
}

export interface TomlReading {
  /** What could be read. A key whose value could not has an empty text. */
  readonly tree: TomlTable;
  readonly lines: TomlLines;
  readonly faults: readonly TomlFault[];
  /** Whether the document was read to its end. */
  readonly whole: boolean;
}

/** A file with more faults than this is no TOML at all. */
const MOST_FAULTS = 20;

export function readToml(text: string): TomlReading {
  const lines = text.split('\n');
  const faults: TomlFault[] = [];
  for (;;) {
    const read = attempt(lines);
    if ('tree' in read) return { tree: read.tree, lines: new TomlLines(lines.join('\n')), faults, whole: true };
    const { line, message } = read;
    const statement = lines[line - 1] ?? '';
    if (faults.some((fault) => fault.line === line)) {
      // Its key is at fault, not its value.
      lines[line - 1] = '';
      continue;
    }
    const { start, tree } = statementAt(lines, line);
    faults.push(faultOf(statement, message, line, start));
    if (faults.length < MOST_FAULTS && start === line && isWholeEntry(statement)) {
      lines[line - 1] = `${statement.slice(0, statement.indexOf('='))}= ""`;
    } else return { tree, lines: new TomlLines(lines.slice(0, start - 1).join('\n')), faults, whole: false };
  }
}

/** How many lines before a fault its beginning is looked for: no value of ours has more. */
const LONGEST_STATEMENT = 200;

/** The line that the statement around a fault begins on, and what stands before it. */
function statementAt(lines: readonly string[], line: number): { readonly start: number; readonly tree: TomlTable } {
  for (let start = line; start > Math.max(1, line - LONGEST_STATEMENT); start--) {
    const read = attempt(lines.slice(0, start - 1));
    if ('tree' in read) return { start, tree: read.tree };
  }
  return { start: 1, tree: {} };
}

function attempt(lines: readonly string[]): { readonly tree: TomlTable } | { readonly line: number; readonly message: string } {
  try {
    return { tree: parse(lines.join('\n'), { maxDepth: MOST_NESTING }) };
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // Behind the first line the parser shows the text, which may hold a secret.
    const [message = ''] = error.message.split('\n', 1);
    return { line: error.line, message: message.replace('Invalid TOML document: ', '') };
  }
}

/** `key = value` on one line, with nothing left open at its end. */
function isWholeEntry(line: string): boolean {
  const equals = line.indexOf('=');
  if (equals <= 0 || line.trimStart().startsWith('[')) return false;
  const value = line.slice(equals + 1);
  if (value.includes('"""') || value.includes("'''")) return false;
  return count(value, '[') === count(value, ']') && count(value, '{') === count(value, '}');
}

function count(text: string, c: string): number {
  return text.split(c).length - 1;
}

function faultOf(statement: string, message: string, line: number, start: number): TomlFault {
  if (start === line) return { line, message, hint: hintFor(statement, message) };
  // What closes it is missed at the earliest where the next thing begins.
  const isOpen = message.includes('unfinished') || message.includes('end of structure');
  if (isOpen) return { line: start, message, hint: 'a quote or a bracket is open' };
  return { line, message, hint: `it is part of what begins in line ${start}: is a quote or a bracket open there?` };
}

function hintFor(line: string, message: string): string {
  if (message.includes('redefine')) return 'it stands there twice: take one away';
  if (message.includes('unfinished string') || message.includes('control characters')) return 'is its closing quote missing?';
  const equals = line.indexOf('=');
  if (equals > 0 && message.includes('in key')) return 'a key has letters, digits, _ and -; any other stands in quotes';
  if (equals < 0) return line.trimStart().startsWith('[') ? 'a table is written [NAME]' : 'a setting is written KEY = VALUE';
  const key = line.slice(0, equals).trim();
  const value = line.slice(equals + 1).trim();
  // The value itself may be a secret.
  if (value === '') return `${key} has no value`;
  const isNoValue = message.includes('invalid value') || message.includes('illegal character') || message.includes('end-of-line');
  return isNoValue && !`"'[{`.includes(value.slice(0, 1)) ? 'text stands in quotes' : '';
}
