/* Sends prepared datagrams when they are due: more sessions than a generator in Node could serve beside the server it measures. Usage:
   pacer FILE UDP_PORT. FILE: u32 packets, u32 bytes of each, f64 wall clock ms of the start, then per packet u32 due (us after the
   start, rising) and its bytes; little endian. Prints how many were sent, and the greatest delay in ms. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 256 };

static double wall_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  int file = open(argv[1], O_RDONLY), out;
  struct stat info;
  if (file < 0 || fstat(file, &info)) return 1;
  uint8_t *data = mmap(NULL, info.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0);
  uint32_t count = *(uint32_t *)data, bytes = *(uint32_t *)(data + 4);
  double start = *(double *)(data + 8), worst = 0;
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  /* One source for all: a session's packets must not change their address all the time. */
  out = socket(AF_INET, SOCK_DGRAM, 0);
  if (connect(out, (struct sockaddr *)&to, sizeof to)) return 1;
  struct mmsghdr messages[BATCH];
  struct iovec vectors[BATCH];
  memset(messages, 0, sizeof messages);
  for (int i = 0; i < BATCH; i++) messages[i].msg_hdr = (struct msghdr){.msg_iov = &vectors[i], .msg_iovlen = 1};
  uint8_t *record = data + 16;
  uint64_t sent = 0;
  while (sent < count) {
    double now_us = (wall_ms() - start) * 1e3;
    int ready = 0;
    while (ready < BATCH && sent + ready < count) {
      uint8_t *next = record + (uint64_t)ready * (bytes + 4);
      if (*(uint32_t *)next > now_us) break;
      double late = now_us / 1e3 - *(uint32_t *)next / 1e3;
      if (late > worst) worst = late;
      vectors[ready++] = (struct iovec){next + 4, bytes};
    }
    for (int done = 0; done < ready;) {
      int got = sendmmsg(out, messages + done, ready - done, 0);
      if (got <= 0 && errno != EINTR && errno != ECONNREFUSED) return 1;
      if (got > 0) done += got;
    }
    record += (uint64_t)ready * (bytes + 4);
    sent += ready;
    if (ready < BATCH) usleep(500);
  }
  printf("%lu %.1f\n", (unsigned long)sent, worst);
  return 0;
}
