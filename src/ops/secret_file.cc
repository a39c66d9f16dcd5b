#include "ops/secret_file.hh"

#include <fcntl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "ops/phrase.hh"

namespace becaused {

namespace {

// Closes the descriptor when it goes, unless it is standard input.
class Descriptor {
  public:
    explicit Descriptor(int number) : number_(number) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() {
        if (number_ > STDERR_FILENO) ignored(close(number_), "nothing is to be written any more");
    }
    int number() const { return number_; }

  private:
    int number_;
};

// A terminal that does not show what is typed, until this goes.
class Unseen {
  public:
    Unseen(int terminal, std::string_view prompt) : terminal_(terminal) {
        if (tcgetattr(terminal_, &before_) != 0) return;
        termios quiet = before_;
        quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        changed_ = tcsetattr(terminal_, TCSAFLUSH, &quiet) == 0;
        ignored(write(STDERR_FILENO, prompt.data(), prompt.size()), "stderr is gone");
    }
    Unseen(const Unseen&) = delete;
    Unseen& operator=(const Unseen&) = delete;
    ~Unseen() {
        if (!changed_) return;
        ignored(tcsetattr(terminal_, TCSAFLUSH, &before_), "the terminal is gone");
        ignored(write(STDERR_FILENO, "\n", 1), "stderr is gone");
    }

  private:
    int terminal_;
    termios before_{};
    bool changed_ = false;
};

Status unreadable(const std::string& path) {
    return Status::failed(phrase(path, ": cannot be read: ", std::strerror(errno)));
}

// To the end, or of a terminal to the end of the line.
Result<Secret> read_line(int from, const std::string& path) {
    Secret text = Secret::of_size(secret_file_limit_bytes + 1);
    size_t size = 0;
    while (size < text.size()) {
        const ssize_t count = read(from, text.data() + size, text.size() - size);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return unreadable(path);
        if (count == 0) break;
        size += static_cast<size_t>(count);
        if (text.data()[size - 1] == '\n' && isatty(from) == 1) break;
    }
    if (size > secret_file_limit_bytes)
        return Status::failed(phrase(path, ": is larger than 64KiB"));
    const auto ends_with = [&](char c) { return size > 0 && text.data()[size - 1] == c; };
    if (ends_with('\n')) --size;
    if (ends_with('\r')) --size;
    if (size == 0) return Status::failed(phrase(path, ": is empty"));
    if (text.view().substr(0, size).find('\n') != std::string_view::npos)
        return Status::failed(phrase(path, ": has more than one line"));
    text.shorten(size);
    return text;
}

// Checked on the open file: its name may mean another one a moment later.
Status check_mode(int descriptor, const std::string& path) {
    struct stat found {};
    if (fstat(descriptor, &found) != 0) return unreadable(path);
    if (!S_ISREG(found.st_mode) && !S_ISFIFO(found.st_mode))
        return Status::failed(phrase(path, ": is no file"));
    if (open_to_others(found.st_mode))
        return Status::failed(phrase(path, ": others may read or change it: chmod 600 ", path));
    return Status::fine();
}

Status write_all(int to, std::string_view text, const std::string& path) {
    while (!text.empty()) {
        const ssize_t count = write(to, text.data(), text.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0)
            return Status::failed(phrase(path, ": cannot be written: ", std::strerror(errno)));
        text.remove_prefix(static_cast<size_t>(count));
    }
    return Status::fine();
}

}  // namespace

// Those in the file's group may read it: that is how a service is handed a secret that it does not own.
bool open_to_others(unsigned mode) { return (mode & (S_IRWXO | S_IWGRP)) != 0; }

bool looks_secret(std::string_view text) {
    constexpr std::array<std::string_view, 8> starts = {"v4.public.", "v4.local.", "k4.secret.",
                                                        "hashkey.",   "bst_",      "Bearer ",
                                                        "Basic ",     "$argon2"};
    return std::ranges::any_of(starts,
                               [&](std::string_view start) { return text.starts_with(start); });
}

Status secret_misplaced() {
    return Status::failed(
        "a token or key is not for the command line, where every process can read it:"
        " give a file's name, or - for standard input");
}

Result<Secret> read_secret(const std::string& path, std::string_view prompt) {
    if (looks_secret(path)) return secret_misplaced();
    if (path == "-") {
        if (isatty(STDIN_FILENO) != 1) return read_line(STDIN_FILENO, "standard input");
        const Unseen unseen(STDIN_FILENO, prompt);
        return read_line(STDIN_FILENO, "standard input");
    }
    const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    if (file.number() < 0) return unreadable(path);
    const Status mode = check_mode(file.number(), path);
    if (!mode.ok()) return mode;
    return read_line(file.number(), path);
}

Result<Secret> find_secret(const std::string& path, const char* variable, std::string_view what) {
    if (!path.empty()) return read_secret(path);
    const char* value = std::getenv(variable);
    if (value == nullptr || *value == '\0')
        return Status::failed(phrase("no ", what, ": give its file, or set ", variable));
    return Secret(value);
}

Status write_secret(const std::string& path, std::string_view secret) {
    if (looks_secret(path)) return secret_misplaced();
    const Descriptor file(
        open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (file.number() < 0)
        return Status::failed(phrase(path, ": cannot be created: ", std::strerror(errno)));
    Status status = write_all(file.number(), secret, path);
    if (status.ok()) status = write_all(file.number(), "\n", path);
    if (status.ok() && fsync(file.number()) != 0)
        status = Status::failed(phrase(path, ": cannot be written: ", std::strerror(errno)));
    // Half a secret is worse than none.
    if (!status.ok()) ignored(unlink(path.c_str()), "it is told already that writing failed");
    return status;
}

}  // namespace becaused
