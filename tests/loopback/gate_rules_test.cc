// Who is asking by a client certificate; rules that are replaced while connections live; tunnels.
#include "support/let_in.hh"
#include "support/tls_rig.hh"
#include "support/cmocka.hh"

using namespace becaused::test;
using namespace std::string_literals;
using namespace std::string_view_literals;

namespace {

// ---- client certificates ---------------------------------------------------------------------------

RigOptions with_certificates() {
    RigOptions options = tls_options();
    options.settings.tlscacert = pki().ca.certificate;
    options.settings.profile = "builder";
    options.settings.handshake_rate = {};
    options.access = people() +
                     "[[certificate]]\nsubject = \"CN=ci-*\"\nprofile = \"inspect\"\n"
                     "[[certificate]]\nsubject = \"CN=client\"\nname = \"the client\"\n";
    return options;
}

// A TLS client of the stage's rig, which shows that certificate.
class Visitor {
  public:
    Visitor(Stage& stage, const Pem* certificate, SSL_SESSION* resumed = nullptr,
            int max_version = 0)
        : stage_(stage) {
        TlsWays ways = client_ways();
        ways.max_version = max_version;
        ways.certificate = certificate;
        ways.session = resumed;
        peer_ = std::make_unique<TlsPeer>(stage.rig().connect(), ways);
        CHECK(peer_->shake(stage.rig()));
    }
    void ask(std::string_view request) {
        peer_->received.clear();
        peer_->send(request);
        stage_.rig().settle();
        peer_->read();
    }
    void assert_served(std::string_view request, std::string_view identity) {
        ask(request);
        if (!stage_.upstream.open()) assert_true(stage_.accept());
        const std::string got = stage_.upstream_bytes();
        assert_text_contains(got, request.substr(0, request.find("\r\n")));
        assert_true(got.find("Authorization") == std::string::npos);
        stage_.answer(no_content);
        peer_->read();
        assert_text_equal(peer_->received, no_content_got);
        assert_text_equal(who(stage_), identity);
    }
    void assert_refused(std::string_view request, OwnAnswer answer, std::string_view identity) {
        ask(request);
        assert_false(stage_.rig().accept().open());
        if (stage_.upstream.open()) assert_text_equal(stage_.upstream_bytes(), "");
        const std::string id = field_of(stage_.exchange(), "id");
        answer.record = id;
        assert_text_equal(peer_->received, own_answer(answer));
        assert_text_equal(who(stage_), identity);
    }

    TlsPeer& peer() { return *peer_; }

  private:
    Stage& stage_;
    std::unique_ptr<TlsPeer> peer_;
};

void a_certificates_name_and_profile_are_its_rules(Stage& stage) {
    stage.options = with_certificates();
    static const Pem ci = pki().certificates.client("ci-7", pki().ca);
    Visitor visitor(stage, &ci);
    visitor.assert_served(request_of("GET /containers/json"), "ci-7 certificate");
    visitor.assert_refused(
        request_of("POST /build"),
        kept({403, "policy_denied", "POST /build (build) is not allowed by profile inspect"}),
        "ci-7 certificate");
    visitor.assert_served(request_of("GET /version"), "ci-7 certificate");
}

void a_certificate_that_no_rule_knows_is_refused(Stage& stage) {
    stage.options = with_certificates();
    static const Pem nobodys = pki().certificates.client("nobodys", pki().ca);
    Visitor visitor(stage, &nobodys);
    const OwnAnswer unknown = invalid("no rule knows the client's certificate");
    visitor.assert_refused(request_of("GET /version"), unknown, "");
    visitor.assert_served(get_version(as_runner), "runner static_token");
    visitor.assert_refused(request_of("GET /version"), unknown, "");
}

// A wrong token is not made good by a right certificate, and a right one counts before it.
void a_token_counts_before_a_certificate(Stage& stage) {
    stage.options = with_certificates();
    Visitor visitor(stage, &pki().client);
    visitor.assert_served(request_of("GET /version"), "the client certificate");
    visitor.assert_served(get_version(as_runner), "runner static_token");
    visitor.assert_refused(get_version(bearer_line("x")), invalid("the token is not known"), "");
    visitor.assert_served(request_of("GET /version"), "the client certificate");
}

// The certificate of a session's first handshake speaks for those that resume it, and for nobody else.
void a_resumed_session_is_still_whose_it_was(Stage& stage) {
    stage.options = with_certificates();
    // In TLS 1.3 sessions of clients with certificates are not resumed (loopback/tls_certificates).
    Visitor visitor(stage, &pki().client, nullptr, TLS1_2_VERSION);
    visitor.assert_served(request_of("GET /version"), "the client certificate");
    const SessionPtr session = visitor.peer().session();
    Visitor again(stage, nullptr, session.get(), TLS1_2_VERSION);
    assert_true(again.peer().resumed());
    again.assert_served(request_of("GET /version"), "the client certificate");
    stage.rig().guard(people());
    again.assert_refused(request_of("GET /version"),
                         invalid("no rule knows the client's certificate"), "");
}

void without_a_certificate_a_token_is_needed(Stage& stage) {
    stage.options = with_certificates();
    Visitor visitor(stage, nullptr);
    visitor.assert_refused(request_of("GET /version"), missing, "");
    visitor.assert_served(get_version(as_runner), "runner static_token");
}

void new_rules_count_for_a_connections_certificate_too(Stage& stage) {
    stage.options = with_certificates();
    Visitor visitor(stage, &pki().client);
    visitor.assert_served(request_of("GET /version"), "the client certificate");
    stage.rig().guard(people());
    visitor.assert_refused(request_of("GET /version"),
                           invalid("no rule knows the client's certificate"), "");
    stage.rig().guard("[[certificate]]\nsubject = \"CN=client\"\nprofile = \"ping\"\n");
    visitor.assert_refused(
        request_of("GET /version"),
        kept({403, "policy_denied", "GET /version (version) is not allowed by profile ping"}),
        "client certificate");
}

// Nobody needs to be known there: the record says who it was all the same.
void without_an_access_file_a_certificates_name_is_recorded(Stage& stage) {
    stage.options = with_certificates();
    stage.options.access = "";
    Visitor visitor(stage, &pki().client);
    visitor.assert_served(request_of("GET /version"), "client certificate");
    Visitor other(stage, nullptr);
    other.assert_served(request_of("GET /version"), "");
}

// ---- new rules -----------------------------------------------------------------------------------

void new_rules_count_from_the_next_request_on(Stage& stage) {
    let_people_in(stage);
    const std::string as_other = bearer_line("bst_new----0123456789-0123456789-0123456789");
    assert_served(stage, get_version(as_runner), version_got);
    // In the middle of an exchange: that one goes on.
    stage.send(get_version(as_runner));
    stage.rig().guard(token_entry("new", "bst_new----0123456789-0123456789-0123456789"));
    assert_text_equal(stage.upstream_got(), version_got);
    assert_answered(stage);
    assert_text_equal(who(stage), "runner static_token");
    assert_turned_away(stage, get_version(as_runner), invalid("the token is not known"));
    assert_served(stage, get_version(as_other), version_got);
    assert_text_equal(who(stage), "new static_token");
}

void new_profiles_count_from_the_next_request_on(Stage& stage) {
    let_people_in(stage);
    assert_served(stage, get_version(as_runner), version_got);
    stage.rig().guard("[[profile]]\nname = \"blind\"\nbase = \"ping\"\n" +
                      token_entry("runner", runner_token, "profile = \"blind\"\n"));
    assert_turned_away(
        stage, get_version(as_runner),
        kept({403, "policy_denied", "GET /version (version) is not allowed by profile blind"}));
}

// The password was right when it was sent; it is not believed any longer than for this request.
void new_rules_during_a_check_forget_its_outcome(Stage& stage) {
    await_check(stage);
    stage.rig().guard(token_entry("runner", runner_token));
    stage.work_on();
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), version_got);
    assert_answered(stage);
    assert_turned_away(stage, get_version(as_alice), invalid("the token is not known"));
}

// ---- tunnels -------------------------------------------------------------------------------------

#define ATTACH "POST /containers/c/attach?stream=1"
#define UPGRADE "Connection: Upgrade\r\nUpgrade: tcp\r\n"

void let_runner_attach(Stage& stage) {
    stage.options.settings.profile = "builder";
    stage.options.access = token_entry("runner", runner_token, "profile = \"run_sandboxed\"\n") +
                           password_entry("alice", "open sesame", "profile = \"run_sandboxed\"\n");
}

void finish_tunnel(Stage& stage, std::string_view identity) {
    stage.answer("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nhello");
    assert_text_equal(stage.client_got(),
                      "HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n"
                      "Via: 1.1 becaused\r\n\r\nhello");
    stage.client_fin();
    stage.upstream_fin();
    assert_text_equal(exchange_summary(stage),
                      "exchange tunnel_complete by=nobody phase=done op=none status=101\n");
    assert_text_equal(who(stage), identity);
}

void a_token_opens_a_tunnel(Stage& stage) {
    let_runner_attach(stage);
    stage.send(request_of(ATTACH, as_runner + UPGRADE) + "typed ahead");
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), ATTACH
                      " HTTP/1.1\r\nHost: a\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n"
                      "{+}\r\n");
    stage.answer("");
    finish_tunnel(stage, "runner static_token");
    assert_text_equal(stage.upstream_bytes(), "typed ahead");
}

// A client that half-closes at once, as docker run does, while its password is checked.
void a_password_opens_a_tunnel_that_is_half_closed_already(Stage& stage) {
    let_runner_attach(stage);
    stage.hold_workers();
    stage.send(request_of(ATTACH, as_alice + UPGRADE) + "typed ahead");
    stage.client_fin();
    stage.work_on();
    assert_true(stage.accept());
    stage.upstream_got();
    stage.answer("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nhello");
    assert_text_equal(stage.upstream_bytes(), "typed ahead");
    assert_text_equal(stage.upstream_state(), "fin");
    assert_text_contains(stage.client_got(), "\r\n\r\nhello");
    stage.upstream_fin();
    assert_text_equal(exchange_summary(stage),
                      "exchange tunnel_complete by=nobody phase=done op=none status=101\n");
    assert_text_equal(who(stage), "alice password");
}

// Docker's CLI 20.10 prints `Connection: close` of a refused upgrade as garbage; closed it is anyway,
// and what was typed ahead is no request.
void an_upgrade_without_credentials_is_refused_and_closed(Stage& stage) {
    let_runner_attach(stage);
    stage.send(request_of(ATTACH, UPGRADE) + std::string(smuggled));
    assert_false(stage.rig().accept().open());
    assert_own_answer(stage, missing);
    assert_text_equal(stage.client_state(), "fin");
    assert_text_equal(stage.leave(),
                      "exchange auth_missing by=gate phase=gate op=judge status=401\n"
                      "client partner(auth_missing) by=nobody phase=gate op=none\n");
}

}  // namespace

int main() {
    Cases cases;
    cases.add(SCENARIO(a_certificates_name_and_profile_are_its_rules));
    cases.add(SCENARIO(a_certificate_that_no_rule_knows_is_refused));
    cases.add(SCENARIO(a_token_counts_before_a_certificate));
    cases.add(SCENARIO(a_resumed_session_is_still_whose_it_was));
    cases.add(SCENARIO(without_a_certificate_a_token_is_needed));
    cases.add(SCENARIO(new_rules_count_for_a_connections_certificate_too));
    cases.add(SCENARIO(without_an_access_file_a_certificates_name_is_recorded));
    cases.add(SCENARIO(new_rules_count_from_the_next_request_on));
    cases.add(SCENARIO(new_profiles_count_from_the_next_request_on));
    cases.add(SCENARIO(new_rules_during_a_check_forget_its_outcome));
    cases.add(SCENARIO(a_token_opens_a_tunnel));
    cases.add(SCENARIO(a_password_opens_a_tunnel_that_is_half_closed_already));
    cases.add(SCENARIO(an_upgrade_without_credentials_is_refused_and_closed));
    return cases.run("gate_rules");
}
