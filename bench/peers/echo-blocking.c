/*
 * The shortest way through an echo: one recvfrom, one sendto, one packet at a time. The yardstick of the latency that an echo
 * adds, where batches have nothing to gain.
 *
 *   echo-blocking PORT        on 127.0.0.1; prints one line when it listens; ends with SIGTERM
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

int main(int argc, char **argv) {
  if (argc != 2) return fprintf(stderr, "usage: echo-blocking PORT\n"), 2;
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  const int size = 2 * 1024 * 1024;
  const struct sockaddr_in local = {
      .sin_family = AF_INET, .sin_port = htons(atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  if (bind(fd, (const struct sockaddr *)&local, sizeof local) != 0) return perror("bind"), 1;
  printf("echo listening on %s\n", argv[1]);
  fflush(stdout);

  static char packet[2048];
  for (;;) {
    struct sockaddr_in source;
    socklen_t length = sizeof source;
    const ssize_t bytes = recvfrom(fd, packet, sizeof packet, 0, (struct sockaddr *)&source, &length);
    if (bytes >= 0) sendto(fd, packet, bytes, 0, (struct sockaddr *)&source, length);
  }
}
