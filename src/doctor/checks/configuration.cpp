// The configuration file and the manifests.

#include <array>
#include <string>

#include "doctor/checks.hpp"

namespace corral::doctor {

namespace {

using catalog::severity;

constexpr std::array configuration_kinds{
    finding_kind{"configuration.error", severity::error, "the configuration has a mistake",
                 "a reload keeps the old configuration, and a start uses the last good copy, if there is one",
                 "fix that line; 'corral check FILE' verifies it"},
    finding_kind{"configuration.manifest", severity::error, "a manifest has a mistake",
                 "its model is left out; the others are served",
                 "fix that line; 'corral check' verifies it, 'corral reload' applies it"},
    finding_kind{"configuration.warning", severity::warning, "something in the configuration has no effect",
                 "it may not do what was intended", "see that line"},
    finding_kind{"configuration.missing", severity::note, "there is no configuration file",
                 "Corral uses its defaults", "fetch a model: corral search, then corral pull NAME"},
    finding_kind{"configuration.service", severity::error, "a service's command can't be built",
                 "the model can't start", "set the missing value in [models.variables]"},
};

void check_configuration(const examination& box, findings& out) {
    for (const model_view& model : box.models) {
        // One that runs on another server has none, nor has one whose profile is the mistake.
        if (model.services.empty() && !model.entry.runtime.services.empty()) {
            if (const auto expanded = view_of(model.entry); !expanded) {
                say(out, configuration_kinds[4], subject_of(model), expanded.error().message.text());
            }
        }
    }
    if (!box.configuration) {
        return;
    }
    const configuration_view& said = *box.configuration;
    if (!said.there && said.errors.empty()) {
        say(out, configuration_kinds[3], "the configuration", "'" + said.file.string() + "' does not exist");
    }
    for (const catalog::diagnostic& wrong : said.errors) {
        say(out, configuration_kinds[0], "the configuration", catalog::to_text(wrong));
    }
    for (const catalog::diagnostic& wrong : said.left_out) {
        say(out, configuration_kinds[1], "the configuration", catalog::to_text(wrong));
    }
    for (const catalog::diagnostic& odd : said.warnings) {
        say(out, configuration_kinds[2], "the configuration", catalog::to_text(odd));
    }
}

}  // namespace

const check configuration_check{"configuration", "the configuration file, its profiles and the manifests",
                                start_part::none, configuration_kinds, check_configuration};

}  // namespace corral::doctor
