// An operator beside a Stage: the admin address on the rig's own loop, and questions put to it. For
// cmocka_unit_test_setup_teardown: the test's state is a Desk. Include before support/cmocka.hh.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ops/address.hh"
#include "ops/admin.hh"
#include "ops/admin_visit.hh"
#include "support/kept_records.hh"
#include "support/program.hh"
#include "support/stage.hh"
#include "support/cmocka.hh"

namespace becaused::test {

class Desk {
  public:
    Stage stage;

    Desk() = default;
    Desk(const Desk&) = delete;
    Desk& operator=(const Desk&) = delete;
    ~Desk() {
        operators.clear();
        for (Peer* peer : {&stage.client, &stage.upstream, &stage.second}) peer->close();
        stage.rig().finish();
        admin_.reset();
    }

    // Opens the address at the first use, after the test has set stage.options; `address`: empty for a
    // socket.
    void open(const std::string& address = {}) {
        Rig& rig = stage.rig();
        admin_ = std::make_unique<Admin>(rig.loop(), rig.ledger(), rig.settings().clocks);
        rig.house().on_closed([](void* admin) { static_cast<Admin*>(admin)->close(); },
                              admin_.get());
        const std::string socket = "unix://" + rig.directory() + "/admin.sock";
        auto parsed = parse_admin(address.empty() ? socket : address);
        assert_true(parsed.ok());
        assert_true(admin_->open(parsed.value()).ok());
        where_ = socket;
        if (address.empty()) return;
        where_ = "tcp://";
        append_endpoint(where_, admin_->local());
    }
    // A connection to it, not yet accepted.
    Peer& connect() {
        if (!admin_) open();
        operators.push_back(connect_to(where_));
        assert_true(operators.back().open());
        return operators.back();
    }
    // The whole answer to "GET /live"; what else is to be in the head comes after it.
    std::string ask(std::string_view question, std::string_view rest = "Host: localhost\r\n\r\n") {
        operators.clear();  // those who had their answer
        Peer& peer = connect();
        peer.send(std::string(question) + " HTTP/1.1\r\n" + std::string(rest));
        stage.rig().settle();
        peer.read();
        return peer.received;
    }
    // The lines of a whole list. Each is kept to be judged by the schema.
    static std::vector<std::string> lines_in(std::string_view answer) {
        assert_true(answer.starts_with("HTTP/1.1 200 OK\r\n"));
        assert_true(answer.ends_with("\r\n0\r\n\r\n"));
        std::vector<std::string> lines;
        for (const std::string& line : lines_of(answer))
            if (line.starts_with('{')) lines.push_back(line);
        for (const std::string& line : lines) keep_records(line + '\n');
        return lines;
    }
    std::vector<std::string> live() { return lines_in(ask("GET /live")); }
    // The one open exchange's line.
    std::string exchange() {
        std::string found;
        for (const std::string& line : live()) {
            if (field_of(line, "kind") != "exchange") continue;
            assert_text_equal(found, "");
            found = line;
        }
        return found;
    }
    std::string end(const std::string& id) { return ask("DELETE /live/" + id); }

    std::vector<Peer> operators;

  private:
    std::unique_ptr<Admin> admin_;
    std::string where_;
};

inline int open_desk(void** state) {
    *state = new Desk;
    return 0;
}
inline int close_desk(void** state) {
    delete static_cast<Desk*>(*state);
    return 0;
}
inline Desk& desk_of(void** state) { return *static_cast<Desk*>(*state); }

}  // namespace becaused::test
