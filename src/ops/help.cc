#include "ops/help.hh"

#include <algorithm>

#include "ops/options.hh"
#include "ops/phrase.hh"

namespace becaused {

namespace {

struct Help {
    std::string_view command;
    std::string_view summary;
    std::string_view text;  // before the settings, if any
    bool settings;
    std::string_view topic = {};  // which settings; a page with a topic is no command
};

constexpr Help pages[] = {
    {"run", "serve clients in front of a Docker daemon",
     "Usage: becaused run --listen ADDR... --upstream ADDR [SETTINGS]\n"
     "\n"
     "ADDR as in DOCKER_HOST: tcp://127.0.0.1:2375, tcp://[::1]:2375, or\n"
     "unix:///run/docker.sock; to listen on, it may carry ?mode=0660&group=docker.\n"
     "DURATION: 500ms, 2s, 5m, 1h, off. SIZE: 64KiB, 8MiB. Settings may also stand in\n"
     "FILE (max_requests = 5) and in the environment (BECAUSED_MAX_REQUESTS=5); a flag\n"
     "beats the environment, which beats the file.\n",
     true},
    {"check", "check the settings and show where each comes from",
     "Usage: becaused check [--config FILE] [SETTINGS as for run]\n"
     "\n"
     "Reads settings as `becaused run` would: flags, BECAUSED_* variables, the config\n"
     "file. Prints those in force as a config file, each with where it came from.\n"
     "Touches nothing else.\n"
     "\n"
     "       becaused check --request 'METHOD TARGET' [--body FILE] [--identity NAME]\n"
     "                      [--field 'NAME: VALUE'] [--profile NAME] [--access FILE]\n"
     "\n"
     "Says what would become of that request, and which rule decides: of whoever has\n"
     "the profile, or of one whom the access file names. Exit code 1: refused.\n"
     "\n"
     "Exit code: 0 when all is well, 2 with one line that names what is wrong.\n",
     false},
    {"why", "read records: what ended, and why",
     "Usage: becaused why [FLAGS] [ID] [FILE|-]\n"
     "\n"
     "Shows what ended abnormally, newest last; with the ID of a record, its whole\n"
     "story. Without FILE: BECAUSED_RECORDS, else standard input.\n"
     "\n"
     "  -f, --follow        go on as the file grows, also through its rotation\n"
     "      --summary       a table by reason instead\n"
     "      --all           also what ended well, and what only followed its partner\n"
     "      --reason NAME   only these reasons (several: commas)\n"
     "      --by SIDE       only ended by these: client, gate, upstream, proxy,\n"
     "                      operator, nobody\n"
     "      --path PATTERN  only requests for this path: * within a segment, ** any;\n"
     "                      without a *, a part of it\n"
     "      --id ID         all that belongs to this record, connection or request id\n"
     "      --since WHEN    10m (ago), 2026-11-21 or 2026-11-21T12:00:00Z\n"
     "      --json          the matching lines as they are\n"
     "      --utc           times in UTC instead of local time\n"
     "      --wide          whole sentences, also on a narrow terminal\n"
     "      --live          what is open now, and who owes the next byte (help kill)\n"
     "      --verify        is every line as it was written? Names the first that is\n"
     "                      not (with --records-key-file FILE, the proxy's own)\n"
     "\n"
     "Exit code: 0 fine, 1 it cannot be read, has no record of this ID or is not as\n"
     "written, 2 wrong usage.\n",
     false},
    {"kill", "end one open request or connection",
     "Usage: becaused why --live [--all] [--json] [--admin ADDR] [--state DIR]\n"
     "       becaused kill ID [--admin ADDR] [--state DIR]\n"
     "\n"
     "why --live lists what is open now, the longest silence first: the request, who\n"
     "owes the next byte, since when, and the clock that will end it. With --all also\n"
     "the connections that serve a listed request.\n"
     "\n"
     "kill ends what is listed under this id: a request, or a connection with the\n"
     "request it serves. The client is told that an operator ended it, in the format\n"
     "of what it reads, and so are the records (reason admin_kill).\n"
     "\n"
     "Both ask the process in the usual place, or at --admin ADDR or --state DIR, as\n"
     "it was given them (also BECAUSED_ADMIN, BECAUSED_STATE). Of one that does not\n"
     "answer within 2 s why --live reads the black box, and says so.\n"
     "\n"
     "Exit code: 0 fine, 1 nothing of that id is open or nobody answers, 2 wrong\n"
     "usage.\n",
     false},
    {"token", "make keys, issue and check tokens, hash secrets",
     "Usage: becaused token keygen|issue|inspect|verify|hash [FLAGS] [FILE|-]\n"
     "\n"
     "  keygen    make a key pair for signing tokens, or a key for hashes\n"
     "  issue     sign a token (PASETO v4.public)\n"
     "  inspect   show what a token says, unverified\n"
     "  verify    would it be let in, and as whom?\n"
     "  hash      make a static token's or a password's entry for the access file\n"
     "\n"
     "becaused help token issue (keygen, ...) tells more. Tokens and keys stand in\n"
     "files, in the environment or on standard input, never on the command line. Files\n"
     "that others may read are refused.\n"
     "\n"
     "Exit code: 0 when fine, 1 when refused or not possible, 2 for wrong usage.\n",
     false},
    {"docs", "print a reference page",
     "Usage: becaused docs reasons|clocks|options|routes|schema|man|bash|zsh|fish\n"
     "\n"
     "  reasons   why connections and requests end (Markdown)\n"
     "  clocks    the time limits and their defaults (Markdown)\n"
     "  options   the settings (Markdown)\n"
     "  routes    Docker's API: routes, profiles and rules (Markdown)\n"
     "  schema    the JSON Schema of records\n"
     "  man       this help as a manual page (roff)\n"
     "  bash      what completes commands and flags in that shell; also zsh, fish\n",
     false},
    {"version", "name the version and those of the libraries inside", "Usage: becaused version\n",
     false},
    {"help", "show this, or the help of a command or topic",
     "Usage: becaused help [COMMAND|TOPIC]\n", false},
    {"records", "records that last, rotate, and go elsewhere; operators",
     "Settings of `becaused run` for what is written of every end, and for those who look.\n"
     "Records are JSON, one a line (becaused docs schema; becaused why reads them).\n",
     true, "records"},
    {"tls", "TLS before listeners and towards the upstream",
     "Settings of `becaused run` for TLS, with dockerd's names and meanings. With\n"
     "tlscert, TCP listeners speak TLS (tcp://127.0.0.1:2375?tls=off stays plain);\n"
     "with tlscacert, a client certificate must be signed by it; with tlsverify, one\n"
     "must come. An upstream that speaks TLS is tls://HOST:PORT. Files are PEM; they\n"
     "are read again on SIGHUP, those for listeners also when they change.\n",
     true, "tls"},
    {"gate", "who may come in, what may pass, and how often",
     "Settings of `becaused run` for its gate. Profiles: ping, inspect, build, push_pull,\n"
     "builder, run_sandboxed, admin, any (becaused docs routes). Without an access file\n"
     "everybody who can connect may do what the profile allows. The access file\n"
     "(becaused help token) is read again on SIGHUP. RATE: 100/s, 600/m, 10/30s,\n"
     "100/s burst 500, off; by address means by /64 for IPv6.\n",
     true, "gate"},
};

// Pages of a command's actions; not in the list of commands.
constexpr Help action_pages[] = {
    {"token keygen", "",
     "Usage: becaused token keygen FILE\n"
     "       becaused token keygen --hash-key FILE\n"
     "\n"
     "Makes FILE, with mode 0600 and a new secret key in it: one that signs tokens (k4.secret, "
     "for\n"
     "whoever issues them), or one for the hashes of static tokens (for the build machine). "
     "Prints\n"
     "what belongs into the access file: the public key, or where the key for hashes is.\n",
     false},
    {"token issue", "",
     "Usage: becaused token issue --key FILE --sub NAME [FLAGS]\n"
     "\n"
     "Prints a token, signed with the key in FILE (or in BECAUSED_SECRET_SIGNING_KEY).\n"
     "\n"
     "  --sub NAME         whose it is\n"
     "  --aud NAME         for which machine or group of machines\n"
     "  --iss NAME         who issues it\n"
     "  --for DURATION     how long it lives (15m)\n"
     "  --no-expiry        for ever; accepted only where allow_no_expiry says so\n"
     "  --not-before TIME  from when on, as 2026-11-21T12:00:00Z; --for counts from there\n"
     "  --profile NAME     which requests may pass\n"
     "  --rate NAME        its class for rate limits\n"
     "  --host HOST        good for this host only, as *.example:2376; several are possible\n"
     "  --jti ID           the token's own id (random)\n"
     "  --claim NAME=JSON  another claim; several are possible\n"
     "  --kid ID           the key's id in its footer, where the access file gives it another\n"
     "  --assertion TEXT   the implicit assertion, as in the access file\n"
     "  --out FILE         into a new file with mode 0600 instead\n",
     false},
    {"token inspect", "",
     "Usage: becaused token inspect [FILE|-]\n"
     "\n"
     "Shows the key's id and the claims of a token, without any proof that they are true.\n",
     false},
    {"token verify", "",
     "Usage: becaused token verify --access FILE [FLAGS] [FILE|-]\n"
     "       becaused token verify --public KEY [--aud NAME] [--assertion TEXT] [FLAGS] [FILE|-]\n"
     "\n"
     "Judges a token, signed or static, as `becaused run` would with this access file, or a "
     "signed\n"
     "token against one public key (k4.public...). Prints whose it is and what it grants, or why "
     "it\n"
     "is refused.\n"
     "\n"
     "  --user NAME   the user's name before the token; for passwords\n"
     "  --host HOST   the request's Host, for tokens that are good for some hosts only\n"
     "  --at TIME     as if it were then: 2026-11-21T12:00:00Z\n",
     false},
    {"token hash", "",
     "Usage: becaused token hash --name NAME --key FILE --out FILE    (makes a token)\n"
     "       becaused token hash --name NAME --key FILE FILE|-        (of a token that is there)\n"
     "       becaused token hash --name NAME --password [FILE|-]\n"
     "\n"
     "Prints an entry for the access file: the hash of a static token under the key for hashes\n"
     "(--key FILE or BECAUSED_SECRET_HASH_KEY), or of a password (Argon2id).\n"
     "\n"
     "  --profile NAME   which requests may pass\n"
     "  --rate NAME      its class for rate limits\n"
     "  --host HOST      good for this host only, as *.example:2376; several are possible\n"
     "  --expires TIME   until when, as 2026-11-21T12:00:00Z\n",
     false},
};

constexpr std::string_view names[] = {"run",   "check", "why",     "kill",
                                      "token", "docs",  "version", "help"};

constexpr std::string_view topics[] = {"records", "tls", "gate"};

std::string padded(std::string_view text, size_t width) {
    std::string cell(text);
    if (cell.size() < width) cell.resize(width, ' ');
    return cell;
}

// `text` beside `label`, broken between words so that a terminal of 80 columns shows it in its column.
std::string beside(std::string_view label, std::string_view text) {
    constexpr size_t screen = 80;
    constexpr size_t column = 30;
    std::string out = phrase("  ", padded(label, column - 2));
    while (text.size() > screen - column) {
        const size_t blank = text.rfind(' ', screen - column);
        if (blank == std::string_view::npos) break;
        out += phrase(text.substr(0, blank), '\n', padded("", column));
        text.remove_prefix(blank + 1);
    }
    return phrase(out, text, '\n');
}

std::string setting_line(const Option& option) {
    const std::string fallback = default_text(option);
    const bool shown = option.kind == Kind::boolean ? fallback == "true" : fallback != "none";
    return beside(phrase(flag_name(option), option.argument.empty() ? "" : " ", option.argument),
                  phrase(option.help, shown ? phrase(" (", fallback, ')') : std::string()));
}

}  // namespace

std::span<const std::string_view> command_names() { return names; }

std::span<const std::string_view> topic_names() { return topics; }

std::string_view help_summary(std::string_view page) {
    const Help* found = std::ranges::find(pages, page, &Help::command);
    return found == std::end(pages) ? std::string_view() : found->summary;
}

std::vector<std::string_view> actions_of(std::string_view command) {
    std::vector<std::string_view> actions;
    for (const Help& page : action_pages)
        if (page.command.substr(0, page.command.find(' ')) == command)
            actions.push_back(page.command.substr(page.command.find(' ') + 1));
    return actions;
}

std::string help_text() {
    std::string text =
        "becaused: a reverse proxy for Docker daemons whose connections never end without\n"
        "saying why\n"
        "\n"
        "Usage: becaused COMMAND [FLAGS]\n"
        "\n";
    for (const Help& page : pages)
        if (page.topic.empty()) text += phrase("  ", padded(page.command, 10), page.summary, '\n');
    text += "\nTopics:\n";
    for (const Help& page : pages)
        if (!page.topic.empty()) text += phrase("  ", padded(page.command, 10), page.summary, '\n');
    return text +
           "\n"
           "Try: becaused run --listen tcp://127.0.0.1:2375 \\\n"
           "         --upstream unix:///run/docker.sock --records -\n";
}

std::optional<std::string> help_text(std::string_view command) {
    const Help* action = std::ranges::find(action_pages, command, &Help::command);
    if (action != std::end(action_pages)) return std::string(action->text);
    const Help* page = std::ranges::find(pages, command, &Help::command);
    if (page == std::end(pages)) return std::nullopt;
    std::string text(page->text);
    if (!page->settings) return text;
    text += '\n';
    for (const Option& option : options())
        if (option.topic == page->topic) text += setting_line(option);
    if (!page->topic.empty()) return text;
    return text +
           "\n"
           "Clocks: becaused docs clocks. More settings: becaused help tls, gate, records.\n"
           "Exit code: 0 once stopped with nothing cut, 1 when it could not start or cut\n"
           "something at the stop, 2 for wrong usage.\n";
}

}  // namespace becaused
