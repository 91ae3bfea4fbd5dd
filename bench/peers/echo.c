/*
 * The yardstick of the echo: UDP datagrams go back to their source, up to 64 with one recvmmsg and one sendmmsg.
 * Blocks while nothing is there (MSG_WAITFORONE). One thread, one socket, nothing allocated after the start.
 *
 *   echo PORT        on 127.0.0.1; prints one line when it listens; ends with SIGTERM
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { BATCH = 64, SLOT = 2048, BUFFER = 2 * 1024 * 1024 };

static char packets[BATCH][SLOT];
static struct sockaddr_in sources[BATCH];
static struct iovec in_parts[BATCH], out_parts[BATCH];
static struct mmsghdr in[BATCH], out[BATCH];

int main(int argc, char **argv) {
  if (argc != 2) return fprintf(stderr, "usage: echo PORT\n"), 2;
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  const int size = BUFFER;
  const struct sockaddr_in local = {
      .sin_family = AF_INET, .sin_port = htons(atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  if (bind(fd, (const struct sockaddr *)&local, sizeof local) != 0) return perror("bind"), 1;
  printf("echo listening on %s\n", argv[1]);
  fflush(stdout);

  for (int i = 0; i < BATCH; i++) {
    in_parts[i] = (struct iovec){packets[i], SLOT};
    out_parts[i].iov_base = packets[i];
    in[i].msg_hdr = (struct msghdr){.msg_name = &sources[i], .msg_namelen = sizeof sources[i], .msg_iov = &in_parts[i], .msg_iovlen = 1};
    out[i].msg_hdr = (struct msghdr){.msg_name = &sources[i], .msg_namelen = sizeof sources[i], .msg_iov = &out_parts[i], .msg_iovlen = 1};
  }
  for (;;) {
    const int got = recvmmsg(fd, in, BATCH, MSG_WAITFORONE, NULL);
    if (got < 0) continue; /* interrupted */
    for (int i = 0; i < got; i++) out_parts[i].iov_len = in[i].msg_len;
    for (int sent = 0; sent < got;) {
      const int n = sendmmsg(fd, out + sent, got - sent, 0);
      sent += n > 0 ? n : 1; /* what the kernel refuses is dropped, as UDP may */
    }
  }
}
