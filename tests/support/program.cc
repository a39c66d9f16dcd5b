#include "support/program.hh"

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "support/cmocka.hh"

namespace becaused::test {

namespace {

// What is left of patience_ms.
class Patience {
  public:
    int left_ms() const {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            end_ - std::chrono::steady_clock::now());
        return left.count() > 0 ? static_cast<int>(left.count()) : 0;
    }

  private:
    std::chrono::steady_clock::time_point end_ =
        std::chrono::steady_clock::now() + std::chrono::milliseconds(patience_ms);
};

bool wait_for(int fd, short events, const Patience& patience) {
    pollfd look{fd, events, 0};
    int count = -1;
    do count = ::poll(&look, 1, patience.left_ms());
    while (count < 0 && errno == EINTR);
    return count > 0;
}

// Adds what can be read now; false once nothing more will come.
bool drain(int fd, std::string& text) {
    char buffer[16384];
    while (true) {
        const ssize_t count = ::read(fd, buffer, sizeof buffer);
        if (count > 0) text.append(buffer, static_cast<size_t>(count));
        else return count < 0 && (errno == EAGAIN || errno == EINTR);
    }
}

void make_pipe(int (&ends)[2]) { CHECK(::pipe2(ends, O_CLOEXEC) == 0); }

std::vector<char*> pointers(std::vector<std::string>& words) {
    std::vector<char*> list;
    for (std::string& word : words) list.push_back(word.data());
    list.push_back(nullptr);
    return list;
}

// This process's, without what would set the program or lead it to the machine's own state, and times in
// UTC.
std::vector<std::string> environment_of(const Start& start) {
    std::vector<std::string> lines = start.environment;
    for (char** line = environ; *line != nullptr; ++line) {
        const std::string_view view(*line);
        if (!view.starts_with("BECAUSED_") && !view.starts_with("TZ=") &&
            !view.starts_with("XDG_RUNTIME_DIR=") && !view.starts_with("RUNTIME_DIRECTORY=") &&
            !view.starts_with("COLUMNS="))
            lines.emplace_back(view);
    }
    lines.emplace_back("TZ=UTC");
    return lines;
}

// In the child, between fork and exec: system calls only.
[[noreturn]] void become(const Start& start, char** arguments, char** environment, int out,
                         int err) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int nothing = ::open("/dev/null", O_RDONLY);
    ::dup2(start.input >= 0 ? start.input : nothing, STDIN_FILENO);
    ::dup2(start.output >= 0 ? start.output : out, STDOUT_FILENO);
    ::dup2(err, STDERR_FILENO);
    bool ready = ::chdir(start.directory.c_str()) == 0;
    if (start.descriptors > 0) {
        const rlimit limit{start.descriptors, std::max(start.descriptors, start.most_descriptors)};
        ready = ready && ::setrlimit(RLIMIT_NOFILE, &limit) == 0;
    }
    ::signal(SIGPIPE, SIG_DFL);
    for (int fd = 3; fd < 64; ++fd) ::close(fd);
    for (int fd = 0; start.closed_streams && fd < 3; ++fd) ::close(fd);
    if (ready && start.user != 0) {
        // The way to the program may be closed to that user.
        const int program = ::open(arguments[0], O_PATH | O_CLOEXEC);
        if (::setgroups(0, nullptr) == 0 && ::setgid(start.user) == 0 && ::setuid(start.user) == 0)
            ::fexecve(program, arguments, environment);
        ::_exit(126);
    }
    if (ready) ::execve(arguments[0], arguments, environment);
    ::_exit(126);
}

}  // namespace

Program::Program(const Start& start) {
    int out[2];
    int err[2];
    make_pipe(out);
    make_pipe(err);
    std::vector<std::string> words = start.arguments;
    words.insert(words.begin(), BECAUSED_PROGRAM);
    std::vector<std::string> lines = environment_of(start);
    const std::vector<char*> arguments = pointers(words);
    const std::vector<char*> environment = pointers(lines);
    pid_ = ::fork();
    CHECK(pid_ >= 0);
    if (pid_ == 0)
        become(start, const_cast<char**>(arguments.data()), const_cast<char**>(environment.data()),
               out[1], err[1]);
    pidfd_ = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
    CHECK(pidfd_ >= 0);
    ::close(out[1]);
    ::close(err[1]);
    out_.fd = out[0];
    err_.fd = err[0];
    for (const int fd : {out_.fd, err_.fd}) CHECK(::fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
}

Program::~Program() {
    if (!code_) {
        ::kill(pid_, SIGKILL);
        int status = 0;
        ::waitpid(pid_, &status, 0);
    }
    ::close(pidfd_);
    for (const int fd : {out_.fd, err_.fd})
        if (fd >= 0) ::close(fd);
}

void Program::signal(int number) const { CHECK(::kill(pid_, number) == 0); }

// Waits for `ms` at most until it says something or ends; false when neither can happen any more.
bool Program::read_streams(int ms) {
    pollfd looks[] = {{out_.fd, POLLIN, 0}, {err_.fd, POLLIN, 0}, {code_ ? -1 : pidfd_, POLLIN, 0}};
    if (out_.fd < 0 && err_.fd < 0 && code_) return false;
    if (::poll(looks, std::size(looks), ms) < 0) CHECK(errno == EINTR);
    for (Stream* stream : {&out_, &err_}) {
        if (stream->fd < 0 || drain(stream->fd, stream->text)) continue;
        ::close(stream->fd);
        stream->fd = -1;
    }
    if (!code_ && looks[2].revents != 0) {
        int status = 0;
        CHECK(::waitpid(pid_, &status, 0) == pid_);
        code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    return true;
}

const std::string& Program::out() {
    read_streams(0);
    return out_.text;
}

const std::string& Program::err() {
    read_streams(0);
    return err_.text;
}

void Program::await(Stream& stream, std::string_view fragment) {
    const Patience patience;
    read_streams(0);
    while (stream.text.find(fragment) == std::string::npos) {
        if (stream.fd >= 0 && patience.left_ms() > 0 && read_streams(patience.left_ms())) continue;
        print_error("the program never said \"%s\"; standard output:\n%s\nstandard error:\n%s\n",
                    std::string(fragment).c_str(), out_.text.c_str(), err_.text.c_str());
        fail_test("waited in vain");
    }
}

void Program::await_out(std::string_view fragment) { await(out_, fragment); }
void Program::await_err(std::string_view fragment) { await(err_, fragment); }

int Program::wait() {
    const Patience patience;
    while (read_streams(patience.left_ms())) {
        if (patience.left_ms() > 0) continue;
        print_error("the program has not ended; standard error:\n%s\n", err_.text.c_str());
        fail_test("waited in vain");
    }
    return *code_;
}

bool Program::ended() {
    read_streams(0);
    return code_.has_value();
}

uint64_t Program::cpu_ms() const {
    std::ifstream file("/proc/" + std::to_string(pid_) + "/stat");
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    // Fields 14 and 15 (proc(5)), counted from behind the name, which may hold anything.
    unsigned long long user = 0;
    unsigned long long system = 0;
    CHECK(std::sscanf(text.c_str() + text.rfind(')') + 1,
                      " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user,
                      &system) == 2);
    return (user + system) * 1000 / static_cast<uint64_t>(::sysconf(_SC_CLK_TCK));
}

Site::Site() {
    char path[] = "/tmp/becaused-site-XXXXXX";
    CHECK(::mkdtemp(path) != nullptr);
    directory_ = path;
    watch_fd_ = ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    CHECK(::inotify_add_watch(watch_fd_, path, IN_MODIFY | IN_CREATE | IN_MOVED_TO) >= 0);
    upstream_fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::snprintf(address.sun_path, sizeof address.sun_path, "%s/upstream", path);
    CHECK(::bind(upstream_fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    CHECK(::listen(upstream_fd_, 64) == 0);
}

Site::~Site() {
    programs_.clear();
    stop_upstream();
    ::close(watch_fd_);
    keep_all_records();
    std::error_code error;
    std::filesystem::remove_all(directory_, error);
}

// What the program wrote: records and rotated ones. Not what a test did.
void Site::keep_all_records() const {
    for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
        const std::string name = entry.path().filename();
        const bool records = name.starts_with("records") || name.starts_with("old");
        const bool packed = name.ends_with(".gz");  // plain once, and seen then
        if (!records || packed || !entry.is_regular_file() || written_.contains(name)) continue;
        const std::string text = read_file(name);
        keep_records(std::string_view(text).substr(0, text.rfind('\n') + 1));
    }
}

std::string Site::path(std::string_view name) const { return directory_ + '/' + std::string(name); }

void Site::write_file(std::string_view name, std::string_view text) {
    written_.emplace(name);
    std::ofstream(path(name)) << text;
}

std::string Site::read_file(std::string_view name) const {
    std::ifstream file(path(name));
    return {std::istreambuf_iterator<char>(file), {}};
}

Program& Site::start(Start start) {
    if (start.directory.empty()) start.directory = directory_;
    start.environment.push_back("XDG_RUNTIME_DIR=" + path("run"));
    return programs_.emplace_back(start);
}

Program& Site::serve(std::vector<std::string> more) { return serve(Start{std::move(more)}); }

Program& Site::serve(Start start) {
    const auto absent = [&](std::string_view flag) {
        for (const std::string& word : start.arguments)
            if (word == flag) return false;
        return true;
    };
    std::vector<std::string> words = {"run"};
    if (absent("--listen")) words.insert(words.end(), {"--listen", "tcp://127.0.0.1:0"});
    if (absent("--profile")) words.insert(words.end(), {"--profile", "any"});
    if (absent("--upstream"))
        words.insert(words.end(), {"--upstream", "unix://" + path("upstream")});
    if (absent("--records")) words.insert(words.end(), {"--records", path("records")});
    start.arguments.insert(start.arguments.begin(), words.begin(), words.end());
    Program& program = this->start(std::move(start));
    program.await_err("becaused: ready on ");
    program.await_err("\n");
    return program;
}

Peer Site::connect(Program& program) {
    Peer peer = connect_to(ready_addresses(program).at(0));
    assert_int_equal(peer.error, 0);
    return peer;
}

Peer Site::accept() {
    if (!wait_for(upstream_fd_, POLLIN, Patience()))
        fail_test("no connection came to the upstream");
    return Peer(::accept4(upstream_fd_, nullptr, nullptr, SOCK_CLOEXEC));
}

void Site::stop_upstream() {
    if (upstream_fd_ >= 0) ::close(upstream_fd_);
    upstream_fd_ = -1;
}

void Site::exchange(Peer& client, Peer& upstream, std::string_view target) {
    client.received.clear();
    client.send("GET " + std::string(target) + " HTTP/1.1\r\nHost: docker\r\n\r\n");
    if (!upstream.open()) upstream = accept();
    upstream.received.clear();
    await(upstream, "\r\n\r\n");
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    await(client, "\r\n\r\nok");
    assert_text_contains(client.received, "HTTP/1.1 200 OK\r\n");
}

void Site::await_file(std::string_view name) {
    const Patience patience;
    std::string events;
    while (::access(path(name).c_str(), F_OK) != 0) {
        if (!wait_for(watch_fd_, POLLIN, patience)) fail_test("a file was never made");
        drain(watch_fd_, events);
    }
}

void Site::await_ending(std::string_view end) {
    const Patience patience;
    std::string events;
    while (true) {
        for (const auto& file : std::filesystem::directory_iterator(directory_))
            if (file.path().native().ends_with(end)) return;
        if (!wait_for(watch_fd_, POLLIN, patience)) fail_test("no file of that name was made");
        drain(watch_fd_, events);
    }
}

std::vector<std::string> Site::records(size_t count, std::string_view name) {
    const Patience patience;
    while (true) {
        std::string ignored_events;
        drain(watch_fd_, ignored_events);
        const std::string text = read_file(name);
        std::vector<std::string> lines = lines_of(text);
        if (!text.empty() && text.back() != '\n') lines.pop_back();
        if (lines.size() >= count) return lines;
        if (wait_for(watch_fd_, POLLIN, patience)) continue;
        // cmocka shows a thousand bytes of a message.
        print_error("%zu lines in %s, %zu are missing:\n", lines.size(), std::string(name).c_str(),
                    count - lines.size());
        for (const std::string& line : lines) print_error("%s\n", line.c_str());
        for (Program& program : programs_) {
            print_error("the program %s; standard error:\n%s\n",
                        program.ended() ? "has ended" : "runs", program.err().c_str());
        }
        fail_test("waited in vain");
    }
}

void await(Peer& peer, std::string_view fragment) {
    const Patience patience;
    peer.read();
    while (peer.received.find(fragment) == std::string::npos) {
        const bool over = peer.eof || peer.error != 0 || !peer.open();
        if (over || !wait_for(peer.fd(), POLLIN, patience)) {
            print_error("\"%s\" never came; received%s:\n%s\n",
                        test_support::visible(fragment).c_str(), over ? ", to the end" : "",
                        test_support::visible(peer.received).c_str());
            fail_test("waited in vain");
        }
        peer.read();
    }
}

void await_end(Peer& peer) {
    const Patience patience;
    peer.read();
    while (!peer.eof && peer.error == 0) {
        if (!wait_for(peer.fd(), POLLIN, patience)) fail_test("the connection was never ended");
        peer.read();
    }
}

std::vector<std::string> ready_addresses(Program& program) {
    constexpr std::string_view opening = "becaused: ready on ";
    const std::string& err = program.err();
    const size_t begin = err.find(opening) + opening.size();
    std::string_view list = std::string_view(err).substr(begin, err.find(" in front of") - begin);
    std::vector<std::string> addresses;
    while (!list.empty()) {
        const size_t end = std::min(list.find(", "), list.size());
        addresses.emplace_back(list.substr(0, end));
        list.remove_prefix(std::min(end + 2, list.size()));
    }
    return addresses;
}

namespace {

Peer connect_socket(int family, const void* address, size_t length) {
    const int fd = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    Peer peer;
    if (::connect(fd, static_cast<const sockaddr*>(address), static_cast<socklen_t>(length)) == 0) {
        peer = Peer(fd);
    } else {
        peer.error = errno;
        ::close(fd);
    }
    return peer;
}

}  // namespace

Peer connect_to(const std::string& address) {
    constexpr std::string_view unix_scheme = "unix://";
    if (address.starts_with(unix_scheme)) {
        sockaddr_un at{};
        at.sun_family = AF_UNIX;
        std::snprintf(at.sun_path, sizeof at.sun_path, "%s",
                      address.substr(unix_scheme.size()).c_str());
        return connect_socket(AF_UNIX, &at, sizeof at);
    }
    const uint16_t port =
        htons(static_cast<uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
    if (address.starts_with("tcp://[")) {
        sockaddr_in6 at{};
        at.sin6_family = AF_INET6;
        at.sin6_port = port;
        at.sin6_addr = in6addr_loopback;
        return connect_socket(AF_INET6, &at, sizeof at);
    }
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = port;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return connect_socket(AF_INET, &at, sizeof at);
}

int open_site(void** state) {
    *state = new Site;
    return 0;
}

int close_site(void** state) {
    delete static_cast<Site*>(*state);
    return 0;
}

std::vector<std::string> lines_of(std::string_view text) {
    std::vector<std::string> lines;
    while (!text.empty()) {
        const size_t end = std::min(text.find('\n'), text.size());
        lines.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

}  // namespace becaused::test
