// What the running Corral knows of its models.

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "doctor/checks.hpp"

namespace corral::doctor {

namespace {

using catalog::severity;

constexpr std::array daemon_kinds{
    finding_kind{"model.broken", severity::error, "a model of the running daemon is broken",
                 "requests for it are refused",
                 "the finding says what to do; 'corral logs MODEL' shows its last lines"},
    finding_kind{"model.warning", severity::warning, "the running daemon has a warning for a model",
                 "it works, but not as it should", "see 'corral status'"},
    finding_kind{"daemon.closed", severity::error, "the running daemon refuses all clients",
                 "every request is refused", "fix what the finding names; no reload is needed"},
    finding_kind{"daemon.stand-in", severity::error,
                 "the running daemon does not serve what the configuration file says",
                 "the file has a mistake, so its changes have no effect",
                 "fix it ('corral check' names line and column); no reload is needed"},
    finding_kind{
        "daemon.left-out", severity::error, "the running daemon leaves out a manifest",
        "its model is not served, or is served as before",
        "fix what the finding names, make the file readable for Corral's user, then run 'corral reload'"},
    finding_kind{"model.starts-again", severity::warning,
                 "a model of the running daemon fails and is restarted",
                 "requests for it wait, and are refused if it fails too often",
                 "'corral logs MODEL' shows its last lines"},
    finding_kind{"daemon.running", severity::note, "Corral is running", "", "nothing"},
    finding_kind{"daemon.not-running", severity::note, "no running Corral daemon could be reached",
                 "what it knows about its models is missing here",
                 "corral serve, or sudo systemctl start corral"},
};

// What refused its start, a check before this one has found too.
bool is_reported(const findings& out, const served_model& model, const std::string& subject) {
    return model.refused_by_check && std::ranges::any_of(out, [&](const catalog::finding& one) {
               const bool of_it = one.subject == subject || one.subject.starts_with(subject + ", ");
               return of_it && one.level == severity::error;
           });
}

// What the files say to whoever asks, too: the check of the configuration has told it.
bool is_read_so(const examination& box, const std::string& problem) {
    return box.configuration && std::ranges::any_of(box.configuration->left_out, [&](const auto& one) {
               return catalog::to_text(one) == problem;
           });
}

bool is_examined(const examination& box, const std::string& name) {
    return box.models.empty() ||
           std::ranges::any_of(box.models, [&](const model_view& one) { return one.entry.name == name; });
}

void check_daemon(const examination& box, findings& out) {
    if (!box.daemon) {
        say(out, daemon_kinds[7], "this Corral",
            box.daemon_problem.empty() ? "Corral is not running here" : box.daemon_problem);
        return;
    }
    say(out, daemon_kinds[6], "this Corral",
        "Corral " + box.daemon->version + " is running as process " + std::to_string(box.daemon->pid));
    for (const std::string& why : box.daemon->closed) {
        say(out, daemon_kinds[2], "this Corral", "all clients are refused: " + why);
    }
    if (!box.daemon->in_place.empty()) {
        std::string what = "serving " + box.daemon->in_place;
        for (const std::string& why : box.daemon->in_place_problems) {
            what += "; " + why;
        }
        say(out, daemon_kinds[3], "this Corral", std::move(what));
    }
    for (const std::string& why : box.daemon->left_out) {
        if (!is_read_so(box, why)) {
            say(out, daemon_kinds[4], "this Corral", "left out: " + why);
        }
    }
    for (const served_model& model : box.daemon->models) {
        const std::string subject = "model " + model.name;
        if (!is_examined(box, model.name)) {
            continue;
        }
        if (model.state == "broken" && !is_reported(out, model, subject)) {
            say(out, daemon_kinds[0], subject, model.reason, model.advice);
        }
        if (model.starts_again) {
            say(out, daemon_kinds[5], subject, model.reason, model.advice);
        }
        if (!model.warning.empty()) {
            say(out, daemon_kinds[1], subject, model.warning);
        }
    }
}

}  // namespace

const check daemon_check{"daemon", "what the running daemon reports about its models", start_part::none,
                         daemon_kinds, check_daemon};

}  // namespace corral::doctor
