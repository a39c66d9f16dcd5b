// Peers whose machine is gone without a word: TCP itself gives up on them (TCP_USER_TIMEOUT). The kernel
// keeps its own time, so these take a second or two each.
#pragma once

#include "matrix/reach.hh"

namespace becaused::test {

inline void a_second_of_patience(RigOptions& options) { options.settings.tcp_user_timeout_s = 1; }

inline std::vector<Cell> unreachable_peers() {
    return {
        {"the upstream, while it is sent an upload", tcp,
         in_turn(asked(post_ten + "hello"), vanishes(&Scene::upstream)),
         in_turn(client_says("world"), await_a_record),
         "exchange upstream_unreachable_live by=upstream phase=first_byte op=read errno=ETIMEDOUT "
         "status=502\n"
         "upstream upstream_unreachable_live by=upstream phase=first_byte op=read "
         "errno=ETIMEDOUT\n"
         "client client_closed_idle by=nobody phase=keepalive op=none\n",
         "502 upstream_unreachable_live, open", "POST cut, open", a_second_of_patience},
        {"the client, while it is answered", tcp,
         in_turn(asked(get_version), vanishes(&Scene::client)),
         in_turn(upstream_says(ok_ten + "hello"), await_a_record),
         "exchange client_unreachable by=client phase=response_body op=read errno=ETIMEDOUT "
         "status=200\n"
         "client client_unreachable by=client phase=response_body op=read errno=ETIMEDOUT\n"
         "upstream partner(client_unreachable) by=nobody phase=response_body op=none\n",
         "open", "GET whole, RST", a_second_of_patience},
    };
}

}  // namespace becaused::test
