/**
 * The calls of the C library that the batch engine makes, through koffi's prebuilt foreign function interface: no compiler and no
 * install script. Pointers are passed as numbers (user-space addresses are below 2^47). Every call returns −1 on failure; the
 * reason is read with {@link Libc.errno} before the next call.
 */
import { createRequire } from 'node:module';
import { arch, endianness, platform } from 'node:os';

export interface Libc {
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: number, length: number): number;
  connect(fd: number, address: number, length: number): number;
  getsockname(fd: number, address: number, length: number): number;
  getsockopt(fd: number, level: number, name: number, value: number, length: number): number;
  setsockopt(fd: number, level: number, name: number, value: number, length: number): number;
  recvmmsg(fd: number, messages: number, count: number, flags: number, timeout: number): number;
  sendmmsg(fd: number, messages: number, count: number, flags: number): number;
  send(fd: number, bytes: number, length: number, flags: number): number;
  read(fd: number, bytes: number, length: number): number;
  write(fd: number, bytes: number, length: number): number;
  poll(fds: number, count: number, timeoutMs: number): number;
  epoll_create1(flags: number): number;
  epoll_ctl(epoll: number, operation: number, fd: number, event: number): number;
  epoll_wait(epoll: number, events: number, count: number, timeoutMs: number): number;
  eventfd(initial: number, flags: number): number;
  timerfd_create(clock: number, flags: number): number;
  timerfd_settime(fd: number, flags: number, value: number, old: number): number;
  clock_gettime(clock: number, result: number): number;
  adjtimex(timex: number): number;
  prctl(option: number, value: number, a: number, b: number, c: number): number;
  flock(fd: number, operation: number): number;
  /** The kernel's calls that the C library has no function for. */
  syscall(number: number, a: number, b: number, c: number, d: number): number;
  close(fd: number): number;
  /** Of the call that failed last on this thread. */
  errno(): number;
  /** Where a buffer lies. Whoever uses the number keeps the buffer: a number keeps nothing alive. */
  addressOf(bytes: Uint8Array): number;
  /** Calls back whenever `fd` is readable, from this thread's event loop. Whoever loses the handle loses the calls. */
  watch(fd: number, readable: () => void): WatchHandle;
}

export interface WatchHandle {
  ref(): void;
  unref(): void;
  close(): void;
}

/** Why there can be no batch engine here, for the start line. */
export class BatchUnavailable extends Error {
  override readonly name = 'BatchUnavailable';
}

const PROTOTYPES: Record<Exclude<keyof Libc, 'errno' | 'addressOf' | 'watch'>, string> = {
  socket: 'int socket(int, int, int)',
  bind: 'int bind(int, uintptr_t, uint32)',
  connect: 'int connect(int, uintptr_t, uint32)',
  getsockname: 'int getsockname(int, uintptr_t, uintptr_t)',
  getsockopt: 'int getsockopt(int, int, int, uintptr_t, uintptr_t)',
  setsockopt: 'int setsockopt(int, int, int, uintptr_t, uint32)',
  recvmmsg: 'int recvmmsg(int, uintptr_t, uint32, int, uintptr_t)',
  sendmmsg: 'int sendmmsg(int, uintptr_t, uint32, int)',
  send: 'int64 send(int, uintptr_t, uint64, int)',
  read: 'int64 read(int, uintptr_t, uint64)',
  write: 'int64 write(int, uintptr_t, uint64)',
  poll: 'int poll(uintptr_t, uint64, int)',
  epoll_create1: 'int epoll_create1(int)',
  epoll_ctl: 'int epoll_ctl(int, int, int, uintptr_t)',
  epoll_wait: 'int epoll_wait(int, uintptr_t, int, int)',
  eventfd: 'int eventfd(uint32, int)',
  timerfd_create: 'int timerfd_create(int, int)',
  timerfd_settime: 'int timerfd_settime(int, int, uintptr_t, uintptr_t)',
  clock_gettime: 'int clock_gettime(int, uintptr_t)',
  adjtimex: 'int adjtimex(uintptr_t)',
  prctl: 'int prctl(int, uint64, uint64, uint64, uint64)',
  flock: 'int flock(int, int)',
  syscall: 'int64 syscall(int64, int64, uintptr_t, uint64, uint64)',
  close: 'int close(int)',
};

/** The part of koffi that is used, as version 3 has it. */
interface Koffi {
  load(path: null): { func(prototype: string): (...args: number[]) => number };
  errno(): number;
  address(bytes: Uint8Array): bigint;
  readonly node: {
    poll(fd: number, options: { readonly readable: true }, callback: () => void): WatchHandle;
  };
}

/** Systems whose structures are laid out as `layout.ts` says: 64-bit pointers and longs, little-endian, the generic constants. */
const PACKAGES: ReadonlyMap<string, string> = new Map([
  ['x64', '@koromix/koffi-linux-x64'],
  ['arm64', '@koromix/koffi-linux-arm64'],
]);

let loaded: Libc | BatchUnavailable | undefined;

/** @throws BatchUnavailable on another system, without koffi, or where the C library lacks one of the calls. */
export function loadLibc(): Libc {
  try {
    loaded ??= bindLibc(loadKoffi());
  } catch (error) {
    if (!(error instanceof BatchUnavailable)) throw error;
    loaded = error;
  }
  if (loaded instanceof BatchUnavailable) throw loaded;
  return loaded;
}

function loadKoffi(): Koffi {
  const name = PACKAGES.get(arch());
  if (platform() !== 'linux' || name === undefined || endianness() !== 'LE') {
    throw new BatchUnavailable(`made for Linux on x64 and arm64, this is ${platform()} on ${arch()}`);
  }
  try {
    return createRequire(import.meta.url)(name) as Koffi;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'it does not load';
    throw new BatchUnavailable(`${name}: ${code}`, { cause: error });
  }
}

/** @throws BatchUnavailable that names the first call that the C library does not have. */
export function bindLibc(koffi: Koffi): Libc {
  // The program itself: node has the C library linked, whichever it is.
  const program = koffi.load(null);
  const calls: Partial<Record<string, (...args: number[]) => number>> = {};
  for (const [name, prototype] of Object.entries(PROTOTYPES)) {
    try {
      calls[name] = program.func(prototype);
    } catch (error) {
      throw new BatchUnavailable(`the C library has no ${name}()`, { cause: error });
    }
  }
  return {
    ...(calls as unknown as Omit<Libc, 'errno' | 'addressOf' | 'watch'>),
    errno: () => koffi.errno(),
    addressOf: (bytes) => Number(koffi.address(bytes)),
    watch: (fd, readable) => koffi.node.poll(fd, { readable: true }, readable),
  };
}
