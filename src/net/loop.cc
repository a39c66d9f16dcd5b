#include "net/loop.hh"

#include <csignal>

#include "base/check.hh"
#include "net/tls.hh"

namespace becaused {

namespace {

constexpr uint64_t probe_every_ns = 1'000 * ns_per_ms;

Loop& loop_of(void* data) { return *static_cast<Loop*>(data); }

}  // namespace

void Loop::prepare_cb(uv_prepare_t* handle) noexcept { loop_of(handle->data).before_poll(); }
void Loop::check_cb(uv_check_t* handle) noexcept { loop_of(handle->data).after_poll(); }
void Loop::timer_cb(uv_timer_t* handle) noexcept { loop_of(handle->data).tick(); }

Loop::Loop(size_t slab_limit)
    : error_(::uv_loop_init(&uv_)),
      wheel_(clock_),
      slabs_(slab_limit),
      splices_(clock_),
      probe_clock_(*this) {
    // libuv writes with write(2) and sendmsg(2) without MSG_NOSIGNAL.
    ::signal(SIGPIPE, SIG_IGN);
    if (error_ != 0) return;
    uv_.data = this;
    CHECK(::uv_prepare_init(&uv_, &prepare_) == 0);
    CHECK(::uv_check_init(&uv_, &check_) == 0);
    CHECK(::uv_timer_init(&uv_, &timer_) == 0);
    prepare_.data = check_.data = timer_.data = this;
    CHECK(::uv_prepare_start(&prepare_, prepare_cb) == 0);
    CHECK(::uv_check_start(&check_, check_cb) == 0);
    for (auto* handle :
         {reinterpret_cast<uv_handle_t*>(&prepare_), reinterpret_cast<uv_handle_t*>(&check_),
          reinterpret_cast<uv_handle_t*>(&timer_)})
        ::uv_unref(handle);
    wheel_.on_busy(wheel_busy, this);
    slabs_.on_relief(slab_relief, this);
}

TlsRoom& Loop::tls_room() {
    if (!tls_room_) tls_room_ = std::make_unique<TlsRoom>();
    return *tls_room_;
}

Status Loop::status() const {
    if (error_ == 0) return Status::fine();
    return Status::failed(std::string("no event loop can be made: ") + ::uv_strerror(error_));
}

Loop::~Loop() {
    if (error_ != 0) return;
    Wheel::disarm(probe_clock_);
    for (auto* handle :
         {reinterpret_cast<uv_handle_t*>(&prepare_), reinterpret_cast<uv_handle_t*>(&check_),
          reinterpret_cast<uv_handle_t*>(&timer_)})
        ::uv_close(handle, nullptr);
    ::uv_run(&uv_, UV_RUN_DEFAULT);
    CHECK(::uv_loop_close(&uv_) == 0);
}

// A loop without handles takes no further turn: what its last close callbacks put off is done here, and
// may close more handles.
void Loop::run() {
    while (::uv_run(&uv_, UV_RUN_DEFAULT) == 0 && !deferred_.empty()) run_deferred();
}

bool Loop::turn() {
    clock_.turn();
    if (::uv_run(&uv_, UV_RUN_NOWAIT) == 0) run_deferred();
    return ::uv_loop_alive(&uv_) != 0;
}

void Loop::before_poll() {
    run_deferred();
    // The poll may wait: whoever asks after it must read the clock anew.
    clock_.turn();
    ++turn_number_;
    bulk_last_turn_ = bulk_this_turn_;
    bulk_this_turn_ = 0;
}

void Loop::after_poll() {
    run_deferred();
    if (turn_callback_ != nullptr) turn_callback_(turn_context_);
}

void Loop::run_deferred() {
    if (relief_) {
        relief_ = false;
        List<ProbeNode> waiters;
        waiters.splice(slab_waiters_);
        while (ProbeNode* waiter = waiters.front()) {
            waiter->unlink();
            watch(*waiter);
            waiter->slabs_are_back();
        }
    }
    while (Deferred* work = deferred_.front()) {
        work->unlink();
        work->after_turn();
    }
}

void Loop::tick() {
    clock_.turn();
    wheel_.tick();
    if (wheel_.idle() && !manual_) ignored(::uv_timer_stop(&timer_), "stop never fails");
}

void Loop::stay(int change) {
    waited_for_ += change;
    auto* timer = reinterpret_cast<uv_handle_t*>(&timer_);
    if (waited_for_ > 0) ::uv_ref(timer);
    else ::uv_unref(timer);
}

void Loop::wheel_busy(void* context) noexcept {
    Loop& loop = loop_of(context);
    if (loop.manual_) return;
    const uint64_t tick_ms = Wheel::tick_ns / ns_per_ms;
    CHECK(::uv_timer_start(&loop.timer_, timer_cb, tick_ms, tick_ms) == 0);
}

void Loop::slab_relief(void* context) noexcept { loop_of(context).relief_ = true; }

void Loop::arm_probe() {
    if (!probe_clock_.armed()) wheel_.arm(probe_clock_, now_ns() + probe_every_ns);
}

void Loop::probe_all(List<ProbeNode>& nodes) {
    // A probe may end any connection, the next in the list too: each is taken out and put back first.
    List<ProbeNode> round;
    round.splice(nodes);
    while (ProbeNode* node = round.front()) {
        node->unlink();
        nodes.push_back(*node);
        node->probe();
    }
}

void Loop::probe_all() {
    probe_all(probed_);
    probe_all(slab_waiters_);
    if (!probed_.empty() || !slab_waiters_.empty()) arm_probe();
}

size_t Loop::open_handles() {
    size_t count = 0;
    ::uv_walk(
        &uv_, [](uv_handle_t*, void* counter) { ++*static_cast<size_t*>(counter); }, &count);
    return count - 3;
}

}  // namespace becaused
