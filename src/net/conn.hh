// One connected (or connecting) stream socket, TCP or unix, client's or upstream's: reading into the
// loop's current slab, writing with back-pressure, half-closes, and the one door out, `end`.
//
// A Conn lives on the heap, owns its socket and its ledger entry, and deletes itself in libuv's close
// callback after filing its record and telling its sink. Whoever holds a Conn* drops it at on_gone.
// The sink is never called from inside a call it makes (failures there are return values), and never
// after end() but for on_gone.
#pragma once

#include <uv.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.hh"
#include "ledger/entry.hh"
#include "net/loop.hh"
#include "net/splice.hh"

namespace becaused {

class Conn;
class Tls;
class TlsContext;

// What the socket showed: the other side's farewell or death.
struct Fault {
    enum class What : uint8_t {
        closed,       // it closed (FIN) where that is an end: writes fail, or the socket is dead
        reset,        // RST, or a unix peer that closed with our bytes unread
        unreachable,  // keepalive or TCP_USER_TIMEOUT gave up, or the network says so
        failed,       // our own side of the socket failed
        proxy_malformed,  // what came first is not the PROXY header that it must be
        tls_failed,       // the TLS handshake, or a record that does not decrypt
        tls_truncated,    // FIN without a close_notify: whatever came may not be all
    };
    What what;
    Op op;
    int error;                // negative errno; 0 where there was none
    const char* detail = "";  // static; what TLS says
};

// How a connect that failed with this negative errno ends. What only we can lack (ports, buffers,
// descriptors) is never the upstream's fault.
Ending connect_failed(int error);

class ConnSink {
  public:
    ConnSink() = default;
    ConnSink(const ConnSink&) = delete;
    ConnSink& operator=(const ConnSink&) = delete;

    // The PROXY header is read: facts().peer is whoever it names. A TLS handshake may follow.
    virtual void on_addressed(Conn&) {}
    // Dialled; or what comes before the first request is done, for an accepted connection that is
    // preparing() at birth.
    virtual void on_connected(Conn& conn) = 0;
    virtual void on_bytes(Conn& conn, const Slice& bytes) = 0;
    // After splice_to: so many bytes lie in the other's pipe, and its write_spliced sends them on.
    virtual void on_spliced(Conn&, size_t) { CHECK(false && "only those who splice are called"); }
    // The peer's FIN (TLS: its close_notify), after its last byte. Not an end: the other direction
    // stays open. A FIN after a close_notify is a fault: it is gone.
    virtual void on_finish(Conn& conn) = 0;
    // The connection is of no more use (connect failed, reset, write failed); the sink must end it.
    virtual void on_fault(Conn& conn, const Fault& fault) = 0;
    // Queued bytes fell to the resume mark, or to zero.
    virtual void on_room(Conn& conn) = 0;
    // A head is due, or what comes is not kept: it is read also where no slab is left, a little at a time.
    virtual bool keeps_little(const Conn&) const { return false; }
    // Closed and filed; the Conn is deleted after this returns.
    virtual void on_gone(Conn& conn) = 0;
    // For the ledger's Holder, which the Conn is.
    virtual void describe(const Conn&, Standing&) const {}
    virtual bool end_open(Conn&, const Ending&) { return false; }

  protected:
    ~ConnSink() = default;
};

struct SocketOptions {
    uint32_t keepalive_s = 30;      // 0: off
    uint32_t user_timeout_s = 120;  // 0: the kernel's default
};
// A socket that a listener accepted.
struct Arrival {
    int fd;  // non-blocking, close-on-exec
    Endpoint peer;
    const Entrance* entrance;   // outlives the connection
    TlsContext* tls = nullptr;  // null: plaintext
    bool proxied = false;       // a PROXY header comes first, and names the client
    // Operators come when nothing else goes: they are read where no slab is left.
    Side side = Side::client;
};

// TCP_NODELAY, keepalive, TCP_USER_TIMEOUT on a TCP socket (tcp(7)); accepted sockets inherit them
// from their listener. Returns 0 or a negative errno.
int apply_socket_options(int fd, const SocketOptions& options);

class Conn final : private ProbeNode, private Holder {
  public:
    static constexpr uint64_t pause_bytes = 256 * 1024;  // a source pauses when its sink holds this
    static constexpr uint64_t resume_bytes = pause_bytes / 2;

    enum class Close : uint8_t {
        fin,    // the peer sees everything that was handed to the kernel, then FIN
        reset,  // TCP: RST at once; unix: close
    };
    enum class Pause : uint8_t { sink_full = 1, no_slab = 2, held = 4, shaped = 8 };

    // One piece of a write: `owner` is null for bytes that are gone after the call.
    struct Part {
        std::string_view bytes;
        const Slice* owner = nullptr;
    };

    // Takes the arrival's socket, which is closed whatever happens. Null and `error` when libuv refuses;
    // the record is filed then.
    static Conn* accepted(Loop& loop, Ledger& ledger, const Arrival& arrival,
                          const SocketOptions& options, ConnSink* sink, int& error);
    // Begins to connect; on_connected or on_fault (op connect) follow. Null and `error` when the
    // socket cannot be made; the record is filed then.
    static Conn* dial_tcp(Loop& loop, Ledger& ledger, const Endpoint& peer,
                          const SocketOptions& options, TlsContext* tls, ConnSink* sink,
                          int& error);
    // `peer.path` is the socket's path.
    static Conn* dial_unix(Loop& loop, Ledger& ledger, const Endpoint& peer, ConnSink* sink,
                           int& error);

    Conn(const Conn&) = delete;
    Conn& operator=(const Conn&) = delete;

    void set_sink(ConnSink* sink) { sink_ = sink; }

    // Begins reading (once, when the sink is ready for bytes).
    void start();
    void pause(Pause why);
    void resume(Pause why);
    bool paused() const { return paused_ != 0; }
    bool paused(Pause why) const { return (paused_ & static_cast<uint8_t>(why)) != 0; }

    // Writes the parts in order: to the kernel as far as it takes them, the rest is queued. Returns 0,
    // or the negative errno of a failed write (then nothing more can be written, and the sink acts as
    // for on_fault; that is not called).
    int write(std::span<const Part> parts);
    int write(std::string_view bytes) { return write(Part{bytes, nullptr}); }
    int write(const Slice& slice) { return write(Part{slice.view(), &slice}); }
    int write(const Part& part) { return write(std::span<const Part>(&part, 1)); }
    // From here on, for `most` bytes, what comes goes to `sink` through a pipe and no memory of ours, and
    // on_spliced is called in place of on_bytes. Over after `most` bytes, at the FIN, with either
    // connection, and where the kernel cannot. False: not possible now, and nothing is changed.
    bool splice_to(Conn& sink, uint64_t most);
    // What comes from here on is read; what is in the pipe goes its way.
    void splice_off();
    // Writes what on_spliced told of; returns as write() does. What the kernel does not take counts as
    // queued.
    int write_spliced(size_t count);
    // FIN (TLS: close_notify, and no FIN before the end) after the last queued byte; writes after this
    // are errors.
    void finish();
    // The one way out; see the head of this file. A second call adds to the trail.
    void end(const Ending& ending, Close how);
    bool ended() const { return ending_ != nullptr; }

    bool finished_reading() const { return eof_ || notified_; }  // the peer sent its last byte
    bool finished_writing() const { return shut_; }              // our FIN or close_notify is out
    bool finishing() const { return finishing_; }
    uint64_t queued_bytes() const { return backlog_ ? backlog_->bytes() : 0; }
    // A pipe is full whatever lies in it (net/splice.hh).
    bool full() const { return queued_bytes() >= pause_bytes || piped_bytes() > 0; }
    // Bytes that the peer's kernel has not acknowledged: queued here, in libuv, in the socket.
    uint64_t unsent_bytes() const;
    // True when fewer bytes are unsent than at the last call, or more were sent since: the peer takes
    // bytes. Costs a system call: for clocks that rang.
    bool made_progress();

    // What a failed operation on this socket means. Reads SO_ERROR where the code alone is a symptom.
    Fault judge(Op op, int error);
    // Looks without reading what an idle connection has for us (recv MSG_PEEK): UV_EAGAIN when it is
    // good, 0 when the peer has closed it, more than 0 for bytes, else a negative errno.
    int peek();

    ConnectionEntry& entry() { return entry_; }
    // Into the black box: how far it is.
    void note() { entry_.note(quiet_phase()); }
    const ConnectionFacts& facts() const { return entry_.facts; }
    bool is_unix() const { return unix_; }
    // Null for plaintext.
    const Tls* tls() const { return tls_.get(); }
    bool securing() const;  // the TLS handshake is not done
    bool awaits_proxy_header() const { return preface_ && preface_->due; }
    bool preparing() const { return awaits_proxy_header() || securing(); }
    Loop& loop() const { return *static_cast<Loop*>(stream()->loop->data); }

  private:
    // Of a load balancer: its PROXY header, and what that said.
    struct Preface {
        bool due = true;
        std::string part;  // what came of the header while it is due
        Entrance entrance;
    };
    // What the kernel has not taken yet.
    struct Backlog {
        uint64_t piped_bytes() const { return inlet == nullptr ? 0 : inlet->bytes(); }
        uint64_t bytes() const { return queue.bytes() + piped_bytes(); }

        SliceQueue queue;
        // What lies in it stands behind the queue, which is never empty then.
        Splice* inlet = nullptr;
        uint64_t in_flight_bytes = 0;  // of the queue's front, given to libuv
        // libuv has the one request: while connecting, or for the front of the queue.
        bool requested = false;
        union {
            uv_write_t write;
            uv_connect_t connect;
        } request;
    };

    Conn(Loop& loop, Ledger& ledger, Side side, const Endpoint& peer, ConnSink* sink);
    ~Conn();

    uv_stream_t* stream() { return reinterpret_cast<uv_stream_t*>(&handle_); }
    const uv_stream_t* stream() const { return reinterpret_cast<const uv_stream_t*>(&handle_); }
    int fd() const;
    Phase quiet_phase() const;  // while it serves no exchange
    void fail_at_birth(Op op, int error);
    void update_reading();
    void handle_connected(int status);
    void handle_readable();
    void handle_read(size_t count, bool spare);
    void handle_eof();
    void handle_written(int status);
    void handle_closed();
    std::span<char> room_to_read(bool& spare);
    bool may_use_spare_room() const {
        return of_operator() || (sink_ != nullptr && sink_->keeps_little(*this));
    }
    // Nothing waits for the kernel.
    bool written() const { return !backlog_ || (backlog_->queue.empty() && !backlog_->requested); }
    bool of_operator() const { return facts().side == Side::operator_; }
    bool requested() const { return backlog_ && backlog_->requested; }
    uint64_t unsent_here() const;
    Backlog& backlog();
    void drop_empty_backlog();
    int write_raw(std::span<const Part> parts);
    void enqueue(const Part& part, size_t gone);
    int try_queue();
    ssize_t send_now(const uv_buf_t* buffers, size_t count);
    int arm_write();
    void take(const Slice& bytes);
    void read_proxy_header(const Slice& bytes);
    void end_reading(int error);
    // Past our memory: conn_splice.cc.
    uint64_t piped_bytes() const { return backlog_ ? backlog_->piped_bytes() : 0; }
    void read_spliced();
    int try_inlet();
    int queue_inlet(uint64_t most);
    void drop_inlet();
    // TLS: conn_tls.cc.
    bool begin_tls(TlsContext* context);
    std::span<char> tls_room(size_t plain_room) const;
    void greet_tls();
    void read_tls(size_t count);
    bool shake_hands(std::string_view& in);
    Fault tls_fault(Op op) const;
    Fault early_farewell() const;
    int write_tls(std::span<const Part> parts);
    int flush_tls();
    void finish_tls();
    void shut_down();
    void report(const Fault& fault);
    int socket_error() const;
    bool tcp_dead() const;
    void adjust_user_timeout();
    void probe() override;
    void slabs_are_back() override;
    void describe(Standing& standing) const override;
    bool end_open(const Ending& ending) override;

    static Conn& of(const uv_handle_t* handle) { return *static_cast<Conn*>(handle->data); }
    static void alloc_cb(uv_handle_t* handle, size_t suggested, uv_buf_t* buffer) noexcept;
    static void read_cb(uv_stream_t* stream, ssize_t count, const uv_buf_t* buffer) noexcept;
    static void write_cb(uv_write_t* request, int status) noexcept;
    static void connect_cb(uv_connect_t* request, int status) noexcept;
    static void close_cb(uv_handle_t* handle) noexcept;

    union {
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } handle_;
    ConnSink* sink_;
    ConnectionEntry entry_;
    std::unique_ptr<const Ending> ending_;  // null: it goes on
    std::unique_ptr<Preface> preface_;      // null: none was due, or it named nobody
    std::unique_ptr<Tls> tls_;
    std::unique_ptr<Backlog> backlog_;  // null: empty
    Splice* outlet_ = nullptr;          // what is read goes there; null: into slabs
    int64_t taken_bytes_ = 0;           // by the peer's kernel, at the last made_progress()
    uint32_t turn_ = 0;                 // the last digits of the turn that budget_ belongs to
    uint32_t budget_ = 0;               // bytes this turn may still read
    uint32_t user_timeout_ms_ = 0;
    int start_error_ = 0;  // reading could not begin; the probe reports it
    uint8_t paused_ = 0;
    bool unix_ : 1 = false;
    bool connecting_ : 1 = false;
    bool started_ : 1 = false;
    bool reading_ : 1 = false;
    bool eof_ : 1 = false;
    bool notified_ : 1 = false;  // TLS: the peer's close_notify came
    bool finishing_ : 1 = false;
    bool shut_ : 1 = false;
    bool zero_window_ : 1 =
        false;                   // TCP_USER_TIMEOUT is lifted: the peer answers, but takes nothing
    bool was_full_ : 1 = false;  // on_room is due at the resume mark
};

}  // namespace becaused
