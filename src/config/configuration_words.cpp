#include <algorithm>
#include <string>
#include <vector>

#include "configuration_model.hpp"
#include "corral/chat/family.hpp"
#include "corral/package/model_naming.hpp"

namespace corral::config {

namespace {

const chat::family* read_family(catalog::section& from, catalog::model_entry& to) {
    from.text("family", to.family);
    from.text("default_system", to.default_system);
    const auto* family = chat::find_family(to.family);
    if (family == nullptr) {
        std::vector<std::string> names;
        for (const auto* one : chat::families()) {
            names.emplace_back(one->name);
        }
        from.complain(from.place("family"),
                      "there is no family '" + to.family + "'" + catalog::meant_instead(to.family, names));
    }
    return family;
}

void read_capabilities(catalog::section& from, catalog::model_entry& to, const chat::family* family) {
    const std::vector<std::string> known{"completion", "tools", "insert", "thinking"};
    from.texts("capabilities", to.capabilities);
    const auto has = [&](const char* name) {
        return std::find(to.capabilities.begin(), to.capabilities.end(), name) != to.capabilities.end();
    };
    for (std::size_t i = 0; i < to.capabilities.size(); ++i) {
        const auto& one = to.capabilities[i];
        if (std::find(known.begin(), known.end(), one) == known.end()) {
            from.complain(from.place("capabilities", i), "'" + one + "' is not a capability that is served" +
                                                             catalog::meant_instead(one, known));
        }
    }
    if (!has("completion")) {
        from.complain(from.place("capabilities"), "'capabilities' must hold 'completion'");
    }
    if (has("tools") && family != nullptr && family->tools == chat::tool_style::none) {
        from.complain(from.place("capabilities"), "model '" + to.name +
                                                      "' can't claim 'tools': its family '" + to.family +
                                                      "' has no form for calling them");
    }
    if (has("insert") && family != nullptr && family->fill.prefix.empty()) {
        from.complain(
            from.place("capabilities"),
            "model '" + to.name + "' can't claim 'insert': its family '" + to.family + "' fills no holes");
    }
    if (!has("thinking")) {
        return;
    }
    if (to.package_forbids_thinking) {
        from.complain(
            from.place("capabilities"),
            "model '" + to.name +
                "' can't claim 'thinking': the tokenizer script of its package appends /no_think to "
                "every user turn, so that the model never thinks; take 'thinking' out, or use a "
                "script that leaves it off and say 'package_forbids_thinking = false'");
    } else if (family != nullptr && !family->thinks) {
        from.complain(from.place("capabilities"), "model '" + to.name +
                                                      "' can't claim 'thinking': its family '" + to.family +
                                                      "' does not write <think>");
    }
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

}  // namespace

void read_words(catalog::section& from, catalog::model_entry& to) {
    const auto* family = read_family(from, to);
    read_capabilities(from, to, family);
    from.text("parameter_size", to.parameter_size);
    from.text("quantization", to.quantization);
    name_sizes(to);
}

}  // namespace corral::config
