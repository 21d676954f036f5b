#include "corral/package/package_reader.hpp"

#include "corral/catalog/placement.hpp"
#include "corral/package/package_tree.hpp"
#include "package/readers/toml_text.hpp"
#include "package/scripts/flag_binding.hpp"

namespace corral::package {

namespace {

// One manifest while it is written.
class manifest_writer {
public:
    manifest_writer(const reading& what, const catalog::profile& runtime)
        : what_(what), model_(*what.model), runtime_(runtime) {}

    std::string write() {
        head();
        main_keys();
        context();
        variables();
        device();
        services();
        return std::move(text_);
    }

private:
    void line(const std::string& text) { text_ += text + "\n"; }

    void comment(const std::string& text) {
        constexpr std::size_t width = 110;
        std::string rest = toml_comment(text);
        while (rest.size() > width) {
            const auto space = rest.rfind(' ', width);
            const std::size_t cut =
                space == std::string::npos || space < width / 2 ? rest.find(' ', width) : space;
            if (cut == std::string::npos) {
                break;
            }
            line("# " + rest.substr(0, cut));
            rest.erase(0, cut + 1);
        }
        line("# " + rest);
    }

    // A key with where its value comes from; `from` empty: looked up by `full`.
    void key(const std::string& name, const std::string& value, const std::string& full) {
        const auto origin = what_.origins.find(full);
        line(name + " = " + value +
             (origin == what_.origins.end() ? "" : "  # " + toml_comment(origin->second)));
    }

    void unknown(const std::string& name, const std::string& example, const std::string& about) {
        line("# " + name + " = " + example + "  # " + toml_comment(about));
    }

    void head() {
        comment("Written by 'corral import': " + what_.kind +
                ". Edit it as you like: 'corral check' says what is "
                "wrong with it, 'corral reload' makes a running Corral take it. All keys: docs/manifests.md, "
                "\"A model\".");
        for (const std::string& note : what_.notes) {
            comment("Note: " + note + ".");
        }
        line("");
    }

    void main_keys() {
        key("name", toml_string(model_.name), "name");
        key("profile", toml_string(what_.profile), "profile");
        key("package", toml_string(model_.package.string()), "package");
        if (what_.origins.contains("family")) {
            key("family", toml_string(model_.family), "family");
        } else {
            unknown("family", toml_string(model_.family),
                    "not known from the package: how the model writes turns; see docs/manifests.md");
        }
        if (model_.package_forbids_thinking) {
            comment("Not \"thinking\": the package's tokenizer script appends /no_think to every turn.");
        }
        key("capabilities", toml_list(model_.capabilities), "capabilities");
        text_or_unknown("parameter_size", model_.parameter_size, "\"4B\"",
                        "not known from the package; only shown");
        text_or_unknown("quantization", model_.quantization, "\"int8\"",
                        "not known from the package; only shown");
        if (model_.card_sets != catalog::model_entry{}.card_sets) {
            card_sets();
        }
    }

    void text_or_unknown(const std::string& name, const std::string& value, const std::string& example,
                         const std::string& about) {
        if (value.empty()) {
            unknown(name, example, about);
        } else {
            key(name, toml_string(value), name);
        }
    }

    void card_sets() {
        std::vector<std::string> words;
        for (const catalog::card_set& one : model_.card_sets) {
            words.push_back(catalog::card_set_text(one));
        }
        key("cards", toml_list(words), "cards");
    }

    void context() {
        line("");
        line("[context]");
        size_or_unknown("vocabulary", model_.context.vocabulary, "151936",
                        "not known from the package: the rows of the embedding, which also bound top_k");
        const std::string learned = "without it, the runtime's own value counts, if it gives one";
        size_or_unknown("positions", model_.context.positions, "2559", "longest context; " + learned);
        size_or_unknown("prompt_limit", model_.context.prompt_limit, "2048", "longest prompt; " + learned);
        size_or_unknown("chunk", model_.context.chunk, "128", "of prefill; " + learned);
    }

    void size_or_unknown(const std::string& name, std::uint32_t value, const std::string& example,
                         const std::string& about) {
        if (value == 0) {
            unknown(name, example, about);
        } else {
            key(name, std::to_string(value), "context." + name);
        }
    }

    void variables() {
        if (runtime_.variables.empty() && model_.variables.empty()) {
            return;
        }
        line("");
        line("[variables]");
        for (const auto& variable : runtime_.variables) {
            const auto value = model_.variables.find(variable.name);
            const std::string full = "variables." + variable.name;
            if (value == model_.variables.end()) {
                unknown(variable.name, "\"\"", "not known from the package: " + variable.about);
            } else if (variable.fallback == value->second && !what_.origins.contains(full)) {
                unknown(variable.name, toml_value(value->second), "the profile's; " + variable.about);
            } else {
                key(variable.name, toml_value(value->second), full);
            }
        }
    }

    void device() {
        const auto& mine = model_.runtime.device;
        if (mine == runtime_.device) {
            return;
        }
        line("");
        line("[device]");
        key("format", toml_string(mine.format), "device.format");
        key("command", toml_list(mine.command), "device.command");
        if (mine.advice != runtime_.device.advice) {
            key("advice", toml_string(mine.advice), "device.advice");
        }
    }

    void services() {
        for (std::size_t i = 0; i < runtime_.services.size() && i < model_.runtime.services.size(); ++i) {
            const auto& mine = model_.runtime.services[i];
            const auto& theirs = runtime_.services[i];
            const bool last = i + 1 == runtime_.services.size();
            if (last && !what_.arguments.empty()) {
                line("");
                line("[services." + mine.name + "]");
                key("arguments", toml_list(what_.arguments), "arguments");
            }
            environment(mine, theirs);
        }
    }

    void environment(const catalog::service_template& mine, const catalog::service_template& theirs) {
        bool begun = false;
        for (const auto& [name, value] : mine.environment) {
            const auto known = theirs.environment.find(name);
            if (known != theirs.environment.end() && known->second == value) {
                continue;
            }
            if (!begun) {
                line("");
                line("[services." + mine.name + ".environment]");
                begun = true;
            }
            key(toml_key(name), toml_string(value), "environment." + name);
        }
    }

    const reading& what_;
    const catalog::model_entry& model_;
    const catalog::profile& runtime_;
    std::string text_;
};

}  // namespace

std::string manifest_text(const reading& what, const catalog::profile& runtime) {
    return manifest_writer(what, runtime).write();
}

}  // namespace corral::package
