/** What the tests of the pages need of Markdown. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const ROOT: string = fileURLToPath(new URL('../..', import.meta.url));

export interface Block {
  readonly language: string;
  readonly lines: readonly string[];
  /** The heading that it stands under. */
  readonly heading: string;
}

export interface Page {
  /** From the root of the repository. */
  readonly path: string;
  readonly blocks: readonly Block[];
  /** What is not in a block. */
  readonly prose: string;
  readonly headings: readonly string[];
}

export function readPage(path: string): Page {
  const blocks: Block[] = [];
  const prose: string[] = [];
  const headings: string[] = [];
  let open: { readonly language: string; readonly lines: string[] } | undefined;
  for (const line of readFileSync(`${ROOT}/${path}`, 'utf8').split('\n')) {
    if (line.startsWith('```')) {
      if (open === undefined) open = { language: line.slice(3).trim(), lines: [] };
      else {
        blocks.push({ ...open, heading: headings.at(-1) ?? '' });
        open = undefined;
      }
    } else if (open !== undefined) open.lines.push(line);
    else {
      if (/^#{1,6} /.test(line)) headings.push(line.replace(/^#+ /, ''));
      prose.push(line);
    }
  }
  return { path, blocks, prose: prose.join('\n'), headings };
}

/** README, CHANGELOG, SECURITY and everything in docs. */
export function allPages(): readonly Page[] {
  const docs = readdirSync(`${ROOT}/docs`, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.md'));
  return ['README.md', 'CHANGELOG.md', 'SECURITY.md', ...docs.map((name) => `docs/${name}`)].map((path) => readPage(path));
}

/** The anchor that GitHub makes of a heading. */
export function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(/\s/g, '-');
}

/** `$ rtplat …` without the prompt. */
export interface CommandLine {
  readonly text: string;
  readonly env: Readonly<Record<string, string>>;
  /** Behind `rtplat`. */
  readonly args: readonly string[];
  /** The file behind `>`. */
  readonly into: string | undefined;
}

/** A line that runs `rtplat`; undefined for any other. No shell: blanks separate, and nothing is quoted. */
export function commandLine(text: string): CommandLine | undefined {
  const [line = '', into] = text
    .replace(/ +#.*$/, '')
    .split(' > ')
    .map((part) => part.trim());
  // No argument of the pages has a blank in it.
  const words = line.split(/\s+/).map((word) => (word.startsWith("'") && word.endsWith("'") ? word.slice(1, -1) : word));
  const at = words.indexOf('rtplat');
  if (at < 0 || !words.slice(0, at).every((word) => /^[A-Z_]+=/.test(word))) return undefined;
  const env = Object.fromEntries(words.slice(0, at).map((word) => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)]));
  return { text, env, args: words.slice(at + 1), into };
}
