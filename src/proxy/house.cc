#include "proxy/house.hh"

#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

#include "net/address.hh"

namespace becaused {

namespace {

constexpr uint32_t own_descriptors = 64;    // loop, files, listeners, pool of names
constexpr uint32_t overflow_sessions = 64;  // refused politely; beyond these, refused at once
constexpr size_t exchanges_kept = 256;

constexpr uint64_t most_splices = 64;  // pipes for bulk at once, two descriptors each
constexpr uint64_t splice_share = 16;  // of the descriptors, one pipe for so many at most

// Descriptors for clients, their upstream connections, and pipes.
uint64_t usable_descriptors() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return UINT64_MAX;
    return limit.rlim_cur > own_descriptors ? limit.rlim_cur - own_descriptors : 2;
}

uint64_t splice_limit(const Settings& settings) {
    if (settings.splice_bytes == 0) return 0;
    return std::min(most_splices, usable_descriptors() / splice_share);
}

// Clients that the descriptor limit allows: each may need one upstream connection.
uint32_t descriptor_limit(const Settings& settings) {
    const uint64_t usable = usable_descriptors() - 2 * splice_limit(settings);
    return static_cast<uint32_t>(
        std::min<uint64_t>(settings.max_connections, std::max<uint64_t>(1, usable / 2)));
}

}  // namespace

namespace {

std::unique_ptr<TlsStore> server_tls(Loop& loop, const Settings& settings) {
    if (settings.tlscert.empty()) return nullptr;
    TlsFiles files;
    for (size_t i = 0; i < settings.tlscert.size(); ++i)
        files.pairs.push_back({settings.tlscert[i], settings.tlskey.at(i)});
    files.authorities = settings.tlscacert;
    files.peer = settings.tlsverify            ? TlsFiles::Peer::demanded
                 : !settings.tlscacert.empty() ? TlsFiles::Peer::if_given
                                               : TlsFiles::Peer::unasked;
    return std::make_unique<TlsStore>(loop, TlsContext::Role::server, std::move(files));
}

std::unique_ptr<TlsStore> upstream_tls(Loop& loop, const Settings& settings) {
    if (!settings.upstream.tls) return nullptr;
    TlsFiles files;
    if (!settings.upstream_tlscert.empty())
        files.pairs.push_back({settings.upstream_tlscert, settings.upstream_tlskey});
    files.authorities = settings.upstream_tlscacert;
    files.peer =
        settings.upstream_tlsverify ? TlsFiles::Peer::demanded : TlsFiles::Peer::unverified;
    files.server_name = settings.upstream.host;
    return std::make_unique<TlsStore>(loop, TlsContext::Role::client, std::move(files));
}

}  // namespace

namespace {

std::unique_ptr<const Gate> gate_of(const Settings& settings, Policy policy) {
    const bool found = policy.find(settings.profile) != nullptr;
    // One of the rules that are yet to come: until then nothing but a ping may pass.
    return std::make_unique<const Gate>(RouteSettings{settings.routes, settings.body_limits},
                                        std::move(policy), found ? settings.profile : "ping");
}

// Without rules for access everybody is let in; a certificate's name still stands in the records.
AuthSettings names_only() {
    AuthSettings settings;
    CertificateRule rule;
    rule.subject = {{"CN", "*"}};
    settings.certificates.push_back(std::move(rule));
    return settings;
}

}  // namespace

House::House(Loop& loop, Ledger& ledger, const Settings& settings)
    : loop_(loop),
      ledger_(ledger),
      settings_(settings),
      gate_(gate_of(settings, Policy())),
      access_(loop, ledger, settings, names_only()),
      limits_(settings),
      tellings_(settings.tell),
      tls_(server_tls(loop, settings)),
      upstream_tls_(upstream_tls(loop, settings)),
      upstream_(loop, settings, upstream_tls_.get()),
      connection_limit_(descriptor_limit(settings)) {
    loop.splices().allow(splice_limit(settings));
    if (settings.mode == "learn") learner_ = std::make_unique<Learner>();
    scratch_.reserve(8 * 1024);
    request_head_.fields.reserve(64);
    response_head_.fields.reserve(64);
    spare_exchanges_.reserve(exchanges_kept);
    if (::getrandom(&random_, sizeof random_, 0) != sizeof random_) random_ = loop.now_ns();
    random_ |= 1U;
    for (const std::string& network : settings.proxy_from)
        proxy_from_.push_back(parse_network(network));
}

Status House::guard(AuthSettings access, Policy policy) {
    if (policy.find(settings_.profile) == nullptr)
        return Status::failed("profile: no profile is named \"" + settings_.profile + '"');
    gate_ = gate_of(settings_, std::move(policy));
    withheld_.clear();
    if (!settings_.pass_credentials) withheld_.push_back(access.field);
    if (access_.service() != nullptr)
        for (const std::string& name : access_.service()->copied()) withheld_.push_back(name);
    access_.replace(std::move(access));
    guarded_ = true;
    ++access_generation_;
    return Status::fine();
}

bool House::hold(int64_t change_bytes) {
    held_bytes_ += change_bytes;
    CHECK(held_bytes_ >= 0);
    return held_bytes_ <= static_cast<int64_t>(settings_.memory_bytes / 4);
}

bool House::hold_heads(int64_t change_bytes) {
    head_bytes_ += change_bytes;
    CHECK(head_bytes_ >= 0);
    return head_bytes_ <= static_cast<int64_t>(settings_.memory_bytes / 8);
}

House::~House() {
    CHECK(sessions_.empty() && session_count_ == 0 && held_bytes_ == 0 && head_bytes_ == 0);
}

Status House::reload() {
    for (TlsStore* store : {tls_.get(), upstream_tls_.get()}) {
        if (store == nullptr) continue;
        if (Status status = store->load(); !status.ok()) return status;
    }
    return access_.service() == nullptr ? Status::fine() : access_.service()->load();
}

Result<Endpoint> place_of(const ListenAddress& address) {
    const std::string& host = address.host == "localhost" ? "127.0.0.1" : address.host;
    const Endpoint at = parse_literal(host, address.port);
    if (at.kind != Endpoint::Kind::none) return at;
    return Status::failed("listen: " + address.text +
                          ": give an address (127.0.0.1, [::1]), not a name");
}

Status House::open(Listener& listener, const ListenAddress& address) {
    if (address.kind == Address::Kind::unix)
        return listener.open_unix(address.path, address.mode, address.group, settings_.backlog,
                                  address.text);
    Result<Endpoint> at = place_of(address);
    if (!at.ok()) return at.status();
    return listener.open_tcp(at.value(), settings_.backlog,
                             {settings_.tcp_keepalive_s, settings_.tcp_user_timeout_s},
                             address.text);
}

Status House::open(const std::vector<int>& bound) {
    if (Status status = reload(); !status.ok()) return status;
    for (size_t i = 0; i < settings_.listen.size(); ++i) {
        const ListenAddress& address = settings_.listen[i];
        auto listener = std::make_unique<Listener>(loop_, *this);
        Status status = bound.empty() ? open(*listener, address)
                                      : listener->adopt(bound.at(i), address.path,
                                                        settings_.backlog, address.text);
        if (!status.ok()) {
            for (auto& open : listeners_) open->close();
            return status;
        }
        listeners_.push_back(std::move(listener));
    }
    return Status::fine();
}

std::vector<Endpoint> House::listening() const {
    std::vector<Endpoint> endpoints;
    for (const auto& listener : listeners_) endpoints.push_back(listener->local());
    return endpoints;
}

std::vector<House::LeftSocket> House::left_sockets() const {
    std::vector<LeftSocket> left;
    for (const auto& listener : listeners_)
        if (const int error = listener->left_error(); error != 0)
            left.push_back({&settings_of(*listener), error});
    return left;
}

const ListenAddress& House::settings_of(const Listener& listener) const {
    for (size_t i = 0; i < listeners_.size(); ++i)
        if (listeners_[i].get() == &listener) return settings_.listen[i];
    CHECK(false && "a listener of ours");
    return settings_.listen.front();
}

// The newest certificates; null where none are spoken of.
TlsContext* House::fresh_tls() {
    if (!tls_) return nullptr;
    bool loaded = false;
    const Status status = tls_->refresh(loaded);
    if (loaded && tls_report_ != nullptr) tls_report_(status);
    return tls_->current();
}

bool House::may_send_proxy_header(const Endpoint& peer) const {
    return proxy_from_.empty() || std::ranges::any_of(proxy_from_, [&](const Network& network) {
               return contains(network, peer);
           });
}

const char* House::too_often(const Endpoint& peer, bool tls) {
    const uint64_t now_ns = loop_.now_ns();
    if (!limits_.connection(peer, now_ns)) return "connections from this address (connection_rate)";
    if (tls && !limits_.handshake(peer, now_ns))
        return "TLS handshakes with this address (handshake_rate)";
    return nullptr;
}

// Ends a connection that may not even speak.
void House::turn_away(const Arrival& arrival, const Ending& ending) {
    int error = 0;
    Conn* conn = Conn::accepted(loop_, ledger_, {arrival.fd, arrival.peer, arrival.entrance},
                                SocketOptions(), nullptr, error);
    if (conn != nullptr) conn->end(ending, Conn::Close::reset);
}

void House::on_accept(Listener& listener, int fd, const Endpoint& peer, int error) {
    const ListenAddress& address = settings_of(listener);
    Arrival arrival{fd, peer, &listener.entrance(), nullptr, address.proxied};
    if (error != 0) {
        turn_away(arrival, Ending::decided(Reason::fd_exhausted, Phase::accept, Op::accept, error));
        return;
    }
    if (session_count_ >= connection_limit_ + overflow_sessions) {
        turn_away(arrival, Ending::decided(Reason::accept_limit, Phase::accept, Op::accept, 0)
                               .with_limit(connection_limit_));
        return;
    }
    if (address.proxied && !may_send_proxy_header(peer)) {
        turn_away(arrival, Ending::refused(Reason::source_denied, Phase::accept, Op::judge,
                                           "not a load balancer of ours (proxy_from)"));
        return;
    }
    if (address.kind == Address::Kind::tcp && !address.plain) arrival.tls = fresh_tls();
    const char* often = address.proxied ? nullptr : too_often(peer, arrival.tls != nullptr);
    if (often != nullptr) {
        turn_away(arrival, Ending::refused(Reason::rate_limited, Phase::accept, Op::judge, often));
        return;
    }
    auto* session = new Session(*this, session_count_ >= connection_limit_);
    sessions_.push_back(*session);
    ++session_count_;
    const SocketOptions options{settings_.tcp_keepalive_s, settings_.tcp_user_timeout_s};
    int open_error = 0;
    session->begin(Conn::accepted(loop_, ledger_, arrival, options, session->sink(), open_error));
}

Exchange& House::take_exchange() {
    if (spare_exchanges_.empty()) return *new Exchange(*this);
    Exchange* exchange = spare_exchanges_.back().release();
    spare_exchanges_.pop_back();
    return *exchange;
}

void House::give_back(Exchange& exchange) {
    std::unique_ptr<Exchange> spare(&exchange);
    if (spare_exchanges_.size() < exchanges_kept) spare_exchanges_.push_back(std::move(spare));
}

void House::session_gone(Session& session) {
    delete &session;
    --session_count_;
    close_when_empty();
}

void House::make_traceparent(std::string& out) {
    static constexpr char hex[] = "0123456789abcdef";
    out = "00-";
    for (int part = 0; part < 3; ++part) {
        // xorshift64* (Vigna 2016): ids must be unlikely to repeat, not hard to guess.
        random_ ^= random_ >> 12U;
        random_ ^= random_ << 25U;
        random_ ^= random_ >> 27U;
        const uint64_t value = random_ * 0x2545F4914F6CDD1DU;
        for (unsigned shift = 64; shift > 0; shift -= 4) out += hex[value >> (shift - 4) & 15U];
        if (part > 0) out += '-';
    }
    out += "01";
}

// Visits every session; the visited one may end meanwhile (it dies after the turn).
template <typename Visit>
void House::each_session(Visit visit) {
    for (SessionNode* node = sessions_.front(); node != nullptr;) {
        SessionNode* next = sessions_.next(*node);
        visit(static_cast<Session&>(*node));
        node = next;
    }
}

void House::stop() {
    ++stops_;
    if (stops_ == 1) {
        for (auto& listener : listeners_) listener->close();
        each_session([](Session& session) { session.drain(); });
        const uint32_t limit_ms = settings_.clocks.ms(ClockName::drain);
        if (limit_ms > 0) loop_.wheel().arm(*this, loop_.now_ns() + limit_ms * ns_per_ms);
        close_when_empty();
        return;
    }
    cut_all(Ending::decided(Reason::shutdown, Phase::done, Op::admin, 0));
}

void House::on_ring() {
    const uint32_t limit_ms = settings_.clocks.ms(ClockName::drain);
    cut_all(Ending::by_clock(Reason::drain_deadline, Phase::done, ClockName::drain, limit_ms, 0));
}

// Each exchange puts its own phase into `ending`.
void House::cut_all(const Ending& ending) {
    each_session([&](Session& session) {
        if (session.exchange() != nullptr) cut_ = true;
        session.kill(ending);
    });
}

void House::close_when_empty() {
    if (!stopping() || closed_ || session_count_ > 0) return;
    closed_ = true;
    Wheel::disarm(*this);
    upstream_.close();
    if (access_.service() != nullptr) access_.service()->close();
    if (closed_callback_ != nullptr) closed_callback_(closed_context_);
}

}  // namespace becaused
