/*
 * An SCTP peer made of usrsctp: packets lie directly in UDP datagrams on loopback, both SCTP ports
 * are 5000.
 *
 *     sctp_peer connect|listen LOCAL_PORT REMOTE_PORT STEP...
 *
 * Who connects also answers one who connects at the same time (RFC 9260 section 5.2.1). Once the
 * association is up, steps are taken one after another, and what arrives meanwhile is checked:
 *
 *     seed=N         what the following messages are drawn from
 *     longest=N      the greatest size of the following messages, in bytes
 *     streams=N      the following messages go out on streams 0 to N - 1
 *     send=N         send N messages, until all are acknowledged
 *     queue=N        send N messages, and wait for nothing
 *     receive=N      until N messages have been received since the start
 *     reset=N        reset outgoing stream N (RFC 6525), until the other side has agreed
 *     reset-by=N     until the other side has reset its stream N
 *     shutdown       shut down, until the other side has agreed
 *     abort          abort
 *     closed         until the association has ended, in whatever way
 *
 * Messages on odd streams are unordered. The first two are of 1 byte and of the greatest size, the
 * others of sizes whose logarithms are spread, the small ones more often. From 16 bytes on, a
 * message begins with its number on its stream (32 bits) and ends with the FNV-1a hash of all that
 * is before (64 bits), both in network order: with these, order and contents are checked here. All
 * messages count in a digest of their stream, to be compared with the other side's.
 *
 * Prints JSON, one object a line: {"ready": true} when the port is bound, {"connected": {...}},
 * {"done": STEP} after each step, {"ended": STATE} when the association has, which leaves the
 * remaining steps undone, and {"result": {...}} when standard input ends.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <usrsctp.h>

enum {
    SCTP_PORT = 5000,
    STREAMS = 1024,
    LONGEST = 1 << 20,
    /* What is read at once: less than the longest message, so that messages come in pieces. */
    PIECE = 48 << 10,
    SCTP_BUFFER = 4 << 20,
    UDP_BUFFER = 4 << 20,
    /* Bytes of an SCTP packet (usrsctp names it path MTU). */
    PACKET = 1200,
    /* The granularity of usrsctp's timers, in milliseconds. */
    TIMER = 10,
    /* Datagrams that are taken in, and messages that are handed over, before the other is looked
     * after. */
    TURN = 64,
    /* Messages from this size on carry a number and a hash. */
    NUMBERED = 16,
};

enum state { WAITING, UP, SHUT_DOWN, LOST, REFUSED };

static const char *const STATES[] = {"waiting", "up", "shutDown", "lost", "refused"};

/* What went over a stream in one direction. */
struct tally {
    uint64_t messages;
    uint64_t bytes;
    uint64_t digest;
};

/* A message that is not complete yet. */
struct partial {
    uint8_t *bytes;
    size_t length;
};

static struct {
    int udp;
    struct socket *listener;
    struct socket *socket;
    enum state state;
    uint16_t outgoing_streams;
    uint16_t incoming_streams;
    uint64_t restarts;
    bool dry;
    bool reset_agreed[STREAMS];
    bool reset_refused;
    bool reset_by_peer[STREAMS];
    /* Messages whose contents, order or flags were wrong. */
    uint64_t wrong;
    uint64_t pieces;
    uint64_t received_messages;
    struct tally sent[STREAMS];
    struct tally received[STREAMS];
    struct partial partial[STREAMS];
    /* The least number that the next message on an ordered stream may have. */
    uint32_t next_number[STREAMS];
} peer;

/* The message that goes out next. */
static struct {
    uint64_t random;
    size_t longest;
    uint16_t streams;
    /* Messages made since the seed was set. */
    uint64_t made;
    bool waits;
    uint16_t stream;
    size_t length;
    uint8_t bytes[LONGEST];
} next = {.random = 1, .longest = 1 << 18, .streams = 8};

static void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

/* FNV-1a, 64 bits. */
static uint64_t fnv(uint64_t hash, const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

static const uint64_t FNV_BASIS = UINT64_C(0xcbf29ce484222325);

static bool is_unordered(uint16_t stream)
{
    return stream % 2;
}

/* Counts a message. Order matters to the digest of an ordered stream, and only there. */
static void count(struct tally *tally, uint16_t stream, uint32_t ppid, const uint8_t *bytes,
                  size_t length)
{
    uint32_t ppid_bytes = htonl(ppid);
    uint64_t hash = fnv(FNV_BASIS, (const uint8_t *)&ppid_bytes, sizeof ppid_bytes);
    hash = fnv(hash, bytes, length);
    tally->messages++;
    tally->bytes += length;
    tally->digest = (is_unordered(stream) ? tally->digest : tally->digest * 31) + hash;
}

/* Marsaglia's xorshift64*. */
static uint64_t draw(void)
{
    next.random ^= next.random >> 12;
    next.random ^= next.random << 25;
    next.random ^= next.random >> 27;
    return next.random * UINT64_C(0x2545f4914f6cdd1d);
}

static uint32_t below(uint32_t limit)
{
    return (draw() >> 32) * limit >> 32;
}

static size_t draw_length(void)
{
    if (next.made < 2) {
        return next.made ? next.longest : 1;
    }
    unsigned bits = 0;
    while (next.longest >> (bits + 1)) {
        bits++;
    }
    uint32_t one = below(bits), other = below(bits);
    uint32_t least = UINT32_C(1) << (one < other ? one : other);
    return least + below(least);
}

static void put(uint8_t *at, uint64_t number, int bytes)
{
    while (bytes-- > 0) {
        at[bytes] = number;
        number >>= 8;
    }
}

static uint64_t get(const uint8_t *at, int bytes)
{
    uint64_t number = 0;
    while (bytes-- > 0) {
        number = number << 8 | *at++;
    }
    return number;
}

static void make_message(void)
{
    next.stream = below(next.streams);
    next.length = draw_length();
    for (size_t i = 0; i < next.length; i += 8) {
        uint64_t word = draw();
        memcpy(next.bytes + i, &word, next.length - i < 8 ? next.length - i : 8);
    }
    if (next.length >= NUMBERED) {
        put(next.bytes, peer.sent[next.stream].messages, 4);
        size_t body = next.length - 8;
        put(next.bytes + body, fnv(FNV_BASIS, next.bytes, body), 8);
    }
    next.made++;
    next.waits = true;
}

/* Text on even streams, bytes on odd ones (RFC 8831 section 8). */
static uint32_t ppid_of(uint16_t stream)
{
    return is_unordered(stream) ? 53 : 51;
}

/* Hands the next message to the stack; false when there is no room for it. */
static bool send_message(void)
{
    if (!next.waits) {
        make_message();
    }
    struct sctp_sndinfo info = {
        .snd_sid = next.stream,
        .snd_flags = is_unordered(next.stream) ? SCTP_UNORDERED : 0,
        .snd_ppid = htonl(ppid_of(next.stream)),
    };
    ssize_t taken = usrsctp_sendv(peer.socket, next.bytes, next.length, NULL, 0, &info, sizeof info,
                                  SCTP_SENDV_SNDINFO, 0);
    if (taken < 0 && (errno == EWOULDBLOCK || errno == EAGAIN)) {
        return false;
    }
    if (taken < 0) {
        /* The association has ended; the notification of it comes. */
        if (peer.state == UP && errno != EPIPE && errno != ECONNRESET && errno != ENOTCONN) {
            fail("a message of %zu bytes was not sent: %s", next.length, strerror(errno));
        }
        return false;
    }
    if ((size_t)taken != next.length) {
        fail("%zd of %zu bytes were sent", taken, next.length);
    }
    struct tally *tally = &peer.sent[next.stream];
    count(tally, next.stream, ppid_of(next.stream), next.bytes, next.length);
    next.waits = false;
    return true;
}

/* Whether the contents of a message are what its sender wrote, in the order it wrote them. */
static bool is_right(uint16_t stream, uint16_t flags, const uint8_t *bytes, size_t length)
{
    if (is_unordered(stream) != !!(flags & SCTP_UNORDERED)) {
        return false;
    }
    if (length < NUMBERED) {
        return true;
    }
    size_t body = length - 8;
    uint32_t number = get(bytes, 4);
    bool in_order = is_unordered(stream) || number >= peer.next_number[stream];
    peer.next_number[stream] = number + 1;
    return in_order && get(bytes + body, 8) == fnv(FNV_BASIS, bytes, body);
}

/* Takes in a piece of a message, and the message when it is complete. */
static void take_piece(const struct sctp_rcvinfo *info, const uint8_t *bytes, size_t length,
                       bool is_last)
{
    uint16_t stream = info->rcv_sid;
    if (stream >= STREAMS) {
        fail("a message came on stream %u", stream);
    }
    struct partial *partial = &peer.partial[stream];
    if (partial->length + length > LONGEST) {
        fail("a message on stream %u is longer than %d bytes", stream, LONGEST);
    }
    if (!partial->bytes && !(partial->bytes = malloc(LONGEST))) {
        fail("no memory");
    }
    memcpy(partial->bytes + partial->length, bytes, length);
    partial->length += length;
    peer.pieces++;
    if (!is_last) {
        return;
    }
    uint32_t ppid = ntohl(info->rcv_ppid);
    peer.wrong += !is_right(stream, info->rcv_flags, partial->bytes, partial->length);
    count(&peer.received[stream], stream, ppid, partial->bytes, partial->length);
    peer.received_messages++;
    partial->length = 0;
}

static void end_as(enum state state)
{
    peer.state = state;
    printf("{\"ended\": \"%s\"}\n", STATES[state]);
}

static void take_association_change(const struct sctp_assoc_change *change)
{
    switch (change->sac_state) {
    case SCTP_COMM_UP:
        peer.state = UP;
        peer.outgoing_streams = change->sac_outbound_streams;
        peer.incoming_streams = change->sac_inbound_streams;
        printf("{\"connected\": {\"outgoingStreams\": %u, \"incomingStreams\": %u}}\n",
               peer.outgoing_streams, peer.incoming_streams);
        break;
    case SCTP_RESTART:
        peer.restarts++;
        break;
    case SCTP_COMM_LOST:
        end_as(LOST);
        break;
    case SCTP_SHUTDOWN_COMP:
        end_as(SHUT_DOWN);
        break;
    case SCTP_CANT_STR_ASSOC:
        end_as(REFUSED);
        break;
    }
}

static void take_reset(const struct sctp_stream_reset_event *event)
{
    size_t listed = (event->strreset_length - sizeof *event) / sizeof(uint16_t);
    if (event->strreset_flags & (SCTP_STREAM_RESET_DENIED | SCTP_STREAM_RESET_FAILED)) {
        peer.reset_refused = true;
        return;
    }
    bool incoming = event->strreset_flags & SCTP_STREAM_RESET_INCOMING_SSN;
    bool *streams = incoming ? peer.reset_by_peer : peer.reset_agreed;
    for (size_t i = 0; i < listed; i++) {
        uint16_t stream = event->strreset_stream_list[i];
        if (stream < STREAMS) {
            streams[stream] = true;
        }
    }
}

static void take_notification(const void *bytes, size_t length)
{
    const union sctp_notification *notification = bytes;
    if (length < sizeof notification->sn_header || length != notification->sn_header.sn_length) {
        fail("a notification is not whole");
    }
    switch (notification->sn_header.sn_type) {
    case SCTP_ASSOC_CHANGE:
        take_association_change(&notification->sn_assoc_change);
        break;
    case SCTP_STREAM_RESET_EVENT:
        take_reset(&notification->sn_strreset_event);
        break;
    case SCTP_SENDER_DRY_EVENT:
        peer.dry = true;
        break;
    }
}

/* Takes everything that the stack has to give. */
static void take_all(void)
{
    static _Alignas(8) uint8_t buffer[PIECE];
    for (;;) {
        struct sctp_rcvinfo info;
        socklen_t size = sizeof info, address_size = 0;
        unsigned type = SCTP_RECVV_NOINFO;
        int flags = 0;
        ssize_t length = usrsctp_recvv(peer.socket, buffer, sizeof buffer, NULL, &address_size,
                                       &info, &size, &type, &flags);
        if (length <= 0) {
            /* Why it ended, if it did, was in a notification before. */
            return;
        }
        if (flags & MSG_NOTIFICATION) {
            take_notification(buffer, length);
        } else if (type != SCTP_RECVV_RCVINFO) {
            fail("a message came without its stream");
        } else {
            take_piece(&info, buffer, length, flags & MSG_EOR);
        }
    }
}

static void set(struct socket *socket, int option, const void *value, socklen_t size)
{
    if (usrsctp_setsockopt(socket, IPPROTO_SCTP, option, value, size)) {
        fail("option %#x cannot be set: %s", (unsigned)option, strerror(errno));
    }
}

static void set_event(struct socket *socket, uint16_t type, bool on)
{
    struct sctp_event event = {.se_assoc_id = SCTP_FUTURE_ASSOC, .se_type = type, .se_on = on};
    set(socket, SCTP_EVENT, &event, sizeof event);
}

static void shut_down(void)
{
    if (usrsctp_shutdown(peer.socket, SHUT_WR)) {
        fail("no shutdown: %s", strerror(errno));
    }
}

static void abort_association(void)
{
    struct sctp_sndinfo info = {.snd_flags = SCTP_ABORT};
    if (usrsctp_sendv(peer.socket, "", 0, NULL, 0, &info, sizeof info, SCTP_SENDV_SNDINFO, 0) < 0) {
        fail("no abort: %s", strerror(errno));
    }
    /* usrsctp tells the other side, and not its own. */
    peer.state = LOST;
}

static void reset_stream(uint16_t stream)
{
    union {
        struct sctp_reset_streams reset;
        uint8_t bytes[sizeof(struct sctp_reset_streams) + sizeof(uint16_t)];
    } request = {.reset = {.srs_flags = SCTP_STREAM_RESET_OUTGOING, .srs_number_streams = 1}};
    request.reset.srs_stream_list[0] = stream;
    set(peer.socket, SCTP_RESET_STREAMS, &request, sizeof request.bytes);
}

/* Asks to be told when everything that was sent is acknowledged: at once if it is so now. */
static void ask_when_dry(void)
{
    peer.dry = false;
    set_event(peer.socket, SCTP_SENDER_DRY_EVENT, true);
}

/* A step, and how far it is. */
struct step {
    const char *name;
    const char *text;
    uint64_t number;
    bool begun;
    bool handed_over;
};

static bool is(const struct step *step, const char *name)
{
    return !strcmp(step->name, name);
}

static uint16_t stream_of(const struct step *step)
{
    if (step->number >= STREAMS) {
        fail("%s: there are streams up to %d", step->text, STREAMS - 1);
    }
    return step->number;
}

/* Sends some of a step's messages; true when the stack has taken all of them. */
static bool hand_over(struct step *step)
{
    for (int turn = 0; step->number && turn < TURN; turn++) {
        if (!send_message()) {
            return false;
        }
        step->number--;
    }
    return !step->number;
}

/* What a step does once, when it is its turn. */
static void begin(struct step *step)
{
    step->begun = true;
    if (is(step, "seed")) {
        next.random = step->number + 1;
        next.made = 0;
    } else if (is(step, "longest")) {
        next.longest = step->number;
    } else if (is(step, "streams")) {
        next.streams = step->number;
    } else if (is(step, "reset")) {
        reset_stream(stream_of(step));
    } else if (is(step, "shutdown")) {
        shut_down();
    } else if (is(step, "abort")) {
        abort_association();
    }
}

/* Goes on with a step; true when it is done. */
static bool go_on(struct step *step)
{
    if (!step->begun) {
        begin(step);
    }
    if (is(step, "queue")) {
        return hand_over(step);
    } else if (is(step, "send")) {
        if (!step->handed_over && hand_over(step)) {
            step->handed_over = true;
            ask_when_dry();
        }
        return step->handed_over && peer.dry;
    } else if (is(step, "receive")) {
        return peer.received_messages >= step->number;
    } else if (is(step, "reset")) {
        return peer.reset_agreed[stream_of(step)];
    } else if (is(step, "reset-by")) {
        return peer.reset_by_peer[stream_of(step)];
    } else if (is(step, "shutdown") || is(step, "closed")) {
        return peer.state != UP;
    }
    return true;
}

static struct step parse_step(char *text)
{
    static const char *const NUMBERED_STEPS[] = {"seed",    "longest", "streams",  "send", "queue",
                                                 "receive", "reset",   "reset-by", NULL};
    static const char *const PLAIN_STEPS[] = {"shutdown", "abort", "closed", NULL};
    struct step step = {.text = strdup(text), .name = text};
    char *equals = strchr(text, '=');
    if (equals) {
        char *end;
        *equals = 0;
        step.number = strtoull(equals + 1, &end, 10);
        if (*end || end == equals + 1) {
            fail("%s: this is no number", step.text);
        }
    }
    const char *const *known = equals ? NUMBERED_STEPS : PLAIN_STEPS;
    while (*known && strcmp(*known, text)) {
        known++;
    }
    if (!*known) {
        fail("%s: there is no such step", step.text);
    }
    if ((is(&step, "longest") && (step.number < 2 || step.number > LONGEST)) ||
        (is(&step, "streams") && (step.number < 1 || step.number > STREAMS))) {
        fail("%s: out of range", step.text);
    }
    return step;
}

/* The stack has a packet for the other side. A full queue drops it, as a wire would. */
static int send_packet(void *address, void *bytes, size_t length, uint8_t tos, uint8_t df)
{
    (void)address, (void)tos, (void)df;
    return send(peer.udp, bytes, length, 0) < 0 ? errno : 0;
}

static void complain(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
}

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
}

static uint16_t parse_port(const char *text)
{
    char *end;
    unsigned long port = strtoul(text, &end, 10);
    if (*end || !port || port > UINT16_MAX) {
        fail("%s is no port", text);
    }
    return port;
}

static void open_udp(uint16_t local_port, uint16_t remote_port)
{
    struct sockaddr_in local = loopback(local_port), remote = loopback(remote_port);
    int size = UDP_BUFFER;
    peer.udp = socket(AF_INET, SOCK_DGRAM, 0);
    if (peer.udp < 0 || setsockopt(peer.udp, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) ||
        setsockopt(peer.udp, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) ||
        bind(peer.udp, (struct sockaddr *)&local, sizeof local) ||
        connect(peer.udp, (struct sockaddr *)&remote, sizeof remote)) {
        fail("no UDP from port %u to port %u: %s", local_port, remote_port, strerror(errno));
    }
}

static void initialise(void)
{
    usrsctp_init_nothreads(0, send_packet, complain);
    usrsctp_register_address(&peer);
    usrsctp_sysctl_set_sctp_sendspace(SCTP_BUFFER);
    usrsctp_sysctl_set_sctp_recvspace(SCTP_BUFFER);
    usrsctp_sysctl_set_sctp_ecn_enable(0);
    usrsctp_sysctl_set_sctp_asconf_enable(0);
    usrsctp_sysctl_set_sctp_auth_enable(0);
    usrsctp_sysctl_set_sctp_nrsack_enable(0);
    usrsctp_sysctl_set_sctp_pktdrop_enable(0);
}

static struct sockaddr_conn endpoint(void)
{
    return (struct sockaddr_conn){
        .sconn_family = AF_CONN,
        .sconn_port = htons(SCTP_PORT),
        .sconn_addr = &peer,
    };
}

/* A socket with all options set; those that it accepts inherit them. */
static struct socket *open_socket(void)
{
    struct socket *socket = usrsctp_socket(AF_CONN, SOCK_STREAM, IPPROTO_SCTP, NULL, NULL, 0, NULL);
    if (!socket || usrsctp_set_non_blocking(socket, 1)) {
        fail("no SCTP socket: %s", strerror(errno));
    }
    int on = 1;
    set(socket, SCTP_NODELAY, &on, sizeof on);
    set(socket, SCTP_RECVRCVINFO, &on, sizeof on);
    struct sctp_assoc_value resets = {.assoc_id = SCTP_FUTURE_ASSOC,
                                      .assoc_value = SCTP_ENABLE_RESET_STREAM_REQ};
    set(socket, SCTP_ENABLE_STREAM_RESET, &resets, sizeof resets);
    struct sctp_initmsg streams = {.sinit_num_ostreams = STREAMS, .sinit_max_instreams = UINT16_MAX};
    set(socket, SCTP_INITMSG, &streams, sizeof streams);
    struct sctp_paddrparams path = {.spp_pathmtu = PACKET, .spp_flags = SPP_PMTUD_DISABLE};
    set(socket, SCTP_PEER_ADDR_PARAMS, &path, sizeof path);
    set_event(socket, SCTP_ASSOC_CHANGE, true);
    set_event(socket, SCTP_STREAM_RESET_EVENT, true);
    struct sockaddr_conn local = endpoint();
    if (usrsctp_bind(socket, (struct sockaddr *)&local, sizeof local)) {
        fail("the SCTP socket cannot be bound: %s", strerror(errno));
    }
    return socket;
}

static void start_to_listen(void)
{
    peer.listener = open_socket();
    if (usrsctp_listen(peer.listener, 1)) {
        fail("nobody can connect: %s", strerror(errno));
    }
}

static void start_to_connect(void)
{
    peer.socket = open_socket();
    struct sockaddr_conn remote = endpoint();
    int result = usrsctp_connect(peer.socket, (struct sockaddr *)&remote, sizeof remote);
    if (result && errno != EINPROGRESS) {
        fail("no connection: %s", strerror(errno));
    }
}

static void accept_one(void)
{
    struct socket *accepted = usrsctp_accept(peer.listener, NULL, NULL);
    if (!accepted) {
        return;
    }
    if (usrsctp_set_non_blocking(accepted, 1)) {
        fail("an accepted socket blocks: %s", strerror(errno));
    }
    peer.socket = accepted;
}

static uint64_t milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * UINT64_C(1000) + now.tv_nsec / 1000000;
}

static void run_timers(void)
{
    static uint64_t last;
    uint64_t now = milliseconds();
    if (last && now - last < TIMER) {
        return;
    }
    usrsctp_handle_timers(last ? now - last : 0);
    last = now;
}

/* Waits for datagrams, for `patience` milliseconds, and takes them in. */
static void take_datagrams(int patience)
{
    static uint8_t datagram[1 << 16];
    struct pollfd readable = {.fd = peer.udp, .events = POLLIN};
    if (poll(&readable, 1, patience) <= 0) {
        return;
    }
    for (int turn = 0; turn < TURN; turn++) {
        ssize_t length = recv(peer.udp, datagram, sizeof datagram, MSG_DONTWAIT);
        if (length < 0) {
            /* Nothing more, or nobody listens over there yet. */
            return;
        }
        usrsctp_conninput(&peer, datagram, length, 0);
    }
}

/* False once standard input has ended. */
static bool input_is_open(void)
{
    char ignored[64];
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    return poll(&input, 1, 0) <= 0 || read(STDIN_FILENO, ignored, sizeof ignored) > 0;
}

static void print_tallies(const char *name, const struct tally *tallies)
{
    const char *comma = "";
    printf(", \"%s\": {", name);
    for (int stream = 0; stream < STREAMS; stream++) {
        const struct tally *tally = &tallies[stream];
        if (tally->messages) {
            printf("%s\"%d\": {\"messages\": %" PRIu64 ", \"bytes\": %" PRIu64
                   ", \"digest\": \"%016" PRIx64 "\"}",
                   comma, stream, tally->messages, tally->bytes, tally->digest);
            comma = ", ";
        }
    }
    printf("}");
}

static void print_resets(void)
{
    const char *comma = "";
    printf(", \"resetByPeer\": [");
    for (int stream = 0; stream < STREAMS; stream++) {
        if (peer.reset_by_peer[stream]) {
            printf("%s%d", comma, stream);
            comma = ", ";
        }
    }
    printf("]");
}

static void print_result(const struct step *undone)
{
    struct sctpstat stack;
    usrsctp_get_stat(&stack);
    printf("{\"result\": {\"state\": \"%s\", \"restarts\": %" PRIu64, STATES[peer.state],
           peer.restarts);
    if (undone) {
        printf(", \"undone\": \"%s\"", undone->text);
    }
    printf(", \"wrong\": %" PRIu64 ", \"pieces\": %" PRIu64 ", \"resetRefused\": %s", peer.wrong,
           peer.pieces, peer.reset_refused ? "true" : "false");
    printf(", \"badChecksums\": %u, \"retransmitted\": %u", stack.sctps_badsum,
           stack.sctps_sendretransdata);
    print_resets();
    print_tallies("sent", peer.sent);
    print_tallies("received", peer.received);
    printf("}}\n");
}

/* Whether a step can be taken, or only waits for what may have come just before the end. */
static bool is_possible(const struct step *step)
{
    return peer.state == UP || step->begun || is(step, "receive") || is(step, "reset-by") ||
           is(step, "closed");
}

/* Takes as many steps as can be taken; true if there is more to do at once. */
static bool take_steps(struct step **step, const struct step *end)
{
    while (*step < end && is_possible(*step)) {
        uint64_t before = (*step)->number;
        if (!go_on(*step)) {
            return (*step)->number != before;
        }
        printf("{\"done\": \"%s\"}\n", (*step)->text);
        ++*step;
    }
    return false;
}

int main(int count, char **words)
{
    if (count < 4 || (strcmp(words[1], "connect") && strcmp(words[1], "listen"))) {
        fail("usage: sctp_peer connect|listen LOCAL_PORT REMOTE_PORT STEP...");
    }
    struct step steps[count], *step = steps, *end = steps;
    for (int word = 4; word < count; word++) {
        *end++ = parse_step(words[word]);
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    open_udp(parse_port(words[2]), parse_port(words[3]));
    initialise();
    if (!strcmp(words[1], "listen")) {
        start_to_listen();
    } else {
        start_to_connect();
    }
    printf("{\"ready\": true}\n");
    bool busy = false;
    while (input_is_open()) {
        take_datagrams(busy ? 0 : TIMER);
        run_timers();
        if (!peer.socket) {
            accept_one();
        }
        if (peer.socket) {
            take_all();
            busy = peer.state != WAITING && take_steps(&step, end);
        }
    }
    print_result(step < end ? step : NULL);
    return 0;
}
