/**
 * Coverage of blocks: while modules are loaded, a counter is put into every function, branch, loop, case and right-hand side of
 * `&&`, `||` and `??` of what is under test. Unlike V8's own coverage it can be read after every input, for about a microsecond.
 */
import { registerHooks, stripTypeScriptTypes } from 'node:module';
import { fileURLToPath } from 'node:url';
import { parseAst } from 'vitest/node';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const MOST_BLOCKS = 65_536;
const GLOBAL = '__rtplatFuzzBlocks';

export interface Coverage {
  /** Runs of each block, modulo 256; set to 0 before each input. */
  readonly hits: Uint8Array;
  /** How many blocks there are so far. */
  readonly size: () => number;
  /** Which of them belong to `code` of a target. */
  readonly blocksOf: (code: readonly string[]) => readonly number[];
  /** Texts and numbers that stand in the sources of `code`: what a reader compares its input with. */
  readonly wordsOf: (code: readonly string[]) => readonly string[];
}

interface Module {
  /** Below `src/core/`. */
  readonly path: string;
  readonly first: number;
  readonly end: number;
  readonly words: readonly string[];
}

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [member: string]: unknown;
}

/** Counts in everything below `src/core/` that is imported from now on. */
export function instrument(): Coverage {
  const hits = new Uint8Array(MOST_BLOCKS);
  const modules: Module[] = [];
  let next = 0;
  Object.assign(globalThis, { [GLOBAL]: hits });
  const below = `file://${ROOT}src/core/`;
  registerHooks({
    load(url, context, nextLoad) {
      if (!url.startsWith(below) || !url.endsWith('.ts')) return nextLoad(url, context);
      const loaded = nextLoad(url, context);
      const text = typeof loaded.source === 'string' ? loaded.source : new TextDecoder().decode(loaded.source);
      const counted = withCounters(stripTypeScriptTypes(text), next);
      modules.push({ path: url.slice(below.length), first: next, end: counted.end, words: counted.words });
      next = counted.end;
      if (next > MOST_BLOCKS) throw new Error(`more than ${MOST_BLOCKS} blocks: raise MOST_BLOCKS`);
      return { format: 'module', source: counted.source, shortCircuit: true };
    },
  });
  const named = (code: readonly string[]): readonly Module[] =>
    modules.filter(({ path }) => code.some((name) => (name.endsWith('/') ? path.startsWith(name) : path === name)));
  return {
    hits,
    size: () => next,
    blocksOf: (code) => named(code).flatMap(({ first, end }) => Array.from({ length: end - first }, (_, i) => first + i)),
    wordsOf: (code) => [...new Set(named(code).flatMap(({ words }) => words))],
  };
}

/** @param source JavaScript of a module. @param first number of its first block. */
export function withCounters(
  source: string,
  first: number,
): { readonly source: string; readonly end: number; readonly words: readonly string[] } {
  let next = first;
  const words = new Set<string>();
  /** What is put in, by where; what closes goes before what opens at the same place. */
  const insertions: { readonly at: number; readonly opens: boolean; readonly text: string }[] = [];
  const open = (at: number, text: string): void => void insertions.push({ at, opens: true, text });
  const close = (at: number, text: string): void => void insertions.push({ at, opens: false, text });
  const counter = (): string => `${GLOBAL}[${next++}]++`;

  const openArm = (arm: Node): void => {
    if (arm.type === 'BlockStatement') open(arm.start + 1, `${counter()};`);
    else if (isStatement(arm)) open(arm.start, `{${counter()};`);
    else open(arm.start, `(${counter()},`);
  };
  const closeArm = (arm: Node): void => {
    if (arm.type !== 'BlockStatement') close(arm.end, isStatement(arm) ? '}' : ')');
  };
  const visit = (node: Node): void => {
    keepWord(node, words);
    const arms = armsOf(node);
    for (const arm of arms) openArm(arm);
    const firstOfCase = node.type === 'SwitchCase' ? nodesOf(node['consequent'])[0] : undefined;
    if (firstOfCase !== undefined) open(firstOfCase.start, `${counter()};`);
    for (const [member, value] of Object.entries(node)) if (member !== 'parent') for (const child of nodesOf(value)) visit(child);
    for (const arm of arms) closeArm(arm);
    // The way past an `if` is a way of its own.
    if (node.type === 'IfStatement' && arms.length === 1) close(node.end, ` else ${counter()};`);
  };
  visit(parseAst(source) as unknown as Node);

  insertions.sort((a, b) => a.at - b.at || Number(a.opens) - Number(b.opens));
  let text = `const ${GLOBAL}=globalThis.${GLOBAL};`;
  let at = 0;
  for (const insertion of insertions) {
    text += source.slice(at, insertion.at) + insertion.text;
    at = insertion.at;
  }
  return { source: text + source.slice(at), end: next, words: [...words] };
}

function armsOf(node: Node): readonly Node[] {
  switch (node.type) {
    case 'FunctionDeclaration':
    case 'FunctionExpression':
    case 'ArrowFunctionExpression':
    case 'ForStatement':
    case 'ForInStatement':
    case 'ForOfStatement':
    case 'WhileStatement':
    case 'DoWhileStatement':
    case 'CatchClause':
      return nodesOf(node['body']);
    case 'IfStatement':
    case 'ConditionalExpression':
      return [...nodesOf(node['consequent']), ...nodesOf(node['alternate'])];
    case 'LogicalExpression':
      return nodesOf(node['right']);
    default:
      return [];
  }
}

function nodesOf(value: unknown): readonly Node[] {
  return (Array.isArray(value) ? value : [value]).filter(
    (one): one is Node => typeof one === 'object' && one !== null && typeof (one as Node).type === 'string' && 'start' in one,
  );
}

function isStatement({ type }: Node): boolean {
  return type.endsWith('Statement') || type.endsWith('Declaration');
}

function keepWord(node: Node, words: Set<string>): void {
  const value = node.type === 'TemplateElement' ? (node['value'] as { cooked?: unknown }).cooked : node['value'];
  if (node.type !== 'Literal' && node.type !== 'TemplateElement') return;
  if (typeof value === 'string' && value.length > 0 && value.length <= 40 && !value.endsWith('.ts')) words.add(value);
  if (typeof value === 'number' && value > 9) words.add(String(value));
}
