#include "package/readers/axera.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "corral/catalog/placeholders.hpp"
#include "corral/catalog/placement.hpp"
#include "corral/core/text.hpp"

namespace corral::package {

namespace {

using catalog::severity;

// The server's own options (docs/facts/vendor_ax.md#command-line); it ends at any other.
constexpr std::array<std::string_view, 10> server_flags{
    "--system_prompt",         "--template_filename_axmodel",
    "--filename_post_axmodel", "--url_tokenizer_model",
    "--filename_tokens_embed", "--axmodel_num",
    "--tokens_embed_num",      "--tokens_embed_size",
    "--use_mmap_load_embed",   "--devices"};

struct number_rule {
    std::string_view flag;
    std::uint64_t least;
    std::uint64_t most;
    std::string_view about;
};
constexpr std::array number_rules{
    number_rule{"--axmodel_num", 1, 1000, "the number of layers"},
    number_rule{"--tokens_embed_num", 1, std::uint64_t{16} * 1024 * 1024, "the rows of the embedding"},
    number_rule{"--tokens_embed_size", 1, 65536, "the width of the embedding"},
    number_rule{"--use_mmap_load_embed", 0, 1, "a switch"},
};
constexpr std::array<std::string_view, 3> file_flags{"--template_filename_axmodel", "--filename_post_axmodel",
                                                     "--filename_tokens_embed"};

template <typename List, typename Item>
bool is_among(const List& list, const Item& item) {
    return std::ranges::find(list, item) != list.end();
}

std::optional<std::uint64_t> number_in(const std::string& text) {
    return core::whole_number<std::uint64_t>(text);
}

// False, and an error, where no sane package says that.
bool check_value(const flag_word& flag, const source_of_words& from, reading& out) {
    const std::string subject = shown(from.subject_of(flag), 100);
    const auto* const rule = std::ranges::find(number_rules, flag.name, &number_rule::flag);
    if (rule != number_rules.end()) {
        const auto value = number_in(flag.value);
        if (value && *value >= rule->least && *value <= rule->most) {
            return true;
        }
        add_finding(out, severity::error,
                    core::say("script.number", flag.name, shown(flag.value, 40), subject, rule->about,
                              rule->least, rule->most),
                    subject);
        return false;
    }
    if (!is_among(file_flags, flag.name)) {
        return true;
    }
    if (const auto name = tidy_name(flag.value); !name) {
        add_finding(out, severity::error,
                    core::say("script.path", flag.name, shown(flag.value, 80), subject, name.error().message),
                    subject);
        return false;
    }
    const bool numbered = flag.name == file_flags.front();
    const auto percents = std::ranges::count(flag.value, '%');
    if (percents == (numbered ? 1 : 0) && (!numbered || flag.value.find("%d") != std::string::npos)) {
        return true;
    }
    const std::string value = shown(flag.value, 80);
    add_finding(out, severity::error,
                numbered ? core::say("script.pattern", flag.name, value, subject)
                         : core::say("script.pattern/percent", flag.name, value, subject),
                subject);
    return false;
}

// "0,1" as cards; nothing when it is none.
std::optional<catalog::card_set> cards_in(std::string_view text) {
    catalog::card_set out;
    while (true) {
        const auto comma = text.find(',');
        const auto value = number_in(std::string(text.substr(0, comma)));
        if (!value || *value > 63 || out.size() == 16 || is_among(out, static_cast<unsigned>(*value))) {
            return std::nullopt;
        }
        out.push_back(static_cast<unsigned>(*value));
        if (comma == std::string_view::npos) {
            return out;
        }
        text.remove_prefix(comma + 1);
    }
}

void leave_out(const flag_word& flag, const source_of_words& from, reading& out) {
    if (!from.from_server) {
        out.notes.push_back(flag.name + " of " + from.where + " is left out: it is the console program's");
        return;
    }
    const std::string subject = shown(from.subject_of(flag), 100);
    add_finding(out, severity::warning, core::say("script.unknown-option", shown(flag.name, 60), subject),
                subject);
}

}  // namespace

bool bind_words(const std::vector<flag_word>& flags, const source_of_words& from, const package_view& view,
                reading& out) {
    const auto& service = view.runtime->services.back();
    const auto variables = flags_of_template(service);
    const auto built_in = catalog::built_in_placeholders(*view.runtime);
    bool sane = true;
    for (const flag_word& flag : flags) {
        if (!is_among(server_flags, flag.name)) {
            leave_out(flag, from, out);
            continue;
        }
        if (!check_value(flag, from, out)) {
            sane = false;
            continue;
        }
        const auto variable = variables.find(flag.name);
        if (variable == variables.end()) {
            continue;  // --devices; set_devices() decides
        }
        if (variable->second == "vocabulary") {
            out.model->context.vocabulary = static_cast<std::uint32_t>(*number_in(flag.value));
            out.origins["context.vocabulary"] = from.origin(flag);
        } else if (!is_among(built_in, variable->second)) {
            out.model->variables[variable->second] = flag.value;
            out.origins["variables." + variable->second] = from.origin(flag);
        }
    }
    return sane;
}

void set_devices(const package_view& view, const axera_build& build, const axera_script* script,
                 reading& out) {
    const std::string* const said = script == nullptr ? nullptr : find_flag(script->flags, "--devices");
    if (build.board) {
        if (said != nullptr) {
            out.notes.emplace_back("--devices of the script is left out: the board's own program has none");
        }
        return;
    }
    const bool own = script != nullptr && script->program.build == &build;
    catalog::card_set card_set{0};
    if (said != nullptr && own) {
        const auto cards = cards_in(*said);
        if (!cards) {
            add_finding(out, severity::error,
                        core::say("script.number/cards", "--devices", shown(*said, 40), script->file),
                        script->file, core::say("script.number/end"), core::say("script.number/do-cards"));
            out.model.reset();
            return;
        }
        card_set = *cards;
        out.origins["cards"] = script->file + ", --devices";
    } else if (said != nullptr && *said != "0") {
        out.notes.push_back("--devices " + *said + " of " + script->file +
                            " is for another machine; one card, 0, is taken");
    }
    const std::string cards = catalog::card_set_text(card_set);
    if (card_set.size() > 1) {
        out.notes.push_back("one process over the cards " + cards +
                            ", as the script says; with one card write 0");
    }
    const bool filled_in = is_among(catalog::built_in_placeholders(*view.runtime), std::string("devices"));
    if (filled_in) {
        out.model->card_sets = {card_set};
        out.model->cards = card_set;
    }
    out.arguments = {"--devices", filled_in ? "{devices}" : cards};
}

}  // namespace corral::package
