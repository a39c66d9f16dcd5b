#include "support/crowd.hh"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>

#include "base/check.hh"
#include "base/status.hh"
#include "support/in_flight.hh"

namespace becaused::test {

namespace {

constexpr int quiet_steps = 5;      // without a movement: only time helps
constexpr int ticks_limit = 200;    // of time without a movement: a hang
constexpr int wait_limit = 10'000;  // milliseconds that the kernel may take to deliver
constexpr short gone = POLLHUP | POLLERR | POLLRDHUP;

// A millisecond for the kernel's own timers, whose work no descriptor announces.
void wait_for_kernel() { ignored(::poll(nullptr, 0, 1), "it only waits"); }

}  // namespace

Crowd::Crowd(Rig& rig, Random& random, std::vector<Plan>& plans, size_t clients)
    : rig_(rig), random_(random), plans_(plans), clients_(clients) {}

Crowd::~Crowd() { leave(); }

void Crowd::leave() {
    for (Client& client : clients_) client.peer.close();
    servers_.clear();
}

void Crowd::odd(const std::string& what) {
    if (oddities_.size() < 20) oddities_.push_back(what);
}

bool Crowd::play(uint32_t first, uint32_t end, Mode mode) {
    for (uint32_t number = first; number < end; ++number)
        clients_[random_.below(clients_.size())].todo.push_back(&plans_[number]);
    if ((mode == Mode::refused || mode == Mode::restarted) && !desert()) return false;
    const uint64_t stop_after = mode == Mode::drained ? random_.between(3, 30) : never;
    uint64_t steps = 0;
    int quiet = 0;
    int ticks = 0;
    int waits = 0;
    while (!done()) {
        if (steps++ == stop_after) {
            rig_.stop();
            closing_ = true;
            for (Client& client : clients_) client.todo.clear();
        }
        if (step()) {
            quiet = ticks = waits = 0;
        } else if (++quiet >= quiet_steps) {
            wake_deaf();
            // Whoever still gets something has not stopped.
            if (under_way_ = in_flight(); !under_way_.empty()) {
                if (++waits > wait_limit) return false;
                wait_for_kernel();
                continue;
            }
            if (++ticks > ticks_limit) return false;
            if (mode == Mode::restarted) rig_.start_upstream();
            rig_.skip(100);
            quiet = quiet_steps - 3;
        }
    }
    rig_.start_upstream();
    return true;
}

// The upstream leaves, and everybody hears of it; false when that takes too long.
bool Crowd::desert() {
    servers_.clear();
    for (int waits = 0; waits < wait_limit; ++waits) {
        rig_.settle();
        while (rig_.accept_now().open()) continue;
        under_way_ = in_flight();
        if (under_way_.empty()) {
            rig_.stop_upstream();
            return true;
        }
        wait_for_kernel();
    }
    return false;
}

// Who leaves a closed window resets its connection, but Linux believes only a reset that fits the last
// byte, and asks back twice a second at most: the deaf may never hear of it unless they read.
void Crowd::wake_deaf() {
    for (Client& client : clients_)
        if (client.deaf && client.peer.open() && !other_end_is_open(client.peer.fd())) lose(client);
    for (Server& server : servers_)
        if (server.deaf && !other_end_is_open(server.peer.fd())) server.peer.close();
}

bool Crowd::done() const {
    return std::ranges::all_of(clients_, [](const Client& client) {
        return client.todo.empty() && client.waiting.empty() && client.actor == nullptr;
    });
}

std::string Crowd::stuck() const {
    std::string text = under_way_.empty() ? "" : under_way_ + " does not arrive\n";
    for (const Client& client : clients_) {
        for (const Plan* plan : client.waiting)
            text += "fate-" + std::to_string(plan->number) + " (" + std::string(name(plan->fate)) +
                    ") waits\n";
    }
    for (const Server& server : servers_)
        if (server.plan != nullptr)
            text += "the upstream is in fate-" + std::to_string(server.plan->number) + "\n";
    return text;
}

// What poll(2) says of everybody.
void Crowd::look() {
    std::vector<pollfd> fds;
    fds.reserve(clients_.size() + servers_.size());
    const auto add = [&fds](const Peer& peer, bool deaf) {
        fds.push_back({peer.fd(), static_cast<short>(deaf ? POLLRDHUP : POLLRDHUP | POLLIN), 0});
    };
    for (const Client& client : clients_) add(client.peer, client.deaf);
    for (const Server& server : servers_) add(server.peer, server.deaf);
    CHECK(::poll(fds.data(), fds.size(), 0) >= 0);
    size_t at = 0;
    for (Client& client : clients_) client.seen = fds[at++].revents;
    for (Server& server : servers_) server.seen = fds[at++].revents;
}

// One step of everybody; true when anything moved.
bool Crowd::step() {
    look();
    bool moved = false;
    for (Client& client : clients_) moved = step(client) || moved;
    for (Server& server : servers_) moved = step(server) || moved;
    std::erase_if(servers_, [](const Server& server) { return !server.peer.open(); });
    for (Peer peer = rig_.accept_now(); peer.open(); peer = rig_.accept_now()) {
        servers_.emplace_back();
        servers_.back().peer = std::move(peer);
        servers_.back().piece = random_.chance(80) ? SIZE_MAX : random_.between(1, 5000);
        moved = true;
    }
    rig_.turn();
    rig_.turn();
    return moved;
}

// ---- clients ------------------------------------------------------------------------------------

bool Crowd::step(Client& client) {
    if (!client.peer.open()) return connect(client);
    bool moved = send(client);
    if (client.peer.open()) moved = hear(client) || moved;
    if (client.actor != nullptr) moved = act(client) || moved;
    return moved;
}

bool Crowd::connect(Client& client) {
    if (client.todo.empty() || closing_) return false;
    std::deque<Plan*> todo;
    todo.swap(client.todo);
    client = Client();
    client.todo.swap(todo);
    client.peer = rig_.connect_now();
    client.depth = random_.chance(70) ? 1 : random_.between(2, 4);
    client.piece = random_.chance(80) ? SIZE_MAX : random_.between(1, 3000);
    return true;
}

bool Crowd::may_begin(const Client& client) {
    if (client.sending != nullptr || client.muted || client.ending || client.actor != nullptr ||
        client.todo.empty())
        return false;
    // What a client does to its connection, it does to all requests on it.
    return client.waiting.empty() ||
           (client.waiting.size() < client.depth && !client.waiting.back()->last &&
            client.todo.front()->client.act == Act::go_on);
}

bool Crowd::send(Client& client) {
    const bool next = may_begin(client);
    if (next) {
        Plan& plan = *client.todo.front();
        client.todo.pop_front();
        if (client.waiting.empty())
            client.reader.start(MessageReader::Kind::answer, plan.method == "HEAD");
        client.waiting.push_back(&plan);
        client.sending = &plan;
        client.out = request_of(plan);
        if (plan.tunnel) client.out += body_text(plan.number, 0, plan.up_size);
        client.out_at = 0;
    }
    if (client.sending == nullptr || client.muted) return next;
    Plan& plan = *client.sending;
    const uint64_t size = client.out.size();
    // What is meant for the tunnel is sent once there is one.
    const bool held = plan.tunnel && !client.reader.tunnel();
    const uint64_t limit = std::min({plan.client.sends, size, held ? size - plan.up_size : size});
    const uint64_t count = std::min<uint64_t>(limit - client.out_at, client.piece);
    const size_t sent = client.peer.send(std::string_view(client.out).substr(client.out_at, count));
    client.out_at += sent;
    plan.begun = plan.begun || sent > 0;
    if (client.out_at == limit && !held && plan.client.sends != never) trigger(client, plan);
    if (client.out_at == size) {
        client.sending = nullptr;
        if (client.ending) lose(client);
    }
    return next || sent > 0;
}

void Crowd::trigger(Client& client, Plan& plan) {
    if (client.actor != nullptr || plan.client.act == Act::go_on) return;
    const bool acted = client.muted || client.deaf || client.half_closed;
    if (acted) return;
    client.actor = &plan;
    client.delay = static_cast<unsigned>(random_.below(4));
}

bool Crowd::act(Client& client) {
    if (client.delay-- > 0) return true;
    Plan& plan = *client.actor;
    client.actor = nullptr;
    switch (plan.client.act) {
        case Act::go_on: return false;
        case Act::mute: client.muted = true; return true;
        case Act::deaf:
            client.deaf = true;
            client.peer.shrink_receive_buffer(deaf_buffer);
            return true;
        case Act::half_close:
            client.half_closed = true;
            ignored(::shutdown(client.peer.fd(), SHUT_WR), "it may be gone already");
            return true;
        case Act::close: client.peer.close(); break;
        case Act::reset: client.peer.reset(); break;
    }
    lose(client);
    return true;
}

// The connection is over; what is not answered never will be.
void Crowd::lose(Client& client) {
    client.peer.close();
    for (size_t i = 0; i < client.waiting.size(); ++i) {
        client.waiting[i]->finished = true;
        client.waiting[i]->orphan = i > 0 || client.ending;
    }
    client.waiting.clear();
    client.sending = nullptr;
    client.actor = nullptr;
}

bool Crowd::hear(Client& client) {
    if (client.deaf) {
        if ((client.seen & gone) == 0) return false;
        lose(client);
        return true;
    }
    if (client.seen == 0) return false;
    const size_t before = client.peer.received.size();
    client.peer.read();
    std::string& received = client.peer.received;
    const bool moved = received.size() > before || client.peer.eof || client.peer.error != 0;
    size_t used = 0;
    while (used < received.size() && !client.waiting.empty() && client.peer.open()) {
        Plan& plan = *client.waiting.front();
        MessageReader& reader = client.reader;
        const bool headless_yet = !reader.head_done();
        used += reader.take(std::string_view(received).substr(used));
        if (headless_yet && reader.head_done()) {
            plan.seen_status = reader.status();
            const std::string_view fate = field_in(reader.head(), "x-fate");
            if (!fate.empty() && fate != std::to_string(plan.number)) plan.wrong = true;
            if (!fate.empty()) reader.expect_body(plan.number + 1U);
        }
        plan.wrong = plan.wrong || reader.wrong();
        if (reader.head_done() && reader.body_bytes() >= plan.client.hears) trigger(client, plan);
        if (reader.done()) answered(client);
        else if (reader.wrong()) break;
    }
    if (used < received.size()) {
        odd("a client heard bytes out of turn: " + received.substr(used, 200));
        lose(client);
        return true;
    }
    received.clear();
    if (client.peer.eof || client.peer.error != 0) {
        Plan* plan = client.waiting.empty() ? nullptr : client.waiting.front();
        const bool clean = client.peer.eof && client.peer.error == 0;
        if (plan != nullptr && clean && plan->tunnel && client.reader.tunnel()) {
            // The other half goes on; whoever has nothing to add ends it too.
            const bool over = client.half_closed || plan->client.act == Act::go_on ||
                              (client.seen & (POLLHUP | POLLERR)) != 0;
            if (!over) return false;
            plan->whole = client.reader.body_bytes() == plan->down_size;
        } else if (plan != nullptr && clean && client.reader.end()) {
            plan->whole = true;
        }
        lose(client);
    }
    return moved;
}

// The front of `waiting` has its answer.
void Crowd::answered(Client& client) {
    Plan& plan = *client.waiting.front();
    plan.whole = plan.finished = true;
    client.waiting.pop_front();
    const bool unsent = client.sending == &plan;
    if (plan.client.hears == at_the_end) {
        client.actor = nullptr;
        trigger(client, plan);
    }
    const bool closes = client.reader.closes() || plan.old_version;
    // Whoever is answered early goes on sending, unless told to stop, and then leaves.
    client.ending = closes || unsent;
    if (closes) {
        for (Plan* orphan : client.waiting) orphan->orphan = orphan->finished = true;
        client.waiting.clear();
        client.sending = nullptr;
    } else if (!client.waiting.empty()) {
        client.reader.start(MessageReader::Kind::answer, client.waiting.front()->method == "HEAD");
    }
}

}  // namespace becaused::test
