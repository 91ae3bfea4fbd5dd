/** A thread that records the same samples over and over, as fast as it can, until it is told to stop. */
import { parentPort, workerData } from 'node:worker_threads';
import { histogramStorage, LatencyHistogram } from '../../../src/core/stats/histogram.ts';

export interface RecordingOrder {
  /** The histogram's memory. */
  readonly buffer: SharedArrayBuffer;
  /** An Int32 that is 0 until the thread is to stop. */
  readonly stop: SharedArrayBuffer;
  /** Samples of one pass, ns. */
  readonly values: Float64Array;
}

/** Sent after the first pass and after the last one. */
export interface RecordingReport {
  readonly passes: number;
}

const { buffer, stop, values } = workerData as RecordingOrder;
const stopped = new Int32Array(stop);
const histogram = new LatencyHistogram(histogramStorage(buffer, 0));
let passes = 0;

function report(): void {
  parentPort?.postMessage({ passes } satisfies RecordingReport, []);
}

do {
  for (const valueNs of values) histogram.record(valueNs);
  passes += 1;
  if (passes === 1) report();
} while (Atomics.load(stopped, 0) === 0);
report();
