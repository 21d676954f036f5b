#include "corral/config/configuration_model.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "configuration_parts.hpp"
#include "corral/catalog/model_name.hpp"
#include "corral/catalog/trait_numbers.hpp"
#include "corral/chat/family.hpp"
#include "corral/core/say.hpp"
#include "corral/package/model_naming.hpp"

namespace corral::config {

namespace {

constexpr std::size_t most_aliases = 32;
constexpr std::size_t most_fallbacks = 8;

void read_name(catalog::section& table, catalog::model_entry& entry) {
    std::string typed;
    table.text("name", typed, true);
    if (typed.empty()) {
        return;
    }
    if (auto shown = catalog::display_name(typed)) {
        entry.name = std::move(*shown);
    } else {
        table.complain(table.place("name"), core::say("configuration.not-a-name/model", typed));
    }
}

// Each in display form; one that repeats the model's own name, or another alias, means nothing.
void read_aliases(catalog::section& table, catalog::model_entry& entry) {
    std::vector<std::string> typed;
    table.texts("aliases", typed);
    if (typed.size() > most_aliases) {
        table.complain(table.place("aliases"), core::say("configuration.out-of-range/model", most_aliases));
        return;
    }
    for (std::size_t i = 0; i < typed.size(); ++i) {
        auto shown = catalog::display_name(typed[i]);
        if (!shown) {
            table.complain(table.place("aliases", i), core::say("configuration.not-a-name/model", typed[i]));
            continue;
        }
        const auto same = [&](const std::string& name) { return catalog::same_model(name, *shown); };
        if (same(entry.name) || std::any_of(entry.aliases.begin(), entry.aliases.end(), same)) {
            table.complain(table.place("aliases", i), core::say("configuration.twice/name-model", typed[i]));
            continue;
        }
        entry.aliases.push_back(std::move(*shown));
    }
}

void read_oversize(catalog::section& table, catalog::model_entry& entry) {
    using enum catalog::oversize_policy;
    std::string chosen = entry.oversize == refuse      ? "refuse"
                         : entry.oversize == summarise ? "summarise"
                                                       : "fit";
    table.choice("oversize", chosen, {"fit", "summarise", "refuse"});
    entry.oversize = chosen == "refuse" ? refuse : chosen == "summarise" ? summarise : fit;
}

const chat::family* read_family(catalog::section& table, catalog::model_entry& entry) {
    table.text("family", entry.family);
    table.text("default_system", entry.default_system);
    const auto* family = chat::find_family(entry.family);
    if (family == nullptr) {
        std::vector<std::string> names;
        for (const auto* one : chat::families()) {
            names.emplace_back(one->name);
        }
        table.complain(table.place("family"), core::say("configuration.not-one-of/there", entry.family,
                                                        catalog::meant_instead(entry.family, names)));
    }
    return family;
}

void read_capabilities(catalog::section& table, catalog::model_entry& entry, const chat::family* family) {
    const std::vector<std::string> known{"completion", "tools", "insert", "thinking", "embedding", "vision"};
    const auto has = [&](const char* name) {
        return std::find(entry.capabilities.begin(), entry.capabilities.end(), name) !=
               entry.capabilities.end();
    };
    for (std::size_t i = 0; i < entry.capabilities.size(); ++i) {
        const auto& one = entry.capabilities[i];
        if (std::find(known.begin(), known.end(), one) == known.end()) {
            table.complain(
                table.place("capabilities", i),
                core::say("configuration.not-one-of/capability", one, catalog::meant_instead(one, known)));
        }
    }
    if (!has("completion") && !has("embedding")) {
        table.complain(table.place("capabilities"), core::say("configuration.capabilities/capabilities"));
    }
    if (has("embedding") && !entry.runtime.name.empty() && entry.runtime.traits.embedding.target.empty()) {
        table.complain(table.place("capabilities"),
                       core::say("configuration.capabilities/model", entry.name, entry.runtime.name));
    }
    if (has("vision") && !entry.runtime.name.empty() && entry.runtime.traits.images.types.empty()) {
        table.complain(table.place("capabilities"),
                       core::say("configuration.capabilities/claim", entry.name,
                                 entry.runtime.traits.images.none, entry.runtime.name));
    }
    if (const auto tokens = catalog::image_tokens_of(entry); !tokens) {
        table.complain(table.place("capabilities"), tokens.error().message);
    }
    if (has("tools") && family != nullptr && family->tools == chat::tool_style::none) {
        table.complain(table.place("capabilities"),
                       core::say("configuration.cant-claim-tools/model", entry.name, entry.family));
    }
    if (has("insert") && family != nullptr && family->fill.prefix.empty()) {
        table.complain(table.place("capabilities"),
                       core::say("configuration.capabilities/insert", entry.name, entry.family));
    }
    if (!has("thinking")) {
        return;
    }
    if (entry.package_forbids_thinking) {
        table.complain(table.place("capabilities"),
                       core::say("configuration.never-thinks/model", entry.name));
    } else if (family != nullptr && !family->thinks) {
        table.complain(table.place("capabilities"),
                       core::say("configuration.cant-claim-thinking/model", entry.name, entry.family));
    }
}

void read_moving_lines(catalog::section& table, catalog::model_entry& entry) {
    std::string chosen = entry.moves_lines ? "last" : "as-sent";
    table.choice("moving_lines", chosen, {"as-sent", "last"});
    entry.moves_lines = chosen == "last";
}

void read_reuse(catalog::section& table, catalog::model_entry& entry) {
    std::string reuse = entry.reuse == catalog::reuse_policy::automatic ? "auto" : "off";
    table.choice("reuse", reuse, {"auto", "off"});
    entry.reuse = reuse == "auto" ? catalog::reuse_policy::automatic : catalog::reuse_policy::off;
    table.flag("reuse_across_keys", entry.reuse_across_keys);
    std::string ahead = entry.ahead ? "auto" : "off";
    table.choice("ahead", ahead, {"auto", "off"});
    entry.ahead = ahead == "auto";
    table.number("ahead_share", entry.ahead_share, 0.01, 1.0);
    std::string renewal = entry.renews_slow ? "auto" : "off";
    table.choice("renew_slow", renewal, {"auto", "off"});
    entry.renews_slow = renewal == "auto";
}

void read_history(catalog::section& table, catalog::model_entry& entry) {
    using catalog::history_form;
    const bool written = entry.history == history_form::as_written ||
                         (entry.history == history_form::by_package && entry.package_forbids_thinking);
    std::string history = written ? "as-written" : "template";
    table.choice("history", history, {"as-written", "template"});
    if (table.has("history")) {
        entry.history = history == "template" ? history_form::by_template : history_form::as_written;
    }
}

// What the model's own template does is not known to the profile of its server. A server that takes one message only
// has no choice.
void read_conversation(catalog::section& table, catalog::model_entry& entry) {
    using catalog::conversation_form;
    conversation_form& form = entry.runtime.traits.conversation;
    if (form == conversation_form::single_message) {
        return;
    }
    std::string chosen = form == conversation_form::messages ? "messages" : "folded-system";
    table.choice("conversation", chosen, {"messages", "folded-system"});
    form = chosen == "messages" ? conversation_form::messages : conversation_form::folded_system;
}

// Clients show them and some count on them, so what the configuration leaves out is taken from the names.
void name_sizes(catalog::model_entry& of) {
    const package::model_naming said = package::name_model(
        {{of.name, "the model's name"}, {of.package.filename().string(), "the package folder's name"}});
    if (of.parameter_size.empty()) {
        of.parameter_size = said.parameter_size;
    }
    if (of.quantization.empty()) {
        of.quantization = said.quantization;
    }
}

// The chat family, the capabilities, and what is said of the model to people.
void read_words(catalog::section& table, catalog::model_entry& entry) {
    const auto* family = read_family(table, entry);
    read_capabilities(table, entry, family);
    read_oversize(table, entry);
    read_moving_lines(table, entry);
    read_reuse(table, entry);
    read_history(table, entry);
    read_conversation(table, entry);
    table.flag("strict_schemas", entry.strict_schemas);
    table.text("parameter_size", entry.parameter_size);
    table.text("quantization", entry.quantization);
    name_sizes(entry);
}

// What a fallback leaves open is as the model has it, but for what belongs to its processes.
catalog::model_entry begun_like(const catalog::model_entry& model) {
    catalog::model_entry out;
    out.name = model.name;
    out.aliases = model.aliases;
    out.pinned = model.pinned;
    out.keep_alive = model.keep_alive;
    out.preflight = model.preflight;
    out.failback_after = model.failback_after;
    out.family = model.family;
    out.default_system = model.default_system;
    out.capabilities = model.capabilities;
    out.oversize = model.oversize;
    out.moves_lines = model.moves_lines;
    out.history = model.history;
    out.reuse = model.reuse;
    out.reuse_across_keys = model.reuse_across_keys;
    out.ahead = model.ahead;
    out.ahead_share = model.ahead_share;
    out.renews_slow = model.renews_slow;
    out.strict_schemas = model.strict_schemas;
    out.sampling = model.sampling;
    out.parameter_size = model.parameter_size;
    out.digest = model.digest;
    out.modified = model.modified;
    return out;
}

catalog::model_entry read_fallback(catalog::section& table, const catalog::model_entry& of, unsigned tier,
                                   configuration_reading& context) {
    catalog::model_entry out = begun_like(of);
    out.tier = tier;
    table.texts("capabilities", out.capabilities);
    const bool have_profile = read_processes(table, out, context);
    read_words(table, out);
    read_places(table, out);
    std::string standby = "hot";
    table.choice("standby", standby, {"hot", "cold"});
    out.preload = standby != "cold";
    if (have_profile) {
        check_processes(table, out);
    }
    table.finish();
    return out;
}

// [[models.fallbacks]], and `failback_after`. REQUIRES: all else of `entry` was read.
void read_fallbacks(catalog::section& table, catalog::model_entry& entry, configuration_reading& context) {
    table.duration("failback_after", entry.failback_after, core::milliseconds{0}, std::chrono::hours{24});
    auto sections = table.tables("fallbacks");
    if (table.has("failback_after") && sections.empty()) {
        table.complain(table.place("failback_after"), core::say("configuration.means-nothing/failback"));
    }
    if (sections.size() > most_fallbacks) {
        table.complain(table.place("fallbacks"),
                       core::say("configuration.out-of-range/fallbacks", most_fallbacks));
        return;
    }
    for (auto& one : sections) {
        const auto tier = static_cast<unsigned>(entry.fallbacks.size() + 1);
        entry.fallbacks.push_back(read_fallback(one, entry, tier, context));
    }
}

}  // namespace

catalog::model_entry read_model(catalog::section table, configuration_reading& context) {
    catalog::model_entry out;
    if (table.has("models")) {  // as copied from a configuration; all else would be missing
        if (table.has("name")) {
            read_name(table, out);
        }
        table.complain(table.place("models"), core::say("configuration.unknown-key/models"));
        return out;
    }
    read_name(table, out);
    read_aliases(table, out);
    table.texts("capabilities", out.capabilities);
    const bool have_profile = read_processes(table, out, context);
    read_words(table, out);
    read_model_cards(table, out);
    if (have_profile) {
        check_processes(table, out);
    }
    read_fallbacks(table, out, context);
    table.finish();
    return out;
}

}  // namespace corral::config
