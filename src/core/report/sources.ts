/** Where `report` reads from: run files, directories and globs of them, captures, standard input, live services. */
import { createReadStream } from 'node:fs';
import { glob, readdir, readFile, realpath, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { CaptureDocument } from '../capture/document.ts';
import { beginsCapture, isCapture, readCapture, readPipedCapture } from '../capture/file.ts';
import { messageOf, RtplatError } from '../errors.ts';
import { VERSION } from '../../version.ts';
import { reason } from './files.ts';
import { MAX_RUN_CHARS, parseRun, parseRunAmongOthers } from './read-run.ts';
import type { RunDocument } from './run.ts';
import { readService } from './service-source.ts';
import type { ServiceSource } from './service-source.ts';

export interface RunSource {
  readonly kind: 'run';
  /** The path as it was given or found, or `standard input`. */
  readonly name: string;
  readonly run: RunDocument;
}

/** A file of captured packets, measured. */
export interface CaptureSource {
  readonly kind: 'capture';
  readonly name: string;
  readonly capture: CaptureDocument;
}

export type Source = RunSource | ServiceSource | CaptureSource;

export interface SourceOptions {
  /** Relative paths start here. */
  readonly directory: string;
  readonly stdin: AsyncIterable<string | Buffer>;
  /** How long a service may take to answer, ms. */
  readonly timeoutMs: number;
  /** What services want to see before they answer. */
  readonly token: string | undefined;
  /** The service that is asked when no source is named. */
  readonly defaultService: string;
  /** Without: of several runs, each has no rows of its seconds and calls. They are most of a run, and a thousand runs may be read. */
  readonly withRows: boolean;
}

/** They tell a capture from a run. */
const HEAD_BYTES = 4;
/** Of a folder, how many are in memory at once. */
const FILES_AHEAD = 4;
const RUN_FOLDER = 'runs';
const GLOB_CHARACTERS = ['*', '?', '[', '{'] as const;

/**
 * Reads every source named, each file once. Without names: the default service when it answers as rtplat, else the newest run of
 * the directory or its `runs` folder.
 *
 * @throws RtplatError `file`, `format`, `network` or `timeout`, naming the source.
 */
export async function readSources(names: readonly string[], options: SourceOptions): Promise<readonly Source[]> {
  if (names.length === 0) return [await readDefault(options)];
  const sources: Source[] = [];
  const add = (source: Source): void => {
    if (!options.withRows && sources.length === 1) sources[0] = withoutRows(sources[0] ?? source);
    sources.push(options.withRows || sources.length === 0 ? source : withoutRows(source));
  };
  const seen = new Set<string>();
  for (const name of names) {
    if (isUrl(name)) {
      if (!seen.has(name)) add(await readService(name, options));
      seen.add(name);
    } else if (name === '-') {
      if (!seen.has('-')) add(await readStream(options.stdin, 'standard input'));
      seen.add('-');
    } else {
      for await (const source of readPath(name, options.directory)) {
        const path = await realpath(resolve(options.directory, source.name));
        if (!seen.has(path)) add(source);
        seen.add(path);
      }
    }
  }
  return sources;
}

function withoutRows(source: Source): Source {
  return source.kind === 'run' ? { ...source, run: { ...source.run, series: [], calls: [] } } : source;
}

function isUrl(name: string): boolean {
  return name.startsWith('http://') || name.startsWith('https://');
}

async function* readPath(name: string, directory: string): AsyncGenerator<RunSource | CaptureSource, void> {
  const kind = await kindOf(resolve(directory, name));
  if (kind === 'directory') {
    if (yield* readAmongOthers(await jsonFilesOf(name, directory), directory)) return;
    throw new RtplatError('file', `there is no run in the directory ${name}`, {
      hint: 'a run is a *.json file that rtplat wrote with --out',
    });
  }
  const path = resolve(directory, name);
  if (kind === 'stream') {
    yield await readStream(createReadStream(path), name);
    return;
  }
  if (kind === 'file') {
    if (await isCapture(path, name)) yield { kind: 'capture', name, capture: await readCapture(path, name, VERSION) };
    else yield { kind: 'run', name, run: parseRun(await readText(name, directory), name) };
    return;
  }
  if (!GLOB_CHARACTERS.some((character) => name.includes(character))) throw new RtplatError('file', `there is no file ${name}`);
  const found: string[] = [];
  for await (const entry of glob(name, { cwd: directory })) found.push(entry);
  if (yield* readAmongOthers(found.toSorted(), directory)) return;
  throw new RtplatError('file', found.length === 0 ? `no file matches ${name}` : `no file that matches ${name} is a run`);
}

/**
 * What is no run is passed over; what wants to be one and is broken is an error.
 *
 * @returns whether there was a run.
 */
async function* readAmongOthers(names: readonly string[], directory: string): AsyncGenerator<RunSource, boolean> {
  let found = false;
  for await (const { name, text } of textsOf(names, directory)) {
    const run = parseRunAmongOthers(text, name);
    if (run === undefined) continue;
    found = true;
    yield { kind: 'run', name, run };
  }
  return found;
}

/** What the files say, in order; what is no file is passed over. The next ones are being read while one is made use of. */
async function* textsOf(
  names: readonly string[],
  directory: string,
): AsyncGenerator<{ readonly name: string; readonly text: string }, void> {
  const readOne = async (name: string): Promise<string | undefined> =>
    (await kindOf(resolve(directory, name))) === 'file' ? readText(name, directory) : undefined;
  const ahead: Promise<string | undefined>[] = [];
  for (const [i, name] of names.entries()) {
    for (const next of names.slice(i + ahead.length, i + FILES_AHEAD)) {
      const reading = readOne(next);
      // Its turn may never come.
      reading.catch(() => {});
      ahead.push(reading);
    }
    const text = await ahead.shift();
    if (text !== undefined) yield { name, text };
  }
}

/** The *.json of a directory, by name; a run may be written while we read, so its temporary file is not one. */
async function jsonFilesOf(name: string, directory: string): Promise<readonly string[]> {
  try {
    const names = await readdir(resolve(directory, name));
    return names
      .filter((entry) => entry.endsWith('.json') && !entry.startsWith('.'))
      .toSorted()
      .map((entry) => join(name, entry));
  } catch (error) {
    throw new RtplatError('file', `cannot read ${name}: ${reason(error, name)}`, { cause: error });
  }
}

async function readDefault(options: SourceOptions): Promise<Source> {
  try {
    return await readService(options.defaultService, options);
  } catch (error) {
    if (!(error instanceof RtplatError) || error.code === 'credentials') throw error;
    // Nothing is there, or something else than rtplat: then a run file is meant.
  }
  const newest = await newestRun(options.directory);
  if (newest !== undefined) return newest;
  throw new RtplatError(
    'file',
    `there is nothing to report: no rtplat service answers on ${options.defaultService}, and there is no run file here or in ./${RUN_FOLDER}`,
    { hint: 'make a run with: rtplat probe udp://HOST:PORT --out run.json' },
  );
}

/** By its `ended_at`. A broken run is only told of when there is no good one. */
async function newestRun(directory: string): Promise<RunSource | undefined> {
  let newest: RunSource | undefined;
  let broken: RtplatError | undefined;
  for (const folder of ['.', RUN_FOLDER]) {
    if ((await kindOf(resolve(directory, folder))) !== 'directory') continue;
    for (const name of await jsonFilesOf(folder, directory)) {
      try {
        for await (const found of readAmongOthers([name], directory)) {
          if (newest === undefined || Date.parse(found.run.ended_at) > Date.parse(newest.run.ended_at)) newest = found;
        }
      } catch (error) {
        if (!(error instanceof RtplatError)) throw error;
        broken ??= error;
      }
    }
  }
  if (newest === undefined && broken !== undefined) throw broken;
  return newest;
}

/** A pipe or a device has no size, and may never end. */
async function kindOf(path: string): Promise<'file' | 'directory' | 'stream' | undefined> {
  try {
    const stats = await stat(path);
    return stats.isDirectory() ? 'directory' : stats.isFile() ? 'file' : 'stream';
  } catch {
    return undefined;
  }
}

async function readText(name: string, directory: string): Promise<string> {
  const path = resolve(directory, name);
  try {
    const { size } = await stat(path);
    if (size > MAX_RUN_CHARS) throw new RtplatError('format', `${name} is too long for a run: ${size} bytes, at most ${MAX_RUN_CHARS}`);
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof RtplatError) throw error;
    throw new RtplatError('file', `cannot read ${name}: ${reason(error, name)}`, { cause: error });
  }
}

/** A run or a capture, by its first bytes. */
async function readStream(stream: AsyncIterable<string | Buffer>, name: string): Promise<RunSource | CaptureSource> {
  const bytes = bytesOf(stream, name);
  let head = Buffer.alloc(0);
  while (head.length < HEAD_BYTES) {
    const { done, value } = await bytes.next();
    if (done === true) break;
    head = Buffer.concat([head, value]);
  }
  if (beginsCapture(head)) return { kind: 'capture', name, capture: await readPipedCapture(head, bytes, name, VERSION) };
  return { kind: 'run', name, run: parseRun(await readAll(head, bytes, name), name) };
}

async function* bytesOf(stream: AsyncIterable<string | Buffer>, name: string): AsyncGenerator<Buffer, void> {
  try {
    for await (const chunk of stream) yield Buffer.from(chunk);
  } catch (error) {
    throw new RtplatError('file', `cannot read ${name}: ${messageOf(error)}`, { cause: error });
  }
}

async function readAll(head: Buffer, rest: AsyncIterable<Buffer>, name: string): Promise<string> {
  const chunks = [head];
  let length = head.length;
  for await (const chunk of rest) {
    length += chunk.length;
    if (length > MAX_RUN_CHARS) throw new RtplatError('format', `${name} is too long for a run: more than ${MAX_RUN_CHARS} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
