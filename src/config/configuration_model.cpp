#include "corral/config/configuration_model.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "configuration_cards.hpp"
#include "configuration_processes.hpp"
#include "corral/catalog/model_name.hpp"
#include "corral/catalog/trait_numbers.hpp"
#include "corral/chat/family.hpp"
#include "corral/core/say.hpp"
#include "corral/package/model_naming.hpp"

namespace corral::config {

namespace {

constexpr std::size_t most_aliases = 32;
constexpr std::size_t most_fallbacks = 8;

void read_name(catalog::section& from, catalog::model_entry& to) {
    std::string typed;
    from.text("name", typed, true);
    if (typed.empty()) {
        return;
    }
    if (auto shown = catalog::display_name(typed)) {
        to.name = std::move(*shown);
    } else {
        from.complain(from.place("name"), core::say("configuration.not-a-name/model", typed));
    }
}

// Each in display form; one that repeats the model's own name, or another alias, means nothing.
void read_aliases(catalog::section& from, catalog::model_entry& to) {
    std::vector<std::string> typed;
    from.texts("aliases", typed);
    if (typed.size() > most_aliases) {
        from.complain(from.place("aliases"), core::say("configuration.out-of-range/model", most_aliases));
        return;
    }
    for (std::size_t i = 0; i < typed.size(); ++i) {
        auto shown = catalog::display_name(typed[i]);
        if (!shown) {
            from.complain(from.place("aliases", i), core::say("configuration.not-a-name/model", typed[i]));
            continue;
        }
        const auto same = [&](const std::string& name) { return catalog::same_model(name, *shown); };
        if (same(to.name) || std::any_of(to.aliases.begin(), to.aliases.end(), same)) {
            from.complain(from.place("aliases", i), core::say("configuration.twice/name-model", typed[i]));
            continue;
        }
        to.aliases.push_back(std::move(*shown));
    }
}

void read_oversize(catalog::section& from, catalog::model_entry& to) {
    using enum catalog::oversize_policy;
    std::string chosen = to.oversize == refuse ? "refuse" : to.oversize == summarise ? "summarise" : "fit";
    from.choice("oversize", chosen, {"fit", "summarise", "refuse"});
    to.oversize = chosen == "refuse" ? refuse : chosen == "summarise" ? summarise : fit;
}

const chat::family* read_family(catalog::section& from, catalog::model_entry& to) {
    from.text("family", to.family);
    from.text("default_system", to.default_system);
    const auto* family = chat::find_family(to.family);
    if (family == nullptr) {
        std::vector<std::string> names;
        for (const auto* one : chat::families()) {
            names.emplace_back(one->name);
        }
        from.complain(from.place("family"), core::say("configuration.not-one-of/there", to.family,
                                                      catalog::meant_instead(to.family, names)));
    }
    return family;
}

void read_capabilities(catalog::section& from, catalog::model_entry& to, const chat::family* family) {
    const std::vector<std::string> known{"completion", "tools", "insert", "thinking", "embedding", "vision"};
    const auto has = [&](const char* name) {
        return std::find(to.capabilities.begin(), to.capabilities.end(), name) != to.capabilities.end();
    };
    for (std::size_t i = 0; i < to.capabilities.size(); ++i) {
        const auto& one = to.capabilities[i];
        if (std::find(known.begin(), known.end(), one) == known.end()) {
            from.complain(from.place("capabilities", i), core::say("configuration.not-one-of/capability", one,
                                                                   catalog::meant_instead(one, known)));
        }
    }
    if (!has("completion") && !has("embedding")) {
        from.complain(from.place("capabilities"), core::say("configuration.capabilities/capabilities"));
    }
    if (has("embedding") && !to.runtime.name.empty() && to.runtime.traits.embedding.target.empty()) {
        from.complain(from.place("capabilities"),
                      core::say("configuration.capabilities/model", to.name, to.runtime.name));
    }
    if (has("vision") && !to.runtime.name.empty() && to.runtime.traits.images.types.empty()) {
        from.complain(from.place("capabilities"), core::say("configuration.capabilities/claim", to.name,
                                                            to.runtime.traits.images.none, to.runtime.name));
    }
    if (const auto tokens = catalog::image_tokens_of(to); !tokens) {
        from.complain(from.place("capabilities"), tokens.error().message);
    }
    if (has("tools") && family != nullptr && family->tools == chat::tool_style::none) {
        from.complain(from.place("capabilities"),
                      core::say("configuration.cant-claim-tools/model", to.name, to.family));
    }
    if (has("insert") && family != nullptr && family->fill.prefix.empty()) {
        from.complain(from.place("capabilities"),
                      core::say("configuration.capabilities/insert", to.name, to.family));
    }
    if (!has("thinking")) {
        return;
    }
    if (to.package_forbids_thinking) {
        from.complain(from.place("capabilities"), core::say("configuration.never-thinks/model", to.name));
    } else if (family != nullptr && !family->thinks) {
        from.complain(from.place("capabilities"),
                      core::say("configuration.cant-claim-thinking/model", to.name, to.family));
    }
}

void read_moving_lines(catalog::section& from, catalog::model_entry& to) {
    std::string chosen = to.moves_lines ? "last" : "as-sent";
    from.choice("moving_lines", chosen, {"as-sent", "last"});
    to.moves_lines = chosen == "last";
}

void read_reuse(catalog::section& from, catalog::model_entry& to) {
    std::string reuse = to.reuse == catalog::reuse_policy::automatic ? "auto" : "off";
    from.choice("reuse", reuse, {"auto", "off"});
    to.reuse = reuse == "auto" ? catalog::reuse_policy::automatic : catalog::reuse_policy::off;
    from.flag("reuse_across_keys", to.reuse_across_keys);
    std::string ahead = to.ahead ? "auto" : "off";
    from.choice("ahead", ahead, {"auto", "off"});
    to.ahead = ahead == "auto";
    from.number("ahead_share", to.ahead_share, 0.01, 1.0);
    std::string renewal = to.renews_slow ? "auto" : "off";
    from.choice("renew_slow", renewal, {"auto", "off"});
    to.renews_slow = renewal == "auto";
}

void read_history(catalog::section& from, catalog::model_entry& to) {
    using catalog::history_form;
    const bool written = to.history == history_form::as_written ||
                         (to.history == history_form::by_package && to.package_forbids_thinking);
    std::string history = written ? "as-written" : "template";
    from.choice("history", history, {"as-written", "template"});
    if (from.has("history")) {
        to.history = history == "template" ? history_form::by_template : history_form::as_written;
    }
}

// What the model's own template does is not known to the profile of its server. A server that takes one message only
// has no choice.
void read_conversation(catalog::section& from, catalog::model_entry& to) {
    using catalog::conversation_form;
    conversation_form& form = to.runtime.traits.conversation;
    if (form == conversation_form::single_message) {
        return;
    }
    std::string chosen = form == conversation_form::messages ? "messages" : "folded-system";
    from.choice("conversation", chosen, {"messages", "folded-system"});
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
void read_words(catalog::section& from, catalog::model_entry& to) {
    const auto* family = read_family(from, to);
    read_capabilities(from, to, family);
    read_oversize(from, to);
    read_moving_lines(from, to);
    read_reuse(from, to);
    read_history(from, to);
    read_conversation(from, to);
    from.flag("strict_schemas", to.strict_schemas);
    from.text("parameter_size", to.parameter_size);
    from.text("quantization", to.quantization);
    name_sizes(to);
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
    out.strict_schemas = model.strict_schemas;
    out.sampling = model.sampling;
    out.parameter_size = model.parameter_size;
    out.digest = model.digest;
    out.modified = model.modified;
    return out;
}

catalog::model_entry read_fallback(catalog::section& from, const catalog::model_entry& of, unsigned tier,
                                   configuration_reading& with) {
    catalog::model_entry out = begun_like(of);
    out.tier = tier;
    from.texts("capabilities", out.capabilities);
    const bool have_profile = read_processes(from, out, with);
    read_words(from, out);
    read_places(from, out);
    std::string standby = "hot";
    from.choice("standby", standby, {"hot", "cold"});
    out.preload = standby != "cold";
    if (have_profile) {
        check_processes(from, out);
    }
    from.finish();
    return out;
}

// [[models.fallbacks]], and `failback_after`. REQUIRES: all else of `to` was read.
void read_fallbacks(catalog::section& from, catalog::model_entry& to, configuration_reading& with) {
    from.duration("failback_after", to.failback_after, core::milliseconds{0}, std::chrono::hours{24});
    auto sections = from.tables("fallbacks");
    if (from.has("failback_after") && sections.empty()) {
        from.complain(from.place("failback_after"), core::say("configuration.means-nothing/failback"));
    }
    if (sections.size() > most_fallbacks) {
        from.complain(from.place("fallbacks"),
                      core::say("configuration.out-of-range/fallbacks", most_fallbacks));
        return;
    }
    for (auto& one : sections) {
        const auto tier = static_cast<unsigned>(to.fallbacks.size() + 1);
        to.fallbacks.push_back(read_fallback(one, to, tier, with));
    }
}

}  // namespace

catalog::model_entry read_model(catalog::section from, configuration_reading& with) {
    catalog::model_entry out;
    read_name(from, out);
    read_aliases(from, out);
    from.texts("capabilities", out.capabilities);
    const bool have_profile = read_processes(from, out, with);
    read_words(from, out);
    read_model_cards(from, out);
    if (have_profile) {
        check_processes(from, out);
    }
    read_fallbacks(from, out, with);
    from.finish();
    return out;
}

}  // namespace corral::config
