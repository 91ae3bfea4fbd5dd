/*
 * Clocks and the kernel's software time stamps (SO_TIMESTAMPING), for the programs that need to know when a datagram really
 * came and went. All times are nanoseconds. Stamps are of CLOCK_REALTIME: only differences of stamps mean anything.
 */
#ifndef STAMPS_H
#define STAMPS_H
#define _GNU_SOURCE
#include <time.h> /* errqueue.h needs it and does not say so */
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* The header of libc may be older than the kernel's. */
#ifndef SCM_TIMESTAMPING
#define SCM_TIMESTAMPING SO_TIMESTAMPING
#endif

static inline void die(const char *what) {
  perror(what);
  exit(1);
}

static inline int64_t ns_of(struct timespec at) {
  return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}

static inline struct timespec timespec_of(int64_t ns) {
  return (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
}

static inline int64_t now_ns(clockid_t clock) {
  struct timespec at;
  clock_gettime(clock, &at);
  return ns_of(at);
}

/* Stamps what arrives, and what is sent: the latter come to the error queue, without the datagram, numbered by send call from 0. */
static inline void stamp_both_ways(int fd) {
  const int flags = SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_TX_SOFTWARE |
                    SOF_TIMESTAMPING_OPT_ID | SOF_TIMESTAMPING_OPT_TSONLY;
  if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &flags, sizeof flags) != 0) die("SO_TIMESTAMPING");
}

/* Room for a stamp, and in the error queue for the number of the send call. */
union stamp_control {
  char bytes[256];
  struct cmsghdr align;
};

/* The stamp that came with a datagram or from the error queue; 0 when there is none. */
static inline int64_t stamp_of(struct msghdr *message) {
  for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part != NULL; part = CMSG_NXTHDR(message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_TIMESTAMPING) continue;
    struct scm_timestamping stamps;
    memcpy(&stamps, CMSG_DATA(part), sizeof stamps);
    return ns_of(stamps.ts[0]);
  }
  return 0;
}

/*
 * Returns when arrivals are being stamped. The first socket that asks for stamps switches them on for the whole machine, but the
 * kernel does it a moment later: what comes until then has none. The socket of this stays open, and so do the stamps on.
 */
static inline void switch_stamps_on(void) {
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in self = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t self_bytes = sizeof self;
  if (bind(fd, (const struct sockaddr *)&self, sizeof self) != 0) die("bind");
  getsockname(fd, (struct sockaddr *)&self, &self_bytes);
  const int flags = SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_RX_SOFTWARE;
  if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &flags, sizeof flags) != 0) die("SO_TIMESTAMPING");
  for (int tries = 0; tries < 1000; tries++) {
    union stamp_control control;
    struct msghdr message = {.msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    if (sendto(fd, "", 1, 0, (const struct sockaddr *)&self, sizeof self) != 1) die("sendto");
    if (recvmsg(fd, &message, 0) < 0) die("recvmsg");
    if (stamp_of(&message) != 0) return;
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  }
  fprintf(stderr, "the kernel does not stamp arrivals\n");
  exit(1);
}

/* Takes one stamp of a sent datagram from the error queue. Returns 0 when there is none left, else 1 and what it is. */
static inline int next_sent_stamp(int fd, uint32_t *send_call, int64_t *at_ns) {
  union stamp_control control;
  struct msghdr message = {.msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
  if (recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) return 0;
  *at_ns = stamp_of(&message);
  *send_call = UINT32_MAX; /* of no call */
  for (struct cmsghdr *part = CMSG_FIRSTHDR(&message); part != NULL; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_IP || part->cmsg_type != IP_RECVERR) continue;
    struct sock_extended_err origin;
    memcpy(&origin, CMSG_DATA(part), sizeof origin);
    if (origin.ee_origin == SO_EE_ORIGIN_TIMESTAMPING) *send_call = origin.ee_data;
  }
  return 1;
}

#endif
