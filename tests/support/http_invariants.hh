// What must hold for any bytes whatever that the http room accepts. Written naively and apart from src/,
// so that both are not wrong in the same way. Used with mutants (tests/unit/mutants_test.cc) and by the
// fuzzer (tests/fuzz/).
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "http/chunked.hh"
#include "http/forward.hh"
#include "http/framing.hh"
#include "http/parser.hh"

namespace test_support {

// Null, or which line of a head a strict reader refuses, and why.
inline const char* strict_head_flaw(std::string_view bytes, bool request) {
    if (bytes.size() < 4 || bytes.substr(bytes.size() - 4) != "\r\n\r\n")
        return "no empty line at the end";
    size_t begin = 0, lines = 0, lengths = 0, codings = 0, hosts = 0;
    bool old = false;
    while (begin < bytes.size()) {
        const size_t end = bytes.find("\r\n", begin);
        const std::string_view line = bytes.substr(begin, end - begin);
        for (const char byte : line) {
            const auto code = static_cast<unsigned char>(byte);
            if ((code < 0x20 && byte != '\t') || code == 0x7f) return "a control byte";
        }
        begin = end + 2;
        if (line.empty()) break;
        if (lines++ == 0) {
            const bool first_end = line.size() > 9 && line.substr(line.size() - 9, 8) == " HTTP/1.";
            const bool first_start = line.size() > 11 && line.substr(0, 7) == "HTTP/1.";
            if (request ? !first_end : !first_start) return "no version in the first line";
            old = line[request ? line.size() - 1 : 7] == '0';
            if (request && std::count(line.begin(), line.end(), ' ') != 2) return "not two spaces";
            continue;
        }
        const size_t colon = line.find(':');
        if (colon == 0 || colon == std::string_view::npos) return "no name";
        std::string name(line.substr(0, colon));
        for (char& byte : name) {
            if (std::string_view("()<>@,;:\\\"/[]?={} \t").find(byte) != std::string_view::npos ||
                static_cast<unsigned char>(byte) >= 0x80)
                return "a name that is no token";
            if (byte >= 'A' && byte <= 'Z') byte = static_cast<char>(byte + 32);
        }
        lengths += name == "content-length";
        codings += name == "transfer-encoding";
        hosts += name == "host";
    }
    if (begin != bytes.size()) return "an empty line inside";
    if (lengths + codings > 1) return "more than one framing field";
    if (codings > 0 && old) return "Transfer-Encoding in HTTP/1.0";
    if (request && (hosts > 1 || (hosts == 0 && !old))) return "not one Host";
    return nullptr;
}

inline bool same_body(const becaused::BodyFraming& a, const becaused::BodyFraming& b) {
    return a.kind == b.kind && a.length == b.length;
}

// Null when the request was refused, or when all holds.
inline const char* request_flaw(becaused::HeadParser& parser, std::string_view bytes,
                                bool& accepted) {
    using namespace becaused;
    accepted = false;
    RequestHead head, again;
    BodyFraming body, body_again;
    if (parser.parse_request(bytes, head) || decide_request_body(head, body)) return nullptr;
    accepted = true;
    if (const char* flaw = strict_head_flaw(bytes, true)) return flaw;
    if (find_head_end(bytes, 0) != bytes.size()) return "the head's end is not its end";
    if (refuse_incomplete_request(bytes.substr(0, bytes.size() - 1)).has_value())
        return "refused while incomplete, accepted when whole";

    Hop hop;
    hop.client_address = "192.0.2.1";
    hop.request_id = "id";
    std::string out;
    write_request_head(head, body, hop, "fallback", out);
    if (const char* flaw = strict_head_flaw(out, true)) return flaw;
    if (out.size() > head_limit_bytes || head.fields.size() > 1000) return nullptr;
    if (parser.parse_request(out, again) || decide_request_body(again, body_again))
        return "what was written is refused";
    if (!same_body(body, body_again)) return "the body ends elsewhere";
    if (again.method != head.method || again.path_and_query != head.path_and_query)
        return "another request line";
    const bool no_host = head.authority.empty() && head.find(FieldName::host) == nullptr;
    if (again.authority != (no_host ? "fallback" : head.authority)) return "another host";
    if (again.upgrade != head.upgrade || again.accepts_trailers != head.accepts_trailers ||
        again.expect_continue != head.expect_continue || again.minor_version != 1)
        return "other wishes";
    return nullptr;
}

inline const char* response_flaw(becaused::HeadParser& parser, std::string_view bytes,
                                 bool& accepted) {
    using namespace becaused;
    accepted = false;
    ResponseHead head, again;
    BodyFraming body, body_again;
    AskedFor asked;
    asked.upgrade = asked.hijackable = true;
    asked.upgrade_protocol = "tcp, h2c";
    if (parser.parse_response(bytes, head) || decide_response_body(head, asked, body))
        return nullptr;
    accepted = true;
    if (const char* flaw = strict_head_flaw(bytes, false)) return flaw;
    std::string out;
    const AnswerFraming framing = frame_answer(head, body, 1, false, true);
    write_response_head(head, framing, "becaused", out);
    if (const char* flaw = strict_head_flaw(out, false)) return flaw;
    if (out.size() > head_limit_bytes || head.fields.size() > 1000) return nullptr;
    if (parser.parse_response(out, again) || decide_response_body(again, asked, body_again))
        return "what was written is refused";
    if (!same_body(body_again, BodyFraming{framing.kind, framing.length}))
        return "the body ends elsewhere";
    if (again.status != head.status || again.reason != head.reason) return "another status line";
    return nullptr;
}

// Null when all holds: the cuts between reads make no difference, and what is accepted has CRLFs only.
inline const char* chunked_flaw(std::string_view bytes, bool& accepted) {
    using namespace becaused;
    using Step = ChunkedDecoder::Step;
    std::string datas[2], trailers[2];
    Step ends[2] = {};
    size_t used[2] = {};
    for (size_t way = 0; way < 2; ++way) {
        ChunkedDecoder decoder;
        decoder.start(Side::client);
        Step step = Step::need_more;
        for (size_t at = 0; at < bytes.size() && step == Step::need_more;) {
            std::string_view rest = bytes.substr(at, way == 0 ? bytes.size() : 1);
            const size_t size = rest.size();
            std::string_view data;
            while ((step = decoder.next(rest, data)) == Step::data) datas[way] += data;
            at += size - rest.size();
            used[way] = at;
        }
        ends[way] = step;
        trailers[way] = decoder.trailers();
    }
    accepted = ends[0] == Step::complete;
    if (ends[0] != ends[1] || datas[0] != datas[1] || trailers[0] != trailers[1])
        return "cuts make a difference";
    if (!accepted) return nullptr;
    if (used[0] != used[1]) return "cuts make a difference";
    if (bytes.substr(0, used[0]).substr(used[0] - 4) != "\r\n\r\n" && used[0] != 5)
        return "no empty line at the end";
    if (trailers[0].empty()) return nullptr;
    return strict_head_flaw("HTTP/1.1 200 OK\r\n" + trailers[0] + "\r\n", false);
}

}  // namespace test_support
