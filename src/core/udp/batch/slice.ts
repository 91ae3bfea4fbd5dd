/**
 * How long a thread that handles packets may hold a core, as it asks the kernel. It works for microseconds and then sleeps, so it
 * gives the rest of its turn away, and is let in sooner when packets wake it on a busy core: the deadline by which Linux's scheduler
 * (EEVDF, since 6.12) chooses the next thread is a slice away. Needs no right. Earlier kernels take the request and ignore it.
 */
import { arch } from 'node:os';
import type { Libc } from './libc.ts';

/** sched_setattr and sched_getattr have no function in the C library that Debian 12 has. */
const SYSTEM_CALLS: ReadonlyMap<string, { readonly set: number; readonly get: number }> = new Map([
  ['x64', { set: 314, get: 315 }],
  ['arm64', { set: 274, get: 275 }],
]);

/** struct sched_attr of sched_setattr(2) in its first form, and the offsets in it. */
const ATTRIBUTE_BYTES = 48;
const POLICY = 4;
const RUNTIME = 24;
/** The policy of all threads but those that were given another one. */
const SCHED_OTHER = 0;
/** The kernel gives 0.1 ms to 100 ms, and 2.8 ms to who asks for nothing. */
const SLICE_NS = 200_000n;

/**
 * Asks for short slices for the calling thread. Whoever gave it a real-time or idle policy knows better: that stays.
 *
 * @returns whether the kernel took it.
 */
export function takeShortSlices(libc: Libc): boolean {
  const calls = SYSTEM_CALLS.get(arch());
  if (calls === undefined) return false;
  const attributes = new Uint8Array(ATTRIBUTE_BYTES);
  const view = new DataView(attributes.buffer);
  const address = libc.addressOf(attributes);
  if (libc.syscall(calls.get, 0, address, ATTRIBUTE_BYTES, 0) < 0) return false;
  if (view.getUint32(POLICY, true) !== SCHED_OTHER) return false;
  view.setBigUint64(RUNTIME, SLICE_NS, true);
  return libc.syscall(calls.set, 0, address, 0, 0) === 0;
}
