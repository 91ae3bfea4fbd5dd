/**
 * The structures and constants of the Linux kernel that the batch engine reads and writes: LP64, little-endian, as on x86-64 and
 * arm64 (`/usr/include`: `bits/socket.h`, `asm-generic/socket.h`, `linux/udp.h`, `linux/net_tstamp.h`, `linux/errqueue.h`).
 */
import { arch } from 'node:os';

/*
 * struct mmsghdr, 64 bytes
 *
 *  0 msg_name        8 msg_namelen (u32)
 * 16 msg_iov        24 msg_iovlen
 * 32 msg_control    40 msg_controllen
 * 48 msg_flags      56 msg_len (u32)
 */
export const MMSGHDR_BYTES = 64;
export const MSG_NAME = 0;
export const MSG_NAMELEN = 8;
export const MSG_IOV = 16;
export const MSG_IOVLEN = 24;
export const MSG_CONTROL = 32;
export const MSG_CONTROLLEN = 40;
export const MSG_FLAGS = 48;
export const MSG_LEN = 56;
/** struct iovec: base, length. */
export const IOVEC_BYTES = 16;
/** struct cmsghdr: length (u64), level (int), type (int); the data follow, the next header is aligned to 8. */
export const CMSG_LEVEL = 8;
export const CMSG_TYPE = 12;
export const CMSG_DATA = 16;

/** struct sockaddr_in: family (u16), port (big-endian), address. */
export const SOCKADDR_IN_BYTES = 16;
/** struct sockaddr_in6: family, port, flowinfo, address (16), scope id. */
export const SOCKADDR_IN6_BYTES = 28;
/** Room for either. */
export const NAME_BYTES = 32;

/** struct epoll_event: packed on x86-64 alone. */
export const EPOLL_EVENT_BYTES: number = arch() === 'x64' ? 12 : 16;
export const EPOLL_EVENT_DATA: number = arch() === 'x64' ? 4 : 8;

export const AF_INET = 2;
export const AF_INET6 = 10;
export const SOCK_DGRAM = 2;
export const SOCK_CLOEXEC = 0o2000000;

export const SOL_SOCKET = 1;
export const SO_REUSEPORT = 15;
export const SO_SNDBUF = 7;
export const SO_RCVBUF = 8;
export const SO_RCVTIMEO = 20;
export const SO_TIMESTAMPNS = 35;
export const SO_TIMESTAMPING = 37;
/** struct sk_meminfo: nine u32, of which the last counts the datagrams dropped at the socket, as SO_RXQ_OVFL does. */
export const SO_MEMINFO = 55;
export const MEMINFO_WORDS = 9;
export const MEMINFO_DROPS = 8;

export const SOL_IP = 0;
export const IP_RECVERR = 11;
export const SOL_IPV6 = 41;
export const IPV6_V6ONLY = 26;
export const IPV6_RECVERR = 25;
export const SOL_UDP = 17;
export const UDP_SEGMENT = 103;
export const UDP_GRO = 104;

export const SOF_RX_SOFTWARE: number = 1 << 3;
export const SOF_SOFTWARE: number = 1 << 4;
export const SOF_OPT_ID: number = 1 << 7;
export const SOF_TX_SCHED: number = 1 << 8;
export const SOF_OPT_TSONLY: number = 1 << 11;

/** struct sock_extended_err: errno (u32), origin, type, code, pad (u8 each), info (u32), data (u32). */
export const EE_ORIGIN = 4;
export const EE_DATA = 12;
export const EE_ORIGIN_TIMESTAMPING = 4;

export const MSG_TRUNC = 0x20;
export const MSG_DONTWAIT = 0x40;
export const MSG_ERRQUEUE = 0x2000;
export const MSG_WAITFORONE = 0x10000;

export const EPOLLIN = 0x1;
export const EPOLLET = 0x8000_0000;
export const EPOLL_CTL_ADD = 1;
export const EPOLL_CLOEXEC = 0o2000000;
export const EFD_CLOEXEC = 0o2000000;
export const EFD_NONBLOCK = 0o4000;
export const POLLOUT = 0x4;

export const CLOCK_REALTIME = 0;
export const CLOCK_MONOTONIC = 1;
export const TFD_CLOEXEC = 0o2000000;
export const TFD_NONBLOCK = 0o4000;
export const TFD_TIMER_ABSTIME = 1;
/** struct itimerspec: the interval, then the time of the first expiry, each seconds (i64) and nanoseconds (i64). */
export const ITIMERSPEC_BYTES = 32;
export const ITIMERSPEC_VALUE = 16;

/** The kernel takes no more datagrams in one UDP_SEGMENT send … */
export const UDP_MAX_SEGMENTS = 64;
/** … and no more bytes: 65535 − 8 of the UDP header − 20 of the IPv4 header, or 40 of the IPv6 header. */
export const UDP_MAX_TRAIN_BYTES = 65_487;

export const EINTR = 4;
export const EIO = 5;
export const EBADF = 9;
export const EAGAIN = 11;
export const EINVAL = 22;
export const EDESTADDRREQ = 89;
export const EMSGSIZE = 90;
export const ENOBUFS = 105;
export const ECONNREFUSED = 111;

/** The errno names that a socket call can give. */
const ERRNO_NAMES: ReadonlyMap<number, string> = new Map([
  [1, 'EPERM'],
  [4, 'EINTR'],
  [5, 'EIO'],
  [9, 'EBADF'],
  [11, 'EAGAIN'],
  [12, 'ENOMEM'],
  [13, 'EACCES'],
  [14, 'EFAULT'],
  [22, 'EINVAL'],
  [23, 'ENFILE'],
  [24, 'EMFILE'],
  [28, 'ENOSPC'],
  [71, 'EPROTO'],
  [88, 'ENOTSOCK'],
  [89, 'EDESTADDRREQ'],
  [90, 'EMSGSIZE'],
  [92, 'ENOPROTOOPT'],
  [93, 'EPROTONOSUPPORT'],
  [97, 'EAFNOSUPPORT'],
  [98, 'EADDRINUSE'],
  [99, 'EADDRNOTAVAIL'],
  [100, 'ENETDOWN'],
  [101, 'ENETUNREACH'],
  [105, 'ENOBUFS'],
  [110, 'ETIMEDOUT'],
  [111, 'ECONNREFUSED'],
  [112, 'EHOSTDOWN'],
  [113, 'EHOSTUNREACH'],
]);

export function errnoName(errno: number): string {
  return ERRNO_NAMES.get(errno) ?? `errno ${errno}`;
}
