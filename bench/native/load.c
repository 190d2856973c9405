/* Load on one port, from one thread, by epoll; the figures as one JSON object on stdout. See usage().
 *
 * Closed loop: each connection keeps DEPTH requests in flight. A request's time runs from the write to the read that
 * completes its answer.
 * Open loop (--rate): requests are due at even intervals, whatever the server does. A request's time runs from when it
 * was due, so that a server that stalls is charged for all who would have come meanwhile (no coordinated omission).
 *
 * The first part of the time (--warm) is not counted. What is in flight at the end is waited for, and is in the times.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { MOST_PIECES = 64, LONGEST_REQUEST = 65536, LONGEST_TIME_US = 8000000, EVENTS = 256 };
static const uint64_t SECOND = 1000000000, DRAIN = 10 * 1000000000ull;

typedef enum { TEXT, COUNT, ID, KEY } PieceKind;
typedef struct { PieceKind kind; const char *text; size_t length; } Piece;
typedef enum { LINES, HTTP, RESP } Framing;

typedef struct {
  int fd;
  uint64_t sent, answered; /* requests */
  uint64_t *due;           /* a ring of DEPTH: since when each request in flight has been due */
  char *in;
  size_t room, filled, seen; /* of `in`; `seen`: looked at in vain for the end of an answer */
} Connection;

static const char *host = "127.0.0.1", *good = "";
static int port, connections = 50, depth = 1;
static double seconds = 3, warm = 0.5, rate = 0;
static uint64_t most_requests = 0, next_count = 100000000, ids = 1;
static Framing framing = LINES;
static Piece pieces[MOST_PIECES];
static int piece_count;

static Connection *all;
static int epoll, timer = -1, turn;
static uint64_t started, opens, closes, requests, answers, counted, bad, timed, sum_us, longest_ns, last_answer, lost;
static uint64_t scheduled; /* requests of an open loop that have been sent */
static uint32_t *times;    /* how many took so many microseconds, rounded up */
static double cpu_opened, cpu_closed;

static void fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
  exit(1);
}

static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

static double cpu_seconds(void) {
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e-6;
}

/* The request: text with {count} (nine digits, never the same twice), {id} (at random from 1 to IDS), {key} (the same,
 * in seven digits). */

static void add_piece(PieceKind kind, const char *text, size_t length) {
  if (piece_count == MOST_PIECES) fail("a request has at most %d pieces", MOST_PIECES);
  pieces[piece_count++] = (Piece){kind, text, length};
}

static void take_apart(const char *request, size_t length) {
  static const struct { const char *word; PieceKind kind; } words[] = {{"{count}", COUNT}, {"{id}", ID}, {"{key}", KEY}};
  const char *end = request + length, *text = request;
  for (const char *at = request; at < end; at++)
    for (int i = 0; i < 3; i++) {
      size_t size = strlen(words[i].word);
      if ((size_t)(end - at) < size || memcmp(at, words[i].word, size)) continue;
      add_piece(TEXT, text, (size_t)(at - text));
      add_piece(words[i].kind, NULL, 0);
      text = at + size;
      at = text - 1;
      break;
    }
  add_piece(TEXT, text, (size_t)(end - text));
}

static void read_request(const char *path) {
  FILE *file = fopen(path, "r");
  if (!file) fail("%s: %s", path, strerror(errno));
  char *request = malloc(LONGEST_REQUEST / 2);
  size_t length = fread(request, 1, LONGEST_REQUEST / 2, file);
  if (!length || !feof(file)) fail("%s: a request has from 1 to %d bytes", path, LONGEST_REQUEST / 2 - 1);
  fclose(file);
  take_apart(request, length);
}

static uint64_t at_random(void) {
  static uint64_t x = 88172645463325252ull;
  x ^= x << 13, x ^= x >> 7, x ^= x << 17;
  return x % ids + 1;
}

static size_t put_digits(char *at, uint64_t number, int least) {
  char digits[20];
  int n = 0;
  while (number || n < least) digits[n++] = (char)('0' + number % 10), number /= 10;
  for (int i = 0; i < n; i++) at[i] = digits[n - 1 - i];
  return (size_t)n;
}

static size_t put_request(char *at) {
  char *from = at;
  for (const Piece *piece = pieces; piece < pieces + piece_count; piece++) {
    if (piece->kind == TEXT) memcpy(at, piece->text, piece->length), at += piece->length;
    else if (piece->kind == COUNT) at += put_digits(at, next_count++, 9);
    else at += put_digits(at, at_random(), piece->kind == KEY ? 7 : 1);
  }
  return (size_t)(at - from);
}

/* Sending */

static void write_all(int fd, const char *bytes, size_t length) {
  while (length) {
    ssize_t written = write(fd, bytes, length);
    if (written < 0 && errno == EAGAIN) {
      struct pollfd writable = {.fd = fd, .events = POLLOUT};
      if (poll(&writable, 1, 10000) == 0) fail("the server has read nothing for 10 seconds");
    } else if (written < 0) fail("a connection broke: %s", strerror(errno));
    else bytes += written, length -= (size_t)written;
  }
}

static void send_requests(Connection *connection, int count, uint64_t due) {
  static char out[LONGEST_REQUEST * 2];
  size_t length = 0;
  for (int i = 0; i < count && !(most_requests && requests == most_requests); i++) {
    length += put_request(out + length);
    connection->due[connection->sent++ % (uint64_t)depth] = due;
    requests++;
    if (length > LONGEST_REQUEST) write_all(connection->fd, out, length), length = 0;
  }
  write_all(connection->fd, out, length);
}

static Connection *free_connection(void) {
  for (int i = 0; i < connections; i++) {
    Connection *connection = all + turn;
    turn = (turn + 1) % connections;
    if (connection->sent - connection->answered < (uint64_t)depth) return connection;
  }
  return NULL;
}

static uint64_t due_at(uint64_t number) { return started + (uint64_t)((double)number * (double)SECOND / rate); }

static void send_what_is_due(void) {
  Connection *connection;
  uint64_t due, time = now();
  while ((due = due_at(scheduled)) <= time && due < closes) {
    if (!(connection = free_connection())) return; /* the next answer frees one; its time runs */
    scheduled++;
    send_requests(connection, 1, due);
  }
  struct itimerspec next = {.it_value = {(time_t)(due / SECOND), (long)(due % SECOND)}};
  timerfd_settime(timer, TFD_TIMER_ABSTIME, &next, NULL);
}

/* Receiving: each of these gives the length of the answer at the start of the bytes, 0 where it is not whole. */

static size_t line_length(const char *at, size_t length, size_t seen) {
  const char *end = memchr(at + seen, '\n', length - seen);
  return end ? (size_t)(end - at) + 1 : 0;
}

static size_t http_length(const char *at, size_t length) {
  const char *end = memmem(at, length, "\r\n\r\n", 4);
  if (!end) return 0;
  for (const char *line = at; line < end;) {
    if (!strncasecmp(line, "content-length:", 15)) {
      size_t whole = (size_t)(end - at) + 4 + strtoul(line + 15, NULL, 10);
      return whole <= length ? whole : 0;
    }
    line = (const char *)memchr(line, '\n', (size_t)(end + 2 - line)) + 1;
  }
  fail("an answer without Content-Length: %.*s", (int)(end - at), at);
  return 0;
}

static size_t resp_length(const char *at, size_t length) {
  size_t line = line_length(at, length, 0);
  if (!line || *at != '$' || at[1] == '-') return line;
  size_t whole = line + strtoul(at + 1, NULL, 10) + 2;
  return whole <= length ? whole : 0;
}

static size_t answer_length(const char *at, size_t length, size_t seen) {
  return framing == LINES ? line_length(at, length, seen) : framing == HTTP ? http_length(at, length) : resp_length(at, length);
}

static void count_answer(Connection *connection, const char *answer, size_t length, uint64_t time) {
  size_t prefix = strlen(good);
  uint64_t due = connection->due[connection->answered++ % (uint64_t)depth];
  answers++;
  last_answer = time;
  if (length < prefix || memcmp(answer, good, prefix))
    if (!bad++) fprintf(stderr, "not what every answer must begin with: %.*s\n", (int)(length < 300 ? length : 300), answer);
  if (time >= opens && time < closes) counted++;
  if (due < opens || due >= closes) return;
  uint64_t took = time - due, us = (took + 999) / 1000;
  times[us < LONGEST_TIME_US ? us : LONGEST_TIME_US - 1]++;
  timed++, sum_us += us;
  if (took > longest_ns) longest_ns = took;
}

/* Give how many answers came. */
static int receive(Connection *connection) {
  if (connection->filled == connection->room) connection->in = realloc(connection->in, connection->room *= 2);
  ssize_t got = read(connection->fd, connection->in + connection->filled, connection->room - connection->filled);
  if (got < 0 && errno == EAGAIN) return 0;
  if (got <= 0) fail("the server closed a connection after %lu answers", (unsigned long)answers);
  uint64_t time = now();
  connection->filled += (size_t)got;
  size_t from = 0, length;
  int came = 0;
  while (from < connection->filled) {
    size_t rest = connection->filled - from;
    if (!(length = answer_length(connection->in + from, rest, came ? 0 : connection->seen))) break;
    if (connection->answered == connection->sent) fail("an answer that nobody asked for: %.*s", (int)(length < 300 ? length : 300), connection->in + from);
    count_answer(connection, connection->in + from, length, time);
    from += length, came++;
  }
  connection->filled -= from;
  if (came && connection->filled) memmove(connection->in, connection->in + from, connection->filled);
  connection->seen = connection->filled;
  return came;
}

/* The run */

static void connect_all(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  if (inet_pton(AF_INET, host, &address.sin_addr) != 1) fail("%s is no IPv4 address", host);
  epoll = epoll_create1(0);
  all = calloc((size_t)connections, sizeof *all);
  for (Connection *connection = all; connection < all + connections; connection++) {
    int one = 1;
    connection->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connection->fd < 0 || connect(connection->fd, (void *)&address, sizeof address)) fail("%s:%d: %s", host, port, strerror(errno));
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(connection->fd, F_SETFL, O_NONBLOCK);
    connection->due = calloc((size_t)depth, sizeof(uint64_t));
    connection->in = malloc(connection->room = 65536);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    epoll_ctl(epoll, EPOLL_CTL_ADD, connection->fd, &event);
  }
  if (rate > 0) {
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &event);
  }
}

static int is_over(uint64_t time) {
  int asked = most_requests ? requests == most_requests : time >= closes;
  return (asked && answers == requests) || time >= closes + DRAIN;
}

static void run(void) {
  struct epoll_event events[EVENTS];
  started = now();
  opens = started + (uint64_t)(warm * (double)SECOND);
  closes = opens + (uint64_t)(seconds * (double)SECOND);
  if (rate > 0) send_what_is_due();
  else for (int i = 0; i < connections; i++) send_requests(all + i, depth, now());
  cpu_opened = cpu_closed = -1;
  for (uint64_t time; !is_over(time = now());) {
    if (cpu_opened < 0 && time >= opens) cpu_opened = cpu_seconds();
    if (cpu_closed < 0 && time >= closes) cpu_closed = cpu_seconds();
    int ready = epoll_wait(epoll, events, EVENTS, 50);
    for (int i = 0; i < ready; i++) {
      Connection *connection = events[i].data.ptr;
      uint64_t expired;
      if (!connection) { while (read(timer, &expired, sizeof expired) > 0); continue; }
      int came = receive(connection);
      if (came && rate <= 0 && (time = now()) < closes) send_requests(connection, came, time);
    }
    if (rate > 0) send_what_is_due();
  }
  if (cpu_closed < 0) cpu_closed = cpu_seconds();
}

static uint64_t percentile(double part) {
  uint64_t rank = (uint64_t)((double)timed * part), below = 0;
  if (rank == timed && timed) rank--;
  for (uint64_t us = 0; us < LONGEST_TIME_US; us++)
    if ((below += times[us]) > rank) return us;
  return 0;
}

static void report(void) {
  double window = most_requests ? (double)(last_answer - opens) / (double)SECOND : seconds;
  double busy = cpu_opened < 0 ? 0 : (cpu_closed - cpu_opened) / window;
  uint64_t never_sent = 0;
  while (rate > 0 && due_at(scheduled + never_sent) < closes) never_sent++;
  lost = requests - answers + never_sent;
  printf("{\"rate\": %.1f, \"p50_us\": %lu, \"p99_us\": %lu, \"p999_us\": %lu, \"max_us\": %lu, \"mean_us\": %.1f, ",
         (double)counted / window, (unsigned long)percentile(0.5), (unsigned long)percentile(0.99),
         (unsigned long)percentile(0.999), (unsigned long)((longest_ns + 999) / 1000), timed ? (double)sum_us / (double)timed : 0.0);
  printf("\"answers\": %lu, \"errors\": %lu, \"lost\": %lu, \"busy\": %.3f, \"seconds\": %.3f}\n", (unsigned long)answers,
         (unsigned long)bad, (unsigned long)lost, busy, window);
}

static void usage(void) {
  fail("usage: load --port N --request FILE [--host 127.0.0.1] [--framing lines|http|resp] [--connections 50] [--depth 1]\n"
       "            [--seconds 3] [--warm 0.5] [--rate N: an open loop of so many a second] [--requests N: so many, whatever it takes]\n"
       "            [--good TEXT: what every answer begins with] [--ids N: for {id} and {key}] [--first N: the first {count}]");
}

int main(int argc, char **argv) {
  static const struct option options[] = {{"port", 1, 0, 'p'}, {"request", 1, 0, 'q'}, {"host", 1, 0, 'h'}, {"framing", 1, 0, 'f'},
    {"connections", 1, 0, 'c'}, {"depth", 1, 0, 'd'}, {"seconds", 1, 0, 's'}, {"warm", 1, 0, 'w'}, {"rate", 1, 0, 'r'},
    {"requests", 1, 0, 'n'}, {"good", 1, 0, 'g'}, {"ids", 1, 0, 'i'}, {"first", 1, 0, 'F'}, {0, 0, 0, 0}};
  for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) switch (option) {
    case 'p': port = atoi(optarg); break;
    case 'q': read_request(optarg); break;
    case 'h': host = optarg; break;
    case 'f': framing = !strcmp(optarg, "http") ? HTTP : !strcmp(optarg, "resp") ? RESP : LINES; break;
    case 'c': connections = atoi(optarg); break;
    case 'd': depth = atoi(optarg); break;
    case 's': seconds = atof(optarg); break;
    case 'w': warm = atof(optarg); break;
    case 'r': rate = atof(optarg); break;
    case 'n': most_requests = strtoull(optarg, NULL, 10); break;
    case 'g': good = optarg; break;
    case 'i': ids = strtoull(optarg, NULL, 10); break;
    case 'F': next_count = strtoull(optarg, NULL, 10); break;
    default: usage();
  }
  if (!port || !piece_count || connections < 1 || depth < 1 || !ids || optind < argc) usage();
  if (most_requests) warm = 0, seconds = 600;
  times = calloc(LONGEST_TIME_US, sizeof *times);
  connect_all();
  run();
  report();
  return bad || lost ? 1 : 0;
}
