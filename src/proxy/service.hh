// The authorisation service: an HTTP server that is asked about credentials which nothing here knows. One
// small GET per question, over kept-alive connections of its own; what it allowed is remembered for a
// while, what it refused never is. Owns its questions; every one is answered once, unless given up.
#pragma once

#include <memory>
#include <unordered_map>

#include "gate/token_cache.hh"
#include "http/parser.hh"
#include "proxy/settings.hh"
#include "proxy/upstream.hh"

namespace becaused {

class Ask;

// What the service said.
struct ServiceAnswer {
    // The reason of a refusal; `complete`: allowed.
    Reason reason = Reason::auth_unavailable;
    const char* detail = "";  // static
    uint64_t retry_ms = 0;    // 0: not said
    IdentityRef identity;     // allowed
};

class ServiceSink {
  public:
    // Never called from inside ask().
    virtual void on_answer(uint64_t ticket, const ServiceAnswer& answer) = 0;

  protected:
    ~ServiceSink() = default;
};

class Service {
  public:
    Service(Loop& loop, Ledger& ledger, const Settings& settings, ServiceSink& sink);
    Service(const Service&) = delete;
    Service& operator=(const Service&) = delete;
    ~Service();

    // Reads the TLS file again; fine where there is none.
    Status load();
    // What it said of the same question a while ago; empty: it must be asked. `credentials`: the
    // value of their field.
    IdentityRef remembered(const RequestHead& head, std::string_view credentials, int64_t wall_ms);
    // Asks for the exchange `asker`; the ticket is never 0.
    uint64_t ask(EntryId asker, const RequestHead& head, std::string_view credentials_field,
                 std::string_view credentials);
    void give_up(uint64_t ticket, const Ending& why);
    // Ends idle connections (shutdown).
    void close() { upstream_.close(); }
    // Names of fields that its answers put into requests, in lower case.
    const std::vector<std::string>& copied() const { return settings_.auth_copy; }

  private:
    friend class Ask;

    Digest question(const RequestHead& head, std::string_view credentials) const;
    std::string request(const RequestHead& head, std::string_view field,
                        std::string_view credentials) const;
    void answered(Ask& ask, const ServiceAnswer& answer);
    // What an answer's head means.
    ServiceAnswer read(const ResponseHead& head) const;

    Loop& loop_;
    Ledger& ledger_;
    Settings settings_;  // the upstream is the service
    ServiceSink& sink_;
    std::unique_ptr<TlsStore> tls_;
    Upstream upstream_;
    HeadParser parser_;
    ResponseHead head_;
    TokenCache cache_;
    std::unordered_map<uint64_t, std::unique_ptr<Ask>> asks_;
    uint64_t tickets_ = 0;
};

}  // namespace becaused
