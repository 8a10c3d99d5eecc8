/* What the machine itself asks for the same traffic: one thread of C, epoll for WebSocket control, recvmmsg every 2 ms for UDP audio, a table
   lookup and a copy per packet, captions as prepared frames to the client and one watcher. For orientation beside the ratio, nothing is held
   to it. Usage: raw CAPTIONS_PER_SECOND; prints "tcp PORT udp PORT", ends with its standard input. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SESSIONS = 20000, FDS = 65536, BATCH = 512, PACKET = 2048, KEPT = 16384 };

struct session { int client, watcher; uint64_t packets, bytes; double jitter, last; uint8_t *kept; int kept_at; };
static struct session sessions[SESSIONS];
static int session_count;
static char request[FDS][1024];
static int request_length[FDS];
static char open_socket[FDS];

static double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

/* SHA-1 of at most 119 bytes (RFC 3174) and Base64: all a WebSocket handshake needs. */
static void sha1(const uint8_t *data, size_t length, uint8_t out[20]) {
  uint8_t block[128] = {0};
  uint32_t h[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
  size_t blocks = (length + 9 + 63) / 64;
  memcpy(block, data, length);
  block[length] = 0x80;
  uint64_t bits = length * 8;
  for (int i = 0; i < 8; i++) block[blocks * 64 - 1 - i] = bits >> (8 * i);
  for (size_t b = 0; b < blocks; b++) {
    uint32_t w[80], a = h[0], bb = h[1], c = h[2], d = h[3], e = h[4];
    for (int i = 0; i < 16; i++)
      w[i] = block[b * 64 + i * 4] << 24 | block[b * 64 + i * 4 + 1] << 16 | block[b * 64 + i * 4 + 2] << 8 | block[b * 64 + i * 4 + 3];
    for (int i = 16; i < 80; i++) { uint32_t x = w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16]; w[i] = x << 1 | x >> 31; }
    for (int i = 0; i < 80; i++) {
      uint32_t f = i < 20 ? (bb & c) | (~bb & d) : i < 40 ? bb ^ c ^ d : i < 60 ? (bb & c) | (bb & d) | (c & d) : bb ^ c ^ d;
      uint32_t k = i < 20 ? 0x5A827999 : i < 40 ? 0x6ED9EBA1 : i < 60 ? 0x8F1BBCDC : 0xCA62C1D6;
      uint32_t t = (a << 5 | a >> 27) + f + e + k + w[i];
      e = d; d = c; c = bb << 30 | bb >> 2; bb = a; a = t;
    }
    h[0] += a; h[1] += bb; h[2] += c; h[3] += d; h[4] += e;
  }
  for (int i = 0; i < 20; i++) out[i] = h[i / 4] >> (24 - 8 * (i % 4));
}

static void base64(const uint8_t *in, int length, char *out) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  int at = 0;
  for (int i = 0; i < length; i += 3) {
    uint32_t v = in[i] << 16 | (i + 1 < length ? in[i + 1] << 8 : 0) | (i + 2 < length ? in[i + 2] : 0);
    out[at++] = digits[v >> 18];
    out[at++] = digits[v >> 12 & 63];
    out[at++] = i + 1 < length ? digits[v >> 6 & 63] : '=';
    out[at++] = i + 2 < length ? digits[v & 63] : '=';
  }
  out[at] = 0;
}

static void upgrade(int fd) {
  char *text = request[fd], *key = strcasestr(text, "sec-websocket-key:");
  if (!key) return;
  char joined[128], accept[64], answer[256];
  uint8_t digest[20];
  int length = 0;
  for (key += 18; *key == ' ';) key++;
  while (key[length] && key[length] != '\r') length++;
  snprintf(joined, sizeof joined, "%.*s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", length, key);
  sha1((uint8_t *)joined, strlen(joined), digest);
  base64(digest, 20, accept);
  int size = snprintf(answer, sizeof answer,
                      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", accept);
  if (write(fd, answer, size) != size) return;
  open_socket[fd] = 1;
  char *id = strstr(text, "id=");
  int number = id ? atoi(id + 3) : -1;
  if (number < 0 || number >= SESSIONS) return;
  struct session *session = &sessions[number];
  if (strncmp(text, "GET /watch", 10) == 0) { session->watcher = fd; return; }
  session->client = fd;
  session->kept = malloc(KEPT);
  if (number >= session_count) session_count = number + 1;
}

static void on_tcp(int epoll, int fd) {
  char buffer[4096];
  if (fd < 0 || fd >= FDS) return;
  ssize_t got = read(fd, buffer, sizeof buffer);
  if (got <= 0) { if (got == 0 || errno != EAGAIN) { epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL); request_length[fd] = open_socket[fd] = 0; close(fd); } return; }
  if (open_socket[fd] || request_length[fd] + got >= (ssize_t)sizeof request[fd]) return;
  memcpy(request[fd] + request_length[fd], buffer, got);
  request_length[fd] += got;
  if (strstr(request[fd], "\r\n\r\n")) upgrade(fd);
}

static void caption(struct session *session, int number) {
  char frame[512], text[400];
  int length = snprintf(text, sizeof text,
                        "{\"type\":\"caption\",\"kind\":\"partial\",\"utterance\":{\"epoch\":1,\"index\":%d},\"revision\":1,\"text\":\"the quick brown fox "
                        "jumps over the lazy dog again\",\"stable\":20,\"startMs\":1000,\"endMs\":2000,\"language\":\"en\"}", number);
  frame[0] = (char)0x81;
  frame[1] = 126;
  frame[2] = length >> 8;
  frame[3] = length & 255;
  memcpy(frame + 4, text, length);
  if (session->client > 0) send(session->client, frame, length + 4, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (session->watcher > 0) send(session->watcher, frame, length + 4, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static uint8_t packets[BATCH][PACKET];

static void on_udp(int fd) {
  static struct mmsghdr messages[BATCH];
  static struct iovec vectors[BATCH];
  for (int i = 0; i < BATCH; i++) {
    vectors[i] = (struct iovec){packets[i], PACKET};
    messages[i].msg_hdr = (struct msghdr){.msg_iov = &vectors[i], .msg_iovlen = 1};
  }
  for (;;) {
    int got = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, NULL);
    if (got <= 0) return;
    double now = now_ms();
    for (int i = 0; i < got; i++) {
      uint8_t *packet = packets[i];
      uint32_t channel = packet[1] << 24 | packet[2] << 16 | packet[3] << 8 | packet[4];
      if (messages[i].msg_len < 14 || channel >= SESSIONS || !sessions[channel].kept) continue;
      struct session *session = &sessions[channel];
      int length = messages[i].msg_len - 14;
      session->packets++;
      session->bytes += length;
      double difference = now - session->last - 20;
      session->jitter += ((difference < 0 ? -difference : difference) - session->jitter) / 16;
      session->last = now;
      if (session->kept_at + length > KEPT) session->kept_at = 0;
      memcpy(session->kept + session->kept_at, packet + 14, length);
      session->kept_at += length;
    }
    if (got < BATCH) return;
  }
}

static int listening(int type, int *port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int fd = socket(AF_INET, type | SOCK_NONBLOCK, 0), buffer = 4 << 20;
  if (type == SOCK_DGRAM) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
  if (bind(fd, (struct sockaddr *)&address, size) || (type == SOCK_STREAM && listen(fd, 4096))) exit(1);
  getsockname(fd, (struct sockaddr *)&address, &size);
  *port = ntohs(address.sin_port);
  return fd;
}

int main(int argc, char **argv) {
  double per_second = argc > 1 ? atof(argv[1]) : 3;
  int tcp_port, udp_port, tcp = listening(SOCK_STREAM, &tcp_port), udp = listening(SOCK_DGRAM, &udp_port), epoll = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN, .data.fd = tcp};
  epoll_ctl(epoll, EPOLL_CTL_ADD, tcp, &event);
  event.data.fd = 0;
  epoll_ctl(epoll, EPOLL_CTL_ADD, 0, &event);
  printf("tcp %d udp %d\n", tcp_port, udp_port);
  fflush(stdout);
  double due = 0, last = now_ms();
  int next = 0, number = 0;
  for (;;) {
    struct epoll_event events[256];
    int got = epoll_wait(epoll, events, 256, 0);
    for (int i = 0; i < got; i++) {
      int fd = events[i].data.fd;
      if (fd == 0) { char ignored; if (read(0, &ignored, 1) <= 0) return 0; continue; }
      if (fd != tcp) { on_tcp(epoll, fd); continue; }
      int client = accept4(tcp, NULL, NULL, SOCK_NONBLOCK), one = 1;
      if (client < 0 || client >= FDS) continue;
      setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      event = (struct epoll_event){.events = EPOLLIN, .data.fd = client};
      epoll_ctl(epoll, EPOLL_CTL_ADD, client, &event);
    }
    on_udp(udp);
    double now = now_ms();
    due += (now - last) / 1e3 * per_second * session_count;
    last = now;
    for (; due >= 1 && session_count > 0; due--) { caption(&sessions[next], number++); next = (next + 1) % session_count; }
    usleep(2000);
  }
}
