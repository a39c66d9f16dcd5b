// The second and last file that knows the TOML library (the other is given_file.cc).
#include "ops/access_file.hh"

#include <sys/stat.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "http/octets.hh"
#include "ops/nearest.hh"
#include "ops/phrase.hh"
#include "ops/secret_file.hh"
#include "ops/value.hh"

namespace becaused {

namespace {

using Names = std::vector<std::string_view>;

// One table of the file. What is asked for is noted, so that what nobody asked for can be named.
class Section {
  public:
    Section(const toml::table& table, std::string name, const std::string& path)
        : table_(table), name_(std::move(name)), path_(path) {}

    // The first mistake; later ones are not looked for.
    const Status& status() const { return status_; }
    void wrong(std::string_view key, std::string_view why) {
        const toml::node* node = table_.get(key);
        const auto line = (node != nullptr ? node->source() : table_.source()).begin.line;
        if (status_.ok())
            status_ =
                Status::failed(phrase(path_, ':', line, ": ", name_,
                                      name_.empty() || key.empty() ? "" : ".", key, ": ", why));
    }

    // A mistake of an inner table is one of this.
    void take(const Status& inner) {
        if (status_.ok()) status_ = inner;
    }

    bool has(std::string_view key) const { return table_.contains(key); }
    std::string text(std::string_view key) {
        const toml::node* node = find(key);
        if (node == nullptr) return {};
        if (!node->is_string() || node->as_string()->get().empty()) {
            wrong(key, "must be a text in quotes");
            return {};
        }
        return node->as_string()->get();
    }
    std::string needed_text(std::string_view key) {
        if (!has(key)) wrong("", phrase("has no ", key));
        return text(key);
    }
    std::vector<std::string> texts(std::string_view key) {
        const toml::node* node = find(key);
        if (node == nullptr) return {};
        if (node->is_string()) return {text(key)};
        std::vector<std::string> all;
        const toml::array* list = node->as_array();
        for (size_t i = 0; list != nullptr && i < list->size(); ++i)
            if ((*list)[i].is_string()) all.push_back((*list)[i].as_string()->get());
        if (list == nullptr || list->empty() || all.size() != list->size())
            wrong(key, "must be a text in quotes, or a list of them");
        return all;
    }
    bool flag(std::string_view key) {
        const toml::node* node = find(key);
        if (node == nullptr) return false;
        if (!node->is_boolean()) wrong(key, "must be true or false, without quotes");
        return node->is_boolean() && node->as_boolean()->get();
    }
    int64_t time(std::string_view key) {
        const std::string written = text(key);
        if (written.empty()) return never_ms;
        const std::optional<int64_t> ms = parse_datetime(written);
        if (!ms) wrong(key, "is no time: write it like \"2026-11-21T12:00:00Z\"");
        return ms.value_or(never_ms);
    }
    uint32_t duration_ms(std::string_view key, uint32_t preset, uint32_t most) {
        const std::string written = text(key);
        if (written.empty()) return preset;
        Result<uint64_t> ms = parse_duration(written);
        if (!ms.ok()) wrong(key, ms.status().message());
        else if (ms.value() > most)
            wrong(key, phrase("is out of range: at most ", duration_text(most)));
        return ms.ok() ? static_cast<uint32_t>(std::min<uint64_t>(ms.value(), most)) : preset;
    }
    uint32_t count(std::string_view key) {
        const toml::node* node = find(key);
        if (node == nullptr) return 0;
        const int64_t number = node->is_integer() ? node->as_integer()->get() : 0;
        if (number < 1 || number > 1'000'000'000) wrong(key, "must be a whole number above 0");
        return static_cast<uint32_t>(number);
    }
    uint64_t size_bytes(std::string_view key) {
        const std::string written = text(key);
        if (written.empty()) return 0;
        Result<uint64_t> bytes = parse_size(written);
        if (!bytes.ok()) wrong(key, bytes.status().message());
        return bytes.ok() ? bytes.value() : 0;
    }
    // The inner tables [[key]].
    std::vector<Section> sections(std::string_view key) {
        std::vector<Section> all;
        const toml::node* node = find(key);
        const toml::array* tables = node == nullptr ? nullptr : node->as_array();
        if (node != nullptr && (tables == nullptr || !tables->is_array_of_tables()))
            wrong(key, phrase("must be tables: [[", key, "]]"));
        else if (tables != nullptr)
            for (const toml::node& table : *tables)
                all.emplace_back(*table.as_table(), std::string(key), path_);
        return all;
    }
    std::optional<Section> section(std::string_view key) {
        const toml::node* node = find(key);
        if (node == nullptr) return std::nullopt;
        if (node->is_table()) return Section(*node->as_table(), std::string(key), path_);
        wrong(key, phrase("must be a table: [", key, ']'));
        return std::nullopt;
    }
    // Names the first key that nobody asked for.
    void end() {
        for (auto&& [key, node] : table_)
            if (std::ranges::find(asked_, key.str()) == asked_.end())
                wrong(key.str(), phrase("no such key", suggestion(key.str(), asked_)));
    }

  private:
    const toml::node* find(std::string_view key) {
        asked_.push_back(key);
        return table_.get(key);
    }

    const toml::table& table_;
    std::string name_;
    const std::string& path_;
    Names asked_;
    Status status_ = Status::fine();
};

class AccessReader {
  public:
    Status read(Section& root);
    AuthSettings& settings() { return settings_; }
    const std::vector<ProfileSettings>& profiles() const { return profiles_; }
    std::vector<Identity>& people() { return people_; }

  private:
    Identity grant(Section& section, Proof proof, bool named);
    void read_key(Section& section);
    void read_token(Section& section);
    void read_password(Section& section);
    void read_certificate(Section& section);
    void read_profile(Section& section);
    void read_hash_key(Section& root);
    void read_plain(Section& root);
    // Reads every [[key]] with `one`; the first mistake is that of `root`.
    Status each(Section& root, std::string_view key, void (AccessReader::*one)(Section&));

    Names profile_names() const {
        Names names(built_in_profiles().begin(), built_in_profiles().end());
        for (const ProfileSettings& profile : profiles_) names.push_back(profile.name);
        return names;
    }
    bool has_profile(std::string_view name) const {
        const Names names = profile_names();
        return std::ranges::find(names, name) != names.end();
    }

    AuthSettings settings_;
    std::vector<ProfileSettings> profiles_;
    std::vector<Identity> people_;
};

Identity AccessReader::grant(Section& section, Proof proof, bool named) {
    Identity identity;
    identity.proof = proof;
    identity.name = named ? section.needed_text("name") : section.text("name");
    identity.profile = section.text("profile");
    identity.rate = section.text("rate");
    identity.hosts = section.texts("hosts");
    identity.expires_ms = section.time("expires");
    if (!identity.name.empty() && !is_identity_name(identity.name))
        section.wrong("name", "is no name: at most 256 bytes, none of them a control byte");
    if (!identity.profile.empty() && !has_profile(identity.profile))
        section.wrong("profile", phrase("no profile is named ", in_quotes(identity.profile),
                                        suggestion(identity.profile, profile_names())));
    if (!identity.rate.empty() && !is_grant_name(identity.rate))
        section.wrong("rate", "is no name: 1 to 64 letters, digits or -._~");
    for (const std::string& host : identity.hosts)
        if (!is_host_pattern(host))
            section.wrong("hosts", phrase(in_quotes(host),
                                          " is no pattern: write it like"
                                          " \"b7.example\" or \"*.example:2376\""));
    people_.push_back(identity);
    return identity;
}

void AccessReader::read_key(Section& section) {
    const std::optional<PublicKey> key = PublicKey::parse(section.needed_text("public"));
    const std::string id = section.text("id");
    const int64_t until_ms = section.time("until");
    if (!key) return section.wrong("public", "is no public key (k4.public.…)");
    if (const char* fault = settings_.tokens.keys.add(*key, id, until_ms))
        section.wrong("public", fault);
}

void AccessReader::read_token(Section& section) {
    const std::string hash = section.needed_text("hash");
    IdentityRef identity(grant(section, Proof::static_token, true));
    if (const char* fault = settings_.static_tokens.add(hash, std::move(identity)))
        section.wrong("hash", fault);
}

void AccessReader::read_password(Section& section) {
    const std::optional<PasswordHash> hash = PasswordHash::parse(section.needed_text("hash"));
    IdentityRef identity(grant(section, Proof::password, true));
    if (!hash)
        return section.wrong("hash",
                             "is no Argon2id hash with one lane, at most 256 MiB and 16 passes");
    // A user's name stands before a colon.
    if (identity->name.find(':') != std::string::npos) section.wrong("name", "has a colon in it");
    for (const PasswordEntry& other : settings_.passwords)
        if (other.identity->name == identity->name)
            section.wrong("name", "another password has the same name");
    settings_.passwords.push_back({*hash, std::move(identity)});
}

void AccessReader::read_certificate(Section& section) {
    CertificateRule rule;
    if (const std::string subject = section.text("subject"); !subject.empty()) {
        const auto parts = parse_subject(subject);
        if (!parts) section.wrong("subject", "is no subject: write it like \"CN=ci-*,O=Team\"");
        else rule.subject = *parts;
    }
    if (const std::string print = section.text("fingerprint"); !print.empty()) {
        const auto digits = parse_fingerprint(print);
        if (!digits) section.wrong("fingerprint", "is no SHA-256 fingerprint of 64 hex digits");
        else rule.fingerprint = *digits;
    }
    rule.san = section.text("san");
    if (!rule.san.empty() && !is_san_pattern(rule.san))
        section.wrong("san",
                      "is no name: write it like \"dns:*.ci.example\", or with email:, uri:, ip:");
    rule.grant = grant(section, Proof::certificate, false);
    if (!section.has("subject") && !section.has("san") && !section.has("fingerprint"))
        section.wrong("", "asks for nothing: give subject, san or fingerprint");
    settings_.certificates.push_back(std::move(rule));
}

void AccessReader::read_profile(Section& section) {
    ProfileSettings profile;
    profile.name = section.needed_text("name");
    if (section.has("base")) profile.base = section.text("base");
    profile.allow = section.texts("allow");
    profile.deny = section.texts("deny");
    profile.permit = section.texts("permit");
    profile.forbid = section.texts("forbid");
    profile.labels = section.texts("labels");
    profile.grpc = section.texts("grpc");
    profile.session = section.texts("session");
    profile.own = section.flag("own");
    profile.ceilings.memory_bytes = section.size_bytes("max_memory");
    profile.ceilings.cpus = section.count("max_cpus");
    profile.ceilings.pids = section.count("max_pids");
    profiles_.push_back(std::move(profile));
    // Judged with those before it, so that a mistake is one of this table's line.
    if (Result<Policy> policy = Policy::make(profiles_); section.status().ok() && !policy.ok())
        section.wrong("", policy.status().message());
}

void AccessReader::read_hash_key(Section& root) {
    const std::string file = root.text("hash_key");
    if (settings_.static_tokens.empty() || !root.status().ok()) return;
    Result<Secret> text = find_secret(file, hash_key_variable, "key for the hashes of [[token]]");
    if (!text.ok()) return root.wrong("hash_key", text.status().message());
    std::optional<HashKey> key = HashKey::parse(text.value().view());
    if (!key) return root.wrong("hash_key", "is no key for hashes (hashkey.…)");
    settings_.static_tokens.set_key(std::move(*key));
}

void AccessReader::read_plain(Section& root) {
    if (std::string header = root.text("header"); !header.empty()) {
        std::ranges::transform(header, header.begin(), lower);
        if (!is_token(header)) root.wrong("header", "is no header's name");
        settings_.field = header;
    }
    TokenRules& tokens = settings_.tokens;
    tokens.audiences = root.texts("audience");
    tokens.issuers = root.texts("issuer");
    tokens.implicit = root.text("assertion");
    tokens.leeway_ms = root.duration_ms("leeway", tokens.leeway_ms, 600'000);
    tokens.allow_no_expiry = root.flag("allow_no_expiry");
    settings_.cache_ms = root.duration_ms("cache", settings_.cache_ms, 3'600'000);
    if (std::optional<Section> stranger = root.section("stranger")) {
        settings_.stranger = IdentityRef(grant(*stranger, Proof::none, true));
        stranger->end();
        if (!stranger->status().ok()) root.take(stranger->status());
    }
}

Status AccessReader::each(Section& root, std::string_view key,
                          void (AccessReader::*one)(Section&)) {
    for (Section& section : root.sections(key)) {
        (this->*one)(section);
        section.end();
        if (!section.status().ok()) return section.status();
    }
    return root.status();
}

Status AccessReader::read(Section& root) {
    if (Status status = each(root, "profile", &AccessReader::read_profile); !status.ok())
        return status;
    read_plain(root);
    const std::pair<std::string_view, void (AccessReader::*)(Section&)> lists[] = {
        {"key", &AccessReader::read_key},
        {"token", &AccessReader::read_token},
        {"password", &AccessReader::read_password},
        {"certificate", &AccessReader::read_certificate}};
    for (const auto& [key, one] : lists) {
        Status status = each(root, key, one);
        if (!status.ok()) return status;
    }
    read_hash_key(root);
    root.end();
    return root.status();
}

struct FileText {
    std::string text;
    unsigned mode = 0;
};

Result<FileText> read_file(const std::string& path) {
    constexpr size_t largest = 1 << 20;
    const auto unreadable = [&] {
        return Status::failed(phrase(path, ": cannot be read: ", std::strerror(errno)));
    };
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"),
                                                               std::fclose);
    struct stat found {};
    if (!file || fstat(fileno(file.get()), &found) != 0) return unreadable();
    FileText read{std::string(largest + 1, '\0'), found.st_mode};
    read.text.resize(std::fread(read.text.data(), 1, read.text.size(), file.get()));
    if (std::ferror(file.get()) != 0) return unreadable();
    if (read.text.size() > largest) return Status::failed(phrase(path, ": is larger than 1MiB"));
    return read;
}

}  // namespace

Result<AccessRules> access_from_text(std::string_view text, const std::string& path) {
    const toml::parse_result parsed = toml::parse(text, path);
    if (!parsed)
        return Status::failed(phrase(path, ':', parsed.error().source().begin.line, ": ",
                                     parsed.error().description()));
    Section root(parsed.table(), "", path);
    AccessReader reader;
    Status status = reader.read(root);
    if (!status.ok()) return status;
    Result<Policy> policy = Policy::make(reader.profiles());
    if (!policy.ok()) return policy.status();
    return AccessRules{std::move(reader.settings()), std::move(policy.value()),
                       std::move(reader.people())};
}

Result<AccessRules> load_access(const std::string& path) {
    ready_crypto();
    if (looks_secret(path)) return secret_misplaced();
    Result<FileText> file = read_file(path);
    if (!file.ok()) return file.status();
    Result<AccessRules> rules = access_from_text(file.value().text, path);
    if (rules.ok() && !rules.value().auth.passwords.empty() && open_to_others(file.value().mode))
        return Status::failed(phrase(path,
                                     ": holds hashes of passwords, and others may read or change"
                                     " it: chmod 600 ",
                                     path));
    return rules;
}

}  // namespace becaused
