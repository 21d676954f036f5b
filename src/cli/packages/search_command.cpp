// corral search: what the catalogue has for this box.

#include <algorithm>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/base/command.hpp"
#include "cli/base/terminal.hpp"
#include "cli/packages/pull_needs.hpp"
#include "cli/status/model_listing.hpp"
#include "corral/config/configuration_place.hpp"
#include "corral/core/say.hpp"
#include "corral/core/text.hpp"
#include "corral/pull/catalogue.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::cli {

namespace {

using json = nlohmann::ordered_json;

struct search_options {
    std::vector<std::string> words;
    std::optional<std::string> config;
    bool json = false;
};

// Those that fit first, else in the catalogue's order.
std::vector<pull::choice> choices_of(const pull::catalogue& all, const std::vector<std::string>& words,
                                     const pull::box& here) {
    std::vector<pull::choice> out;
    for (const pull::catalogue_model& one : all.models) {
        if (pull::has_words(one, words)) {
            out.push_back(pull::choose(one, here));
        }
    }
    std::stable_partition(out.begin(), out.end(),
                          [](const pull::choice& one) { return one.package != nullptr; });
    return out;
}

json package_json(const pull::catalogue_package& one) {
    json boxes = json::array();
    for (const pull::box_kind kind : one.boxes) {
        boxes.push_back(pull::name_of(kind).word);
    }
    return {{"boxes", std::move(boxes)},
            {"source", pull::source_text(one.source)},
            {"revision", one.source.revision},
            {"profile", one.source.profile},
            {"quantization", one.quantization},
            {"license", one.license},
            {"context", one.context},
            {"download_mb", one.download_mb},
            {"memory_mb", one.memory_mb},
            {"verified", one.verified},
            {"examined", one.examined},
            {"facts", one.facts},
            {"faults", one.faults}};
}

json choice_json(const pull::choice& one) {
    return {{"name", one.model->name},
            {"aliases", one.model->aliases},
            {"family", one.model->family},
            {"capabilities", one.model->capabilities},
            {"parameter_size", one.model->parameter_size},
            {"fits", one.package != nullptr},
            {"package", one.package == nullptr ? json(nullptr) : package_json(*one.package)},
            {"reason", one.package == nullptr ? one.reason : one.remark}};
}

std::string lines_of(const pull::choice& one, const text_style& style) {
    std::string out = painted(one.model->name, colour::bold, style);
    if (one.package == nullptr) {
        return out + "  " + painted("does not fit", colour::faint, style) + ": " + one.reason + "\n";
    }
    const pull::catalogue_package& package = *one.package;
    pull::package_source named = package.source;
    named.revision.clear();  // a commit tells people nothing; --json has it
    std::vector<std::string> facts{pull::source_text(named), package.quantization, package.license};
    if (package.download_mb != 0) {
        facts.push_back(size_text(package.download_mb * 1024 * 1024));
    }
    facts.push_back(package.verified           ? "verified"
                    : package.examined.empty() ? "not verified"
                                               : "files examined " + package.examined + ", not tried");
    std::erase(facts, std::string());
    out += "  " + core::joined(facts) + "\n";
    for (const std::string& fault : package.faults) {
        out += "    " + painted("note:", colour::yellow, style) + " " + fault + "\n";
    }
    if (!one.remark.empty()) {
        out += "    " + painted("note:", colour::yellow, style) + " " + one.remark + "\n";
    }
    return out;
}

int search(const search_options& asked, const std::map<std::string, std::string>& environment) {
    const config::configuration_place place = config::find_configuration(asked.config, environment);
    const pull::catalogue_reading read =
        pull::read_catalogue(pull::catalogue_folders(place.file.parent_path()));
    const pull::box here = look_at_this_box(place);
    const std::vector<pull::choice> found = choices_of(read.value, asked.words, here);
    std::vector<std::string> problems;
    for (const catalog::diagnostic& one : read.problems) {
        problems.push_back(telemetry::printable(catalog::to_text(one), 1000));
    }
    if (asked.json) {
        json models = json::array();
        for (const pull::choice& one : found) {
            models.push_back(choice_json(one));
        }
        const json out = {
            {"box", pull::describe(here)}, {"problems", problems}, {"models", std::move(models)}};
        std::cout << out.dump(2, ' ', false, json::error_handler_t::replace) << '\n';
        return found.empty() ? failed : succeeded;
    }
    for (const std::string& one : problems) {
        std::cerr << "left out: " << one << '\n';
    }
    std::cerr << "this box is " << pull::describe(here) << "\n";
    if (found.empty()) {
        return fail(core::say("catalogue.no-such-model/search"));
    }
    const text_style style = style_of(STDOUT_FILENO, environment);
    for (const pull::choice& one : found) {
        std::cout << wrapped(lines_of(one, style), style);
    }
    return succeeded;
}

}  // namespace

void add_search_command(CLI::App& program, command_context& context) {
    const auto asked = std::make_shared<search_options>();
    CLI::App* one =
        program.add_subcommand("search", "List the models in the catalogue, those for this box first");
    one->add_option("words", asked->words, "Words from a name, family or capability; default: all models")
        ->type_name("WORD");
    one->add_flag("--json", asked->json, "Print JSON");
    one->add_option("--config", asked->config,
                    "Configuration file with catalogue.d beside it; default: the standard locations")
        ->type_name("FILE");
    one->parse_complete_callback([asked, &context] {
        context.run = [asked, &context] { return search(*asked, context.environment); };
    });
}

}  // namespace corral::cli
