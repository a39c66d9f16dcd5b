// becaused(1): the texts of help and the table of settings, as man(7) wants them.
#include "ops/docs.hh"
#include "ops/help.hh"
#include "ops/options.hh"
#include "ops/phrase.hh"

namespace becaused {

namespace {

// A hyphen of roff's is for breaking words, not for flags; a line that begins with . or ' is a command.
std::string roff(std::string_view text) {
    std::string escaped;
    bool begins = true;
    for (const char byte : text) {
        if (begins && (byte == '.' || byte == '\'')) escaped += "\\&";
        if (byte == '\\') escaped += "\\e";
        else if (byte == '-') escaped += "\\-";
        else if (byte == '\'') escaped += "\\(aq";
        else if (byte == '`') escaped += "\\(ga";
        else if (byte == '^') escaped += "\\(ha";
        else if (byte == '~') escaped += "\\(ti";
        else escaped += byte;
        begins = byte == '\n';
    }
    return escaped;
}

std::string as_it_stands(std::string_view text) {
    return phrase(".PP\n.nf\n", roff(text), ".fi\n");
}

std::string setting(const Option& option) {
    std::string text = phrase(".TP\n\\fB", roff(flag_name(option)), "\\fR");
    if (!option.argument.empty()) text += phrase(" \\fI", roff(option.argument), "\\fR");
    text += phrase('\n', roff(option.help), '.');
    const std::string preset = default_text(option);
    if (preset == "required") text += " Required.";
    else if (preset != "none") text += phrase(" Default: ", roff(preset), '.');
    if (const std::string range = range_text(option);
        !range.empty() && option.kind != Kind::boolean)
        text += phrase(" From ", roff(range), '.');
    if (repeatable(option)) text += " May be given several times.";
    return text + '\n';
}

std::string settings_of(std::string_view topic) {
    std::string text;
    for (const Option& option : options())
        if (option.topic == topic) text += setting(option);
    return text;
}

// Help's own words about a topic, up to the settings.
std::string introduction(std::string_view topic) {
    const std::string text = *help_text(topic);
    return phrase(roff(std::string_view(text).substr(0, text.find("\n\n"))), '\n');
}

std::string commands() {
    std::string text;
    for (const std::string_view command : command_names()) {
        text += phrase(".SS ", command, "\n", roff(help_summary(command)), '\n');
        const std::string page = *help_text(command);
        // The settings of `run` have a section of their own.
        text += as_it_stands(command == "run" ? page.substr(0, page.find("\n  --")) + '\n' : page);
        for (const std::string_view action : actions_of(command))
            text += as_it_stands(*help_text(phrase(command, ' ', action)));
    }
    return text;
}

}  // namespace

std::string manual_page() {
    std::string text = phrase(
        ".\\\" Made by `becaused docs man` from the texts of help and the table of settings: "
        "change "
        "those and\n.\\\" run scripts/docs.\n"
        ".TH BECAUSED 1 \"\" \"becaused ",
        BECAUSED_VERSION, "\" \"User Commands\"\n",
        ".SH NAME\n"
        "becaused \\- a reverse proxy before Docker whose connections never end without saying "
        "why\n"
        ".SH SYNOPSIS\n"
        ".B becaused run\n"
        "\\fB\\-\\-listen\\fR \\fIADDR\\fR... \\fB\\-\\-upstream\\fR \\fIADDR\\fR "
        "[\\fISETTINGS\\fR]\n"
        ".br\n"
        ".B becaused why\n"
        "[\\fIFLAGS\\fR] [\\fIID\\fR] [\\fIFILE\\fR|\\-]\n"
        ".br\n"
        ".B becaused\n"
        "\\fICOMMAND\\fR [\\fIFLAGS\\fR]\n"
        ".SH DESCRIPTION\n"
        "Stock docker clients build, push and run through it; every connection and every request "
        "ends in\n"
        "exactly one record: who ended it, in which phase, by which operation, with which errno or "
        "clock,\n"
        "after how many bytes. The client is told the reason too.\n"
        ".SH COMMANDS\n");
    text += commands();
    text += phrase(
        ".SH SETTINGS\n"
        "Of \\fBbecaused run\\fR and \\fBbecaused check\\fR. \\fB\\-\\-max\\-requests 5\\fR may "
        "also stand as\n"
        "\\fBmax_requests = 5\\fR in the file that \\fB\\-\\-config\\fR names, or as\n"
        "\\fBBECAUSED_MAX_REQUESTS=5\\fR in the environment; a flag beats the environment, which "
        "beats the\n"
        "file.\n",
        settings_of(""));
    for (const std::string_view topic : topic_names())
        text += phrase(".SS ", roff(help_summary(topic)), "\n", introduction(topic),
                       settings_of(topic));
    return text +
           ".SH SIGNALS\n"
           ".TP\n.BR SIGTERM \", \" SIGINT\n"
           "Accept no more and finish what runs, within the clock drain; again: cut what is left.\n"
           ".TP\n.B SIGHUP\n"
           "Open the records' file anew, and read certificates, keys and the access file again.\n"
           ".SH FILES\n"
           ".TP\n.I $RUNTIME_DIRECTORY\\fR, \\fI$XDG_RUNTIME_DIR/becaused\\fR, \\fI/run/becaused\n"
           "The first of these that is set holds what is open, so that it outlives a kill, and the "
           "socket that\n"
           "operators ask.\n"
           ".TP\n.I /etc/becaused/becaused.toml\n"
           "The settings of the system's service, where it was installed from a package.\n"
           ".SH EXIT STATUS\n"
           "0 when all went well, 1 when it could not start, could not do what was asked, or cut "
           "something at\n"
           "the stop, 2 for wrong usage.\n"
           ".SH SEE ALSO\n"
           ".BR docker (1),\n.BR dockerd (8)\n";
}

}  // namespace becaused
