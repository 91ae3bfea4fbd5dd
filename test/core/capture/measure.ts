/** Bytes of a capture to its numbers, as a file would give them: in pieces. */
import { CaptureAnalysis } from '../../../src/core/capture/analysis.ts';
import { buildCapture } from '../../../src/core/capture/document.ts';
import type { CaptureDocument, CapturedStream } from '../../../src/core/capture/document.ts';
import { LEAST_BUFFER_BYTES } from '../../../src/core/capture/reader.ts';

/** @param piece bytes that come at once. */
export function measure(file: Uint8Array, piece = 65_536): CaptureDocument {
  const analysis = new CaptureAnalysis('x.pcap');
  const buffer = new Uint8Array(LEAST_BUFFER_BYTES + piece);
  let held = 0;
  for (let at = 0; at < file.length; at += piece) {
    const part = file.subarray(at, at + piece);
    buffer.set(part, held);
    const length = held + part.length;
    const taken = analysis.take(buffer, length);
    buffer.copyWithin(0, taken, length);
    held = length - taken;
  }
  const ending = analysis.finish(held);
  const warnings = ending === undefined ? [] : [ending];
  return buildCapture(analysis, { version: '0', name: 'x.pcap', compressed: false, startedAt: null, warnings });
}

export function onlyStream(capture: CaptureDocument): CapturedStream {
  const [stream, ...others] = capture.streams;
  if (stream === undefined || others.length > 0) throw new Error(`${capture.streams.length} streams, not one`);
  return stream;
}
