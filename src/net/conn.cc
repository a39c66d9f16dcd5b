#include "net/conn.hh"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <new>

#include "base/status.hh"
#include "net/address.hh"
#include "net/proxy_header.hh"
#include "net/tls.hh"

namespace becaused {

namespace {

// At once, where no slab is left: most heads are less, and what stands behind one is kept.
constexpr size_t spare_bytes = 4 * 1024;

}  // namespace

// No memory for libuv: it says so at once (UV_ENOBUFS), and we read by ourselves. recv(2) spares what
// read(2) does for files, and libuv's flags stay out of what is an end and what is none.
void Conn::alloc_cb(uv_handle_t*, size_t, uv_buf_t* buffer) noexcept {
    *buffer = ::uv_buf_init(nullptr, 0);
}
void Conn::read_cb(uv_stream_t* stream, ssize_t, const uv_buf_t*) noexcept {
    of(reinterpret_cast<uv_handle_t*>(stream)).handle_readable();
}
void Conn::write_cb(uv_write_t* request, int status) noexcept {
    static_cast<Conn*>(request->data)->handle_written(status);
}
void Conn::connect_cb(uv_connect_t* request, int status) noexcept {
    static_cast<Conn*>(request->data)->handle_connected(status);
}
void Conn::close_cb(uv_handle_t* handle) noexcept { of(handle).handle_closed(); }

Conn::Conn(Loop& loop, Ledger& ledger, Side side, const Endpoint& peer, ConnSink* sink)
    : sink_(sink), entry_(ledger), unix_(peer.kind == Endpoint::Kind::unix) {
    entry_.facts.side = side;
    entry_.facts.peer = peer;
    entry_.held_by(this);
    // Fails only for socket families that need a socket at once; these do not.
    CHECK((unix_ ? ::uv_pipe_init(loop.uv(), &handle_.pipe, 0)
                 : ::uv_tcp_init(loop.uv(), &handle_.tcp)) == 0);
    stream()->data = this;
}

Conn::~Conn() = default;

Conn::Backlog& Conn::backlog() {
    if (!backlog_) backlog_ = std::make_unique<Backlog>();
    return *backlog_;
}

void Conn::drop_empty_backlog() {
    if (written() && backlog_ && backlog_->inlet == nullptr) backlog_.reset();
}

Phase Conn::quiet_phase() const {
    return connecting_             ? Phase::connect
           : awaits_proxy_header() ? Phase::accept
           : securing()            ? Phase::tls_handshake
                                   : Phase::keepalive;
}

void Conn::fail_at_birth(Op op, int error) {
    sink_ = nullptr;
    end(op == Op::connect
            ? connect_failed(error)
            : Ending::internal(Phase::accept, op, error, "libuv did not take the socket"),
        Close::fin);
}

Conn* Conn::accepted(Loop& loop, Ledger& ledger, const Arrival& arrival,
                     const SocketOptions& options, ConnSink* sink, int& error) {
    const int fd = arrival.fd;
    auto* conn = new Conn(loop, ledger, arrival.side, arrival.peer, sink);
    conn->entry_.facts.entrance = arrival.entrance;
    if (arrival.proxied) conn->preface_ = std::make_unique<Preface>();
    conn->user_timeout_ms_ = options.user_timeout_s * 1000;
    error = !conn->begin_tls(arrival.tls) ? UV_ENOMEM
            : conn->unix_                 ? ::uv_pipe_open(&conn->handle_.pipe, fd)
                                          : ::uv_tcp_open(&conn->handle_.tcp, fd);
    conn->entry_.note_peers();
    conn->note();
    if (error == 0) return conn;
    ignored(::close(fd), "libuv did not take it; nothing was sent on it");
    conn->fail_at_birth(Op::accept, error);
    return nullptr;
}

Conn* Conn::dial_tcp(Loop& loop, Ledger& ledger, const Endpoint& peer, const SocketOptions& options,
                     TlsContext* tls, ConnSink* sink, int& error) {
    auto* conn = new Conn(loop, ledger, Side::upstream, peer, sink);
    conn->user_timeout_ms_ = options.user_timeout_s * 1000;
    sockaddr_storage address{};
    fill_sockaddr(peer, address);
    const int socket_fd =
        ::socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    error = socket_fd < 0           ? -errno
            : !conn->begin_tls(tls) ? UV_ENOMEM
                                    : apply_socket_options(socket_fd, options);
    if (error == 0) error = ::uv_tcp_open(&conn->handle_.tcp, socket_fd);
    if (error != 0) {
        if (socket_fd >= 0) ignored(::close(socket_fd), "it was never connected");
        conn->fail_at_birth(Op::connect, error);
        return nullptr;
    }
    uv_connect_t& request = conn->backlog().request.connect;
    request.data = conn;
    error = ::uv_tcp_connect(&request, &conn->handle_.tcp,
                             reinterpret_cast<const sockaddr*>(&address), connect_cb);
    if (error != 0) {
        conn->fail_at_birth(Op::connect, error);
        return nullptr;
    }
    conn->backlog_->requested = conn->connecting_ = true;
    conn->entry_.note_peers();
    conn->note();
    return conn;
}

Conn* Conn::dial_unix(Loop& loop, Ledger& ledger, const Endpoint& peer, ConnSink* sink,
                      int& error) {
    auto* conn = new Conn(loop, ledger, Side::upstream, peer, sink);
    uv_connect_t& request = conn->backlog().request.connect;
    request.data = conn;
    conn->backlog_->requested = conn->connecting_ = true;
    conn->entry_.note_peers();
    conn->note();
    error = 0;
    ::uv_pipe_connect(&request, &conn->handle_.pipe, peer.path->c_str(), connect_cb);
    return conn;
}

int Conn::fd() const {
    uv_os_fd_t descriptor = -1;
    ignored(::uv_fileno(reinterpret_cast<const uv_handle_t*>(&handle_), &descriptor),
            "-1 is what callers test for");
    return descriptor;
}

void Conn::start() {
    started_ = true;
    update_reading();
}

void Conn::pause(Pause why) {
    paused_ = static_cast<uint8_t>(paused_ | static_cast<uint8_t>(why));
    update_reading();
    // A paused reader is never told of a reset: it is probed instead.
    if (!ending_) loop().watch(*this);
}

void Conn::resume(Pause why) {
    paused_ = static_cast<uint8_t>(paused_ & ~static_cast<uint8_t>(why));
    update_reading();
}

void Conn::update_reading() {
    const bool want = started_ && paused_ == 0 && !eof_ && !connecting_ && !ending_;
    if (want == reading_) return;
    reading_ = want;
    if (!want) {
        ignored(::uv_read_stop(stream()), "always 0 (libuv's documentation)");
        return;
    }
    const int error = ::uv_read_start(stream(), alloc_cb, read_cb);
    if (error == 0) return;
    // The probe reports it, outside of the sink's call.
    reading_ = false;
    eof_ = true;
    start_error_ = error;
    loop().watch(*this);
}

void Conn::slabs_are_back() { resume(Pause::no_slab); }

// Where the next bytes go; nothing when there is no room now. `spare`: not into a slab.
std::span<char> Conn::room_to_read(bool& spare) {
    std::span<char> room = of_operator() ? std::span<char>() : loop().slabs().room();
    spare = room.empty() && may_use_spare_room();
    if (spare) room = tls_ ? loop().spare_room() : loop().spare_room().first(spare_bytes);
    if (room.empty()) {
        pause(Pause::no_slab);
        loop().wait_for_slabs(*this);
        return {};
    }
    if (tls_ && !awaits_proxy_header()) return tls_room(room.size());
    return room.first(std::min<size_t>(room.size(), budget_));
}

void Conn::handle_readable() {
    const auto turn = static_cast<uint32_t>(loop().turn_number());
    if (turn_ != turn) {
        turn_ = turn;
        budget_ = static_cast<uint32_t>(loop().read_budget());
    }
    while (reading_ && !ending_ && budget_ > 0) {  // else epoll tells us again next turn
        if (outlet_ != nullptr) {
            entry_.serve();
            read_spliced();
            return;
        }
        bool spare = false;
        const std::span<char> room = room_to_read(spare);
        if (room.empty()) return;
        const ssize_t count = ::recv(fd(), room.data(), room.size(), 0);
        const int error = errno;
        if (count < 0 && error == EINTR) continue;
        if (count < 0 && error == EAGAIN) return;
        entry_.serve();
        if (count <= 0) {
            end_reading(count == 0 ? UV_EOF : -error);
            return;
        }
        handle_read(static_cast<size_t>(count), spare);
        if (static_cast<size_t>(count) < room.size())
            return;  // what comes now is for the next turn
    }
}

void Conn::handle_read(size_t count, bool spare) {
    entry_.facts.last_in_ns = loop().now_ns();
    budget_ -= static_cast<uint32_t>(count);
    if (count >= 64 * 1024) loop().note_bulk_read();
    if (tls_ && !awaits_proxy_header()) {
        read_tls(count);
        return;
    }
    {
        SlabPool& slabs = loop().slabs();
        const Slice bytes =
            spare ? slabs.copy({loop().spare_room().data(), count}) : slabs.claim(count);
        if (awaits_proxy_header()) read_proxy_header(bytes);
        else take(bytes);
    }
    loop().slabs().settle();
}

// Nothing more comes: UV_EOF, or what reading failed with.
void Conn::end_reading(int error) {
    eof_ = true;
    update_reading();
    splice_off();
    if (error == UV_EOF) handle_eof();
    else report(judge(Op::read, error));
}

void Conn::take(const Slice& bytes) {
    entry_.facts.in_bytes += bytes.size();
    sink_->on_bytes(*this, bytes);
    note();
}

// The header is the balancer's, and no part of what the client sent.
void Conn::read_proxy_header(const Slice& bytes) {
    std::string& part = preface_->part;
    const size_t before = part.size();
    part.append(bytes.view().substr(0, ProxyHeader::limit_bytes - before));
    const ProxyHeader header = parse_proxy_header(part);
    if (header.what == ProxyHeader::What::incomplete) return;
    if (header.what == ProxyHeader::What::malformed) {
        report({Fault::What::proxy_malformed, Op::parse, 0, header.detail});
        return;
    }
    if (header.named) {
        const Endpoint balancer = std::exchange(entry_.facts.peer, header.client);
        *preface_ = {false, {}, {header.local, balancer}};
        entry_.facts.entrance = &preface_->entrance;
        entry_.note_peers();
    } else {
        preface_.reset();
    }
    sink_->on_addressed(*this);
    if (ending_) return;
    const Slice rest = bytes.part(header.size - before);
    if (rest.empty()) entry_.facts.last_in_ns = 0;
    if (!tls_) {
        sink_->on_connected(*this);
        if (!ending_ && !rest.empty()) take(rest);
    } else if (!rest.empty()) {
        std::copy_n(rest.view().data(), rest.size(), loop().tls_room().in.get());
        read_tls(rest.size());
    }
}

void Conn::report(const Fault& fault) {
    if (sink_ != nullptr && !ending_) sink_->on_fault(*this, fault);
}

void Conn::handle_connected(int status) {
    backlog_->requested = false;
    drop_empty_backlog();
    connecting_ = false;
    if (ending_) return;
    entry_.serve();
    entry_.facts.connect_ns = loop().now_ns() - entry_.opened_ns();
    note();
    if (status != 0) {
        Fault fault = judge(Op::connect, status);
        if (fault.what == Fault::What::closed) fault.what = Fault::What::failed;
        report(fault);
        return;
    }
    update_reading();
    if (tls_) greet_tls();
    else sink_->on_connected(*this);
}

void Conn::end(const Ending& ending, Close how) {
    if (ending_) {
        entry_.add_trail(ending.by(), ending.op(), ending.error());
        return;
    }
    if (tls_ && how == Close::fin && !finishing_ && queued_bytes() == 0) finish_tls();
    ending_ = std::make_unique<Ending>(ending);
    if (ending.end_class() != EndClass::clean) entry_.facts.unsent_bytes = unsent_bytes();
    ProbeNode::unlink();
    splice_off();
    drop_inlet();
    const int descriptor = fd();
    if (how == Close::reset && !unix_ && descriptor >= 0) {
        const linger at_once{1, 0};
        if (::setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) != 0)
            entry_.add_trail(Side::proxy, Op::shutdown, -errno);
    }
    ::uv_close(reinterpret_cast<uv_handle_t*>(&handle_), close_cb);
}

void Conn::describe(Standing& standing) const {
    standing.phase = quiet_phase();
    if (sink_ != nullptr && !ending_) sink_->describe(*this, standing);
}

bool Conn::end_open(const Ending& ending) {
    return sink_ != nullptr && !ending_ && sink_->end_open(*this, ending);
}

void Conn::handle_closed() {
    backlog_.reset();
    entry_.file(*ending_);
    if (sink_ != nullptr) sink_->on_gone(*this);
    delete this;
}

}  // namespace becaused
