// Completion for bash, zsh and fish, from the words of ops/shell_words.
#include <map>

#include "ops/docs.hh"
#include "ops/help.hh"
#include "ops/phrase.hh"
#include "ops/shell_words.hh"

namespace becaused {

namespace {

using Value = ShellFlag::Value;

std::string made_by(std::string_view page) {
    return phrase("# Made by `becaused docs ", page,
                  "` from the tables of settings and flags: change those and run scripts/docs.\n");
}

template <typename Words>
std::string joined(const Words& words, std::string_view between = " ") {
    std::string text;
    for (const auto& word : words) text += phrase(text.empty() ? "" : between, word);
    return text;
}

std::string flag_names(std::string_view command) {
    std::vector<std::string> names;
    for (const ShellFlag& flag : shell_flags(command)) names.push_back(flag.name);
    return joined(names);
}

// Commands, and "token issue" and the like for those that have actions.
std::vector<std::string> all_commands() {
    std::vector<std::string> all;
    for (const std::string_view command : command_names()) {
        all.emplace_back(command);
        for (const std::string_view action : actions_of(command))
            all.push_back(phrase(command, ' ', action));
    }
    return all;
}

// ---- bash

// What completes a flag's value. A flag means the same in every command that has it.
std::string bash_value(const ShellFlag& flag) {
    const std::string words = joined(flag.words);
    switch (flag.value) {
        case Value::none: break;
        case Value::free: return "return";
        case Value::word: return phrase("words='", words, "'");
        case Value::file: return "files=file";
        case Value::directory: return phrase("files=directory words='auto off'");
        case Value::user: return "files=user";
    }
    return {};
}

std::string bash_values() {
    std::map<std::string, std::string> by_action;
    std::map<std::string, bool> seen;
    for (const std::string& command : all_commands())
        for (const ShellFlag& flag : shell_flags(command)) {
            const std::string action = bash_value(flag);
            if (action.empty() || seen[flag.name]) continue;
            seen[flag.name] = true;
            std::string& flags = by_action[action];
            flags += phrase(flags.empty() ? "" : " | ", flag.name);
        }
    std::string text;
    for (const auto& [action, flags] : by_action)
        text += phrase("    ", flags, ") ", action, " ;;\n");
    return text;
}

std::string bash_commands() {
    std::string text;
    for (const std::string& command : all_commands()) {
        const std::string flags = flag_names(command);
        const std::string words = joined(shell_words(command));
        const bool file = takes_file(command);
        if (flags.empty() && words.empty() && !file) continue;
        text += phrase("    '", command, "')");
        if (!flags.empty()) text += phrase(" flags='", flags, "'");
        if (!words.empty()) text += phrase(" words='", words, "'");
        if (file) text += " files=file";
        text += " ;;\n";
    }
    return text;
}

// ---- zsh

// Inside of '...': an apostrophe ends the quotes; in descriptions, brackets and colons have a meaning.
std::string zsh_text(std::string_view text) {
    std::string escaped;
    for (const char byte : text) {
        if (byte == '\'') escaped += "'\\''";
        else if (byte == '[' || byte == ']' || byte == ':' || byte == '\\')
            escaped += phrase('\\', byte);
        else escaped += byte;
    }
    return escaped;
}

std::string zsh_action(const ShellFlag& flag) {
    switch (flag.value) {
        case Value::none: return {};
        case Value::free: return " ";
        case Value::word: return phrase("(", joined(flag.words), ")");
        case Value::file: return "_files";
        case Value::directory: return "_files -/";
        case Value::user: return "_users";
    }
    return {};
}

std::string zsh_flag(const ShellFlag& flag) {
    std::string text = phrase("      '", flag.repeatable ? "*" : "", flag.name);
    const bool long_one = flag.name.starts_with("--");
    if (flag.value != Value::none && long_one) text += '=';
    if (!flag.help.empty()) text += phrase('[', zsh_text(flag.help), ']');
    if (flag.value != Value::none)
        text += phrase(':', zsh_text(flag.argument), ':', zsh_action(flag));
    return text + "' \\\n";
}

std::string zsh_case(const std::string& command) {
    std::string text = phrase("    '", command, "')\n      _arguments -S \\\n");
    for (const ShellFlag& flag : shell_flags(command)) text += zsh_flag(flag);
    const std::string words = joined(shell_words(command));
    if (!words.empty()) text += phrase("      '*:word:(", words, ")'\n");
    else if (takes_file(command)) text += "      '*:FILE:_files'\n";
    else text += "      && return 0\n";
    return text + "      ;;\n";
}

// ---- fish

std::string fish_text(std::string_view text) {
    std::string escaped = "'";
    for (const char byte : text) {
        if (byte == '\'' || byte == '\\') escaped += '\\';
        escaped += byte;
    }
    return escaped + '\'';
}

std::string fish_value(const ShellFlag& flag) {
    switch (flag.value) {
        case Value::none: return {};
        case Value::free: return " -x";
        case Value::word: return phrase(" -x -a ", fish_text(joined(flag.words)));
        case Value::file: return " -r -F";
        case Value::directory: return " -x -a '(__fish_complete_directories)'";
        case Value::user: return " -x -a '(__fish_complete_users)'";
    }
    return {};
}

std::string fish_flag(const std::string& seen, const ShellFlag& flag) {
    const bool long_one = flag.name.starts_with("--");
    std::string text =
        phrase("complete -c becaused -n ", fish_text(seen), long_one ? " -l " : " -s ",
               std::string_view(flag.name).substr(long_one ? 2 : 1), fish_value(flag));
    if (!flag.help.empty()) text += phrase(" -d ", fish_text(flag.help));
    return text + '\n';
}

// True in fish once these words were typed.
std::string fish_seen(const std::string& command) {
    const size_t blank = command.find(' ');
    std::string seen = phrase("__fish_seen_subcommand_from ", command.substr(0, blank));
    if (blank != std::string::npos)
        seen += phrase("; and __fish_seen_subcommand_from ", command.substr(blank + 1));
    return seen;
}

}  // namespace

std::string bash_completion() {
    return phrase("# bash completion for becaused(1).\n", made_by("bash"), R"(
_becaused() {
    local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local command=${COMP_WORDS[1]} flags='' words='' files='' word
    COMPREPLY=()
    # bash takes --flag=value for three words.
    if [ "$current" = = ]; then
        current=''
    elif [ "$before" = = ]; then
        before=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    case $before in
)",
                  bash_values(), R"(    *)
        if [ "$COMP_CWORD" = 1 ]; then
            words=')",
                  joined(command_names()), R"('
        else
            [ "$command" != token ] || [ "$COMP_CWORD" = 2 ] || command="token ${COMP_WORDS[2]}"
            case $command in
)",
                  bash_commands(), R"(            esac
            case $current in
            -*) words=$flags files='' ;;
            esac
        fi
        ;;
    esac
    while read -r word; do
        [ -z "$word" ] || COMPREPLY+=("$word")
    done < <(
        compgen -W "$words" -- "$current"
        case $files in
        file) compgen -f -- "$current" ;;
        directory) compgen -d -- "$current" ;;
        user) compgen -u -- "$current" ;;
        esac
    )
    case $files in
    file | directory) compopt -o filenames ;;
    esac
    case ${COMPREPLY[0]:-} in
    *=) compopt -o nospace ;;
    esac
    return 0
}
complete -F _becaused becaused
)");
}

std::string zsh_completion() {
    std::string text =
        phrase("#compdef becaused\n# zsh completion for becaused(1).\n", made_by("zsh"), R"(
_becaused() {
  local -a commands
  commands=(
)");
    for (const std::string_view command : command_names())
        text += phrase("    '", command, ":", zsh_text(help_summary(command)), "'\n");
    text += R"(  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=$words[2]
  if [[ $command == token ]] && (( CURRENT > 3 )); then
    command="token $words[3]"
    shift words
    (( CURRENT-- ))
  fi
  shift words
  (( CURRENT-- ))
  case $command in
)";
    for (const std::string& command : all_commands()) text += zsh_case(command);
    return text + "  esac\n}\n\n_becaused \"$@\"\n";
}

std::string fish_completion() {
    std::string text = phrase("# fish completion for becaused(1).\n", made_by("fish"),
                              "\ncomplete -c becaused -f\n");
    for (const std::string_view command : command_names())
        text += phrase("complete -c becaused -n __fish_use_subcommand -a ", command, " -d ",
                       fish_text(help_summary(command)), '\n');
    for (const std::string& command : all_commands()) {
        const std::string seen = fish_seen(command);
        for (const ShellFlag& flag : shell_flags(command)) text += fish_flag(seen, flag);
        const std::string words = joined(shell_words(command));
        if (!words.empty())
            text +=
                phrase("complete -c becaused -n ", fish_text(seen), " -a ", fish_text(words), '\n');
        if (takes_file(command))
            text += phrase("complete -c becaused -n ", fish_text(seen), " -F\n");
    }
    return text;
}

}  // namespace becaused
