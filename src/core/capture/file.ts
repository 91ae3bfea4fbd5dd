/** Captures in files: read piece by piece into one buffer, uncompressed on the way when they come as gzip. */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { messageOf, RtplatError } from '../errors.ts';
import { reason } from '../report/files.ts';
import { CaptureAnalysis } from './analysis.ts';
import { buildCapture } from './document.ts';
import type { CaptureDocument } from './document.ts';
import { LEAST_BUFFER_BYTES, looksLikeCapture } from './reader.ts';

const BUFFER_BYTES = 1_048_576;
/** The latest instant that a Date can have, ms. */
const LAST_DATE_MS = 8.64e15;

interface FileKind {
  readonly capture: boolean;
  readonly compressed: boolean;
}

/**
 * Whether a file is to be read as a capture: by its name, or by its first bytes.
 *
 * @throws RtplatError `file` when it cannot be read.
 */
export async function isCapture(path: string, name: string): Promise<boolean> {
  return (await kindOf(path, name)).capture;
}

/**
 * Measures the capture in a file.
 *
 * @param name the path as the user gave it.
 * @throws RtplatError `file`, or `format` with the offset of what is wrong.
 */
export async function readCapture(path: string, name: string, version: string): Promise<CaptureDocument> {
  const { compressed } = await kindOf(path, name);
  const feed = (analysis: CaptureAnalysis): Promise<number> =>
    compressed ? feedChunks(uncompressed(createReadStream(path), name, analysis), analysis) : feedFile(path, analysis);
  return measure({ name, version, compressed }, feed);
}

/** Whether bytes are the beginning of a capture, compressed or not. */
export function beginsCapture(head: Uint8Array): boolean {
  return looksLikeCapture(head) || isCompressed(head);
}

/**
 * Measures a capture that comes through a pipe.
 *
 * @param head its first bytes, at least four.
 * @param rest what follows them.
 * @throws RtplatError as {@link readCapture}.
 */
export function readPipedCapture(
  head: Uint8Array,
  rest: AsyncIterable<Uint8Array>,
  name: string,
  version: string,
): Promise<CaptureDocument> {
  const compressed = isCompressed(head);
  const chunks = Readable.from(following(head, rest));
  return measure({ name, version, compressed }, (analysis) =>
    feedChunks(compressed ? uncompressed(chunks, name, analysis) : chunks, analysis),
  );
}

async function* following(head: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield head;
  yield* rest;
}

interface Labels {
  readonly name: string;
  readonly version: string;
  readonly compressed: boolean;
}

/** @param feed gives all bytes to the analysis, and says how many it left over. */
async function measure(labels: Labels, feed: (analysis: CaptureAnalysis) => Promise<number>): Promise<CaptureDocument> {
  const { name } = labels;
  const analysis = new CaptureAnalysis(name);
  let ending: string | undefined;
  try {
    ending = analysis.finish(await feed(analysis));
  } catch (error) {
    if (error instanceof RtplatError) throw error;
    throw new RtplatError('file', `cannot read ${name}: ${reason(error, name)}`, { cause: error });
  }
  const warnings = ending === undefined ? [] : [ending];
  return buildCapture(analysis, { ...labels, startedAt: isoTime(analysis.reader.baseNs), warnings });
}

function isCompressed(head: Uint8Array): boolean {
  return head[0] === 0x1f && head[1] === 0x8b;
}

async function kindOf(path: string, name: string): Promise<FileKind> {
  const plainName = name.endsWith('.gz') ? name.slice(0, -3) : name;
  const byName = plainName.endsWith('.pcap') || plainName.endsWith('.pcapng') || plainName.endsWith('.cap');
  try {
    const file = await open(path, 'r');
    try {
      const head = new Uint8Array(4);
      const { bytesRead } = await file.read(head, 0, head.length, 0);
      const read = head.subarray(0, bytesRead);
      return { capture: byName || beginsCapture(read), compressed: isCompressed(read) };
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new RtplatError('file', `cannot read ${name}: ${reason(error, name)}`, { cause: error });
  }
}

/** @returns how many bytes were left over. */
async function feedFile(path: string, analysis: CaptureAnalysis): Promise<number> {
  const file = await open(path, 'r');
  try {
    const buffer = new Uint8Array(BUFFER_BYTES);
    let held = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, held, buffer.length - held, null);
      if (bytesRead === 0) return held;
      held = takeAll(buffer, held + bytesRead, analysis);
    }
  } finally {
    await file.close();
  }
}

async function feedChunks(chunks: AsyncIterable<Uint8Array>, analysis: CaptureAnalysis): Promise<number> {
  const buffer = new Uint8Array(LEAST_BUFFER_BYTES * 2);
  let held = 0;
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length;) {
      const part = chunk.subarray(at, at + buffer.length - held);
      buffer.set(part, held);
      at += part.length;
      held = takeAll(buffer, held + part.length, analysis);
    }
  }
  return held;
}

/** What is compressed in `source`, which ends with it. */
async function* uncompressed(source: Readable, name: string, analysis: CaptureAnalysis): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip();
  // An error of one ends the other, too.
  source.on('error', (error) => gunzip.destroy(error));
  try {
    yield* source.pipe(gunzip) as AsyncIterable<Uint8Array>;
  } catch (error) {
    if (error instanceof RtplatError) throw error;
    throw new RtplatError(
      'format',
      `${name} cannot be uncompressed: ${messageOf(error)}, after byte ${analysis.reader.bytes} of its capture`,
      {
        cause: error,
      },
    );
  } finally {
    source.destroy();
    gunzip.destroy();
  }
}

/** Moves what is left over to the front. */
function takeAll(buffer: Uint8Array, length: number, analysis: CaptureAnalysis): number {
  const taken = analysis.take(buffer, length);
  buffer.copyWithin(0, taken, length);
  return length - taken;
}

function isoTime(unixNs: bigint | undefined): string | null {
  if (unixNs === undefined) return null;
  const ms = Number(unixNs / 1_000_000n);
  return Math.abs(ms) > LAST_DATE_MS ? null : new Date(ms).toISOString();
}
