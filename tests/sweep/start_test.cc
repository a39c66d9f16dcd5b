// The way up, with each call failing once: a start that cannot be says why in one line, leaves nothing
// behind, and can be tried again.
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <memory>

#include "net/signals.hh"
#include "ops/orders.hh"
#include "support/inside.hh"
#include "support/rig.hh"
#include "sweep/faults.hh"

#include "support/cmocka.hh"

using namespace becaused;
using namespace becaused::test;

namespace {

struct Place {
    Place() {
        char path[] = "/tmp/becaused-start-XXXXXX";
        CHECK(::mkdtemp(path) != nullptr);
        directory = path;
        socket = directory + "/listen.sock";
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() {
        ::unlink(socket.c_str());
        ::rmdir(directory.c_str());
    }
    // A socket file that nobody listens on.
    void leave_dead_socket() const {
        const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::snprintf(address.sun_path, sizeof address.sun_path, "%s", socket.c_str());
        ::unlink(address.sun_path);
        CHECK(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
        ::close(fd);
    }
    std::string directory;
    std::string socket;
};

Settings listening_on_both(const Place& place) {
    Settings settings = unguarded();
    ListenAddress tcp;
    tcp.host = "127.0.0.1";
    tcp.text = "tcp://127.0.0.1:0";
    ListenAddress unix_socket;
    unix_socket.kind = Address::Kind::unix;
    unix_socket.path = place.socket;
    unix_socket.mode = 0600;
    unix_socket.group = std::to_string(::getgid());
    unix_socket.text = "unix://" + place.socket;
    settings.listen = {tcp, unix_socket};
    settings.upstream.host = "127.0.0.1";
    settings.upstream.port = 9;
    return settings;
}

// A house between its doors opening and closing.
class Start {
  public:
    explicit Start(Settings settings)
        : settings_(std::move(settings)),
          ledger_(loop_.clock()),
          house_(loop_, ledger_, settings_) {
        loop_.manual_time();
        ledger_.set_sink(&records_);
    }
    Start(const Start&) = delete;
    Start& operator=(const Start&) = delete;
    ~Start() {
        house_.stop();
        for (int i = 0; i < 20 && loop_.turn(); ++i) continue;
        CHECK(loop_.open_handles() == 0);
    }
    Status open() {
        const Inside inside;
        return house_.open();
    }
    // True when a client of its last listener is taken in.
    bool accepts(const Place& place) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::snprintf(address.sun_path, sizeof address.sun_path, "%s", place.socket.c_str());
        const Peer client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        if (::connect(client.fd(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
            return false;
        for (int i = 0; i < 5; ++i) loop_.turn();
        return house_.session_count() == 1;
    }

  private:
    const Settings settings_;
    Loop loop_{4};
    Ledger ledger_;
    Records records_;
    House house_;
};

// Opens with one failure. Returns whether it happened; what is wrong goes to stderr and `wrong`.
bool open_with(Call call, uint64_t nth, int error, int& wrong) {
    const Place place;
    place.leave_dead_socket();
    const Settings settings = listening_on_both(place);
    const int before = count_descriptors();
    bool happened = false;
    const auto complain = [&](const std::string& what) {
        print_error("%s #%llu %s: %s\n", name(call), static_cast<unsigned long long>(nth),
                    ::strerrorname_np(error), what.c_str());
        ++wrong;
    };
    {
        Start start(settings);
        fail_once(call, nth, error);
        const Status status = start.open();
        happened = failed_once();
        fail_none();
        if (!happened && !status.ok()) complain("failed by itself: " + status.message());
        if (!status.ok() && !status.message().starts_with("listen: tcp://127.0.0.1:0: ") &&
            !status.message().starts_with("listen: unix://" + place.socket + ": "))
            complain("does not say what could not be opened: " + status.message());
        if (status.ok() && !start.accepts(place)) complain("says that it listens and does not");
    }
    if (count_descriptors() != before) complain("a descriptor is left");
    // Once more, and now nothing fails. A dead socket that could not be removed may be there still.
    Start again(settings);
    const Status status = again.open();
    if (!status.ok()) complain("cannot be tried again: " + status.message());
    else if (!again.accepts(place)) complain("the second start does not listen");
    return happened;
}

}  // namespace

static void start_says_what_it_could_not_open_and_can_be_tried_again(void**) {
    const Loop warm(2);  // libuv's descriptors of the whole process
    keep_records({});    // it may open a file
    int wrong = 0;
    uint64_t failures = 0;
    for (size_t i = 0; i < call_count; ++i) {
        const Call call = static_cast<Call>(i);
        for (const int error : errors_of(call)) {
            uint64_t nth = 1;
            while (open_with(call, nth, error, wrong)) ++nth;
            failures += nth - 1;
        }
    }
    print_message("%llu failures\n", static_cast<unsigned long long>(failures));
    assert_int_equal(wrong, 0);
    // Two sockets each bound, listening and watched, one looked at, given away and more.
    assert_true(failures >= 30);
}

// Each of these calls is made on the way up, so each must have had its turn above.
static void start_makes_the_calls_that_are_swept(void**) {
    const Place place;
    place.leave_dead_socket();
    Start start(listening_on_both(place));
    fail_none();
    assert_true(start.open().ok());
    for (const Call call : {Call::socket, Call::setsockopt, Call::bind, Call::listen, Call::chmod,
                            Call::chown, Call::lstat, Call::unlink, Call::connect, Call::open,
                            Call::getsockname, Call::uv_poll_init, Call::uv_poll_start}) {
        if (calls(call) == 0) print_error("%s is not called\n", name(call));
        assert_true(calls(call) > 0);
    }
}

static void loop_without_descriptors_says_so(void**) {
    const int before = count_descriptors();
    for (const int error : errors_of(Call::uv_loop_init)) {
        fail_once(Call::uv_loop_init, 1, error);
        const Inside inside;
        const Loop loop(2);
        assert_true(failed_once());
        assert_text_equal(loop.status().message(),
                          std::string("no event loop can be made: ") + ::uv_strerror(-error));
    }
    fail_none();
    assert_int_equal(count_descriptors(), before);
    assert_true(Loop(2).status().ok());
}

namespace {

class Heard final : public SignalSink {
  public:
    void on_signal(int number) override { last = number; }
    int last = 0;
};

// Opens with one failure of a call; true when it happened.
bool watch_signals_with(Call call, uint64_t nth, int error) {
    Loop loop(2);
    loop.manual_time();
    Heard heard;
    Signals signals(loop, heard);
    Status status = Status::fine();
    fail_once(call, nth, error);
    {
        const Inside inside;
        status = signals.open();
    }
    const bool happened = failed_once();
    fail_none();
    assert_true(status.ok() == !happened);
    if (happened) {
        assert_text_equal(status.message(),
                          std::string("signals cannot be watched: ") + ::uv_strerror(-error));
    } else {
        // Signals alone do not keep a loop turning.
        uv_timer_t busy;
        ::uv_timer_init(loop.uv(), &busy);
        ::uv_timer_start(
            &busy, [](uv_timer_t*) {}, 60'000, 0);
        ::raise(SIGHUP);
        for (int i = 0; i < 5; ++i) loop.turn();
        assert_int_equal(heard.last, SIGHUP);
        ::uv_close(reinterpret_cast<uv_handle_t*>(&busy), nullptr);
    }
    signals.close();
    for (int i = 0; i < 5; ++i) loop.turn();
    assert_int_equal(loop.open_handles(), 0);
    return happened;
}

}  // namespace

static void signals_that_cannot_be_watched_are_said(void**) {
    for (const Call call : {Call::uv_signal_init, Call::uv_signal_start}) {
        for (const int error : errors_of(call)) {
            uint64_t nth = 1;
            while (watch_signals_with(call, nth, error)) ++nth;
            assert_int_equal(nth, 4);  // three signals were made to fail, and then none
        }
    }
}

namespace {

class Ordered final : public OrderSink {
  public:
    void on_order(const Received& received) override { last = received.order; }
    Order last = Order::none;
};

// The same of a worker's orders.
bool watch_orders_with(Call call, uint64_t nth, int error) {
    int ends[2];
    assert_int_equal(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    Loop loop(2);
    loop.manual_time();
    Ordered heard;
    Orders orders(loop, heard);
    Status status = Status::fine();
    fail_once(call, nth, error);
    {
        const Inside inside;
        status = orders.open(ends[1]);
    }
    const bool happened = failed_once();
    fail_none();
    assert_true(status.ok() == !happened);
    if (happened) {
        assert_text_equal(status.message(),
                          std::string("cannot be watched: ") + ::uv_strerror(-error));
    } else {
        assert_false(loop.turn());  // orders alone do not keep a loop turning
        uv_timer_t busy;
        ::uv_timer_init(loop.uv(), &busy);
        ::uv_timer_start(
            &busy, [](uv_timer_t*) {}, 60'000, 0);
        assert_true(send_order(ends[0], Order::reopen));
        for (int i = 0; i < 5; ++i) loop.turn();
        assert_true(heard.last == Order::reopen);
        ::close(ends[0]);
        for (int i = 0; i < 5; ++i) loop.turn();
        assert_true(heard.last == Order::gone);
        ::uv_close(reinterpret_cast<uv_handle_t*>(&busy), nullptr);
    }
    orders.close();
    for (int i = 0; i < 5; ++i) loop.turn();
    assert_int_equal(loop.open_handles(), 0);
    if (happened) ::close(ends[0]);
    ::close(ends[1]);
    return happened;
}

}  // namespace

static void orders_that_cannot_be_watched_are_said(void**) {
    for (const Call call : {Call::uv_poll_init, Call::uv_poll_start}) {
        for (const int error : errors_of(call)) {
            uint64_t nth = 1;
            while (watch_orders_with(call, nth, error)) ++nth;
            assert_int_equal(nth, 2);
        }
    }
}

// The backlog cannot be watched again at once: the listener looks again later, however often.
static void listener_comes_back_after_a_failed_accept_and_a_failed_watch(void**) {
    Rig rig;
    fail_once(Call::accept4, 1, ENOBUFS);
    Peer client = rig.connect();
    assert_true(failed_once());
    assert_int_equal(rig.house().session_count(), 0);
    fail_once(Call::uv_poll_start, 1, ENOMEM);
    rig.advance(200);
    assert_true(failed_once());
    assert_int_equal(rig.house().session_count(), 0);
    rig.advance(200);
    assert_int_equal(rig.house().session_count(), 1);
    client.close();
    rig.settle();
    rig.finish();
    assert_text_equal(rig.summary(), "client probe by=nobody phase=keepalive op=none\n");
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(start_says_what_it_could_not_open_and_can_be_tried_again),
        cmocka_unit_test(start_makes_the_calls_that_are_swept),
        cmocka_unit_test(loop_without_descriptors_says_so),
        cmocka_unit_test(signals_that_cannot_be_watched_are_said),
        cmocka_unit_test(orders_that_cannot_be_watched_are_said),
        cmocka_unit_test(listener_comes_back_after_a_failed_accept_and_a_failed_watch),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
