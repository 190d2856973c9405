/* A server that does nothing: for every request it writes the same bytes. What it can do at most, the load can do too.
 *
 *   answerer PORT END ANSWER      END: "line" (a request ends with LF) or "head" (with an empty line); ANSWER: a file
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 256, MOST_DESCRIPTORS = 65536, ROOM = 65536, LONGEST_ANSWER = 4096 };

static char answer[LONGEST_ANSWER];
static size_t answer_length;
static const char *end;
static size_t matched[MOST_DESCRIPTORS]; /* bytes of `end` that a connection's bytes have ended with */

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static int requests_in(int fd, const char *bytes, size_t length) {
  size_t whole = strlen(end), at = matched[fd];
  int found = 0;
  for (size_t i = 0; i < length; i++) {
    at = bytes[i] == end[at] ? at + 1 : bytes[i] == end[0];
    if (at == whole) found++, at = 0;
  }
  matched[fd] = at;
  return found;
}

static int write_answers(int fd, int count) {
  static char out[ROOM * LONGEST_ANSWER / 64];
  size_t length = 0;
  for (int i = 0; i < count; i++) {
    if (length + answer_length > sizeof out) return 0;
    memcpy(out + length, answer, answer_length), length += answer_length;
  }
  return write(fd, out, length) == (ssize_t)length;
}

static void serve(int epoll, int fd) {
  static char in[ROOM];
  ssize_t got = read(fd, in, sizeof in);
  if (got > 0 && write_answers(fd, requests_in(fd, in, (size_t)got))) return;
  epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL);
  close(fd);
}

static void accept_one(int epoll, int listener) {
  int one = 1, fd = accept(listener, NULL, NULL);
  if (fd < 0) return;
  if (fd >= MOST_DESCRIPTORS) { close(fd); return; }
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  matched[fd] = 0;
  struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
  epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

static int listening(int port) {
  int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(fd, (void *)&address, sizeof address) || listen(fd, 1024)) fail("listen");
  return fd;
}

int main(int argc, char **argv) {
  if (argc != 4) { fprintf(stderr, "usage: answerer PORT line|head ANSWER\n"); return 2; }
  end = strcmp(argv[2], "head") ? "\n" : "\r\n\r\n";
  FILE *file = fopen(argv[3], "r");
  if (!file) fail(argv[3]);
  answer_length = fread(answer, 1, sizeof answer, file);
  fclose(file);
  int listener = listening(atoi(argv[1])), epoll = epoll_create1(0);
  struct epoll_event events[EVENTS], event = {.events = EPOLLIN, .data.fd = listener};
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
  for (;;) {
    int ready = epoll_wait(epoll, events, EVENTS, -1);
    for (int i = 0; i < ready; i++)
      if (events[i].data.fd == listener) accept_one(epoll, listener);
      else serve(epoll, events[i].data.fd);
  }
}
