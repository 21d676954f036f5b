#include "supervisor/service/exit_policy.hpp"

#include <csignal>
#include <cstring>

#include <algorithm>
#include <optional>
#include <variant>

#include "corral/core/say.hpp"
#include "corral/core/text.hpp"
#include "corral/telemetry/log.hpp"
#include "supervisor/service/line_meaning.hpp"

namespace corral::supervisor {

namespace {

bool is_sent(int signal) {
    return signal == SIGKILL || signal == SIGTERM || signal == SIGINT || signal == SIGHUP;
}

bool was_sent(const process::exit_reason& reason) {
    const auto* killed = std::get_if<process::killed_by>(&reason);
    return killed != nullptr && is_sent(killed->signal);
}

// A script tells its program's signal by a status beyond 128; a server that catches SIGTERM ends in good order.
bool was_asked_to_end(std::optional<int> status, bool ready) {
    constexpr int of_signals = 128;
    return status && (is_sent(*status - of_signals) || (ready && *status == 0));
}

// "Illegal instruction", for a fault that a profile says nothing about; "Killed" would add nothing.
core::reason plain_words(const process::exit_reason& reason) {
    const auto* killed = std::get_if<process::killed_by>(&reason);
    const char* words = killed == nullptr || was_sent(reason) ? nullptr : ::sigdescr_np(killed->signal);
    return words == nullptr ? core::reason() : core::reason::unlisted(words);
}

// That of a start first; nullptr: none is known.
const catalog::exit_meaning* meaning_of(const catalog::service_template& rules, int status, bool ready) {
    const catalog::exit_meaning* found = nullptr;
    for (const catalog::exit_meaning& each : rules.exits) {
        const bool better = found == nullptr || each.at_start;
        if (each.status == status && better && !(ready && each.at_start)) {
            found = &each;
        }
    }
    return found;
}

exit_story finished(core::reason how, std::string advice, bool from_outside) {
    core::reason reason = core::say("service.ended").led_to_by(how);
    return {std::move(reason), std::move(how), std::move(advice), from_outside, std::string()};
}

}  // namespace

namespace {

// Axera's runtime ends no line between a bar of progress and what follows it (docs/facts/vendor_ax.md#start-log).
std::string_view behind_bar(std::string_view said) {
    constexpr std::string_view rate = "/s]";
    const std::size_t bar = progress_in(said) ? said.rfind(rate) : std::string_view::npos;
    if (bar == std::string_view::npos) {
        return said;
    }
    const std::string_view after = said.substr(bar + rate.size());
    const std::size_t error = after.rfind("[E]");
    return core::trimmed(error == std::string_view::npos ? after : after.substr(error));
}

// The number between `before` and what is no digit, where it stands last.
std::optional<unsigned> figure_behind(std::string_view text, std::string_view before) {
    const std::size_t at = text.rfind(before);
    if (at == std::string_view::npos) {
        return std::nullopt;
    }
    const std::string_view rest = text.substr(at + before.size());
    return core::whole_number<unsigned>(rest.substr(0, rest.find_first_not_of("0123456789")));
}

// With what the runtime counted on its card after the last layer that fit.
core::reason with_card_memory(const core::reason& text, std::string_view said) {
    const auto free_mb = figure_behind(said, "remain_cmm(");
    if (!free_mb) {
        return text;
    }
    const auto card = figure_behind(said, "devid(");
    return text.led_to_by(card ? core::say("service.card-memory/card", *free_mb, *card)
                               : core::say("service.card-memory/here", *free_mb));
}

}  // namespace

core::reason with_line(const core::reason& text, std::string_view said) {
    constexpr std::size_t longest = 240;
    if (said.empty()) {
        return text;
    }
    const core::reason reason = with_card_memory(text, said);
    return reason.led_to_by(
        core::say("service.said-before/line", telemetry::printable(behind_bar(said), longest)));
}

std::optional<int> exit_status(const process::exit_reason& reason) {
    if (const auto* exited = std::get_if<process::exited_with>(&reason)) {
        return exited->code;
    }
    if (const auto* killed = std::get_if<process::killed_by>(&reason)) {
        return 128 + killed->signal;
    }
    return std::nullopt;
}

bool explained_by(const process::exit_reason& reason, const std::vector<int>& sent) {
    if (const auto* killed = std::get_if<process::killed_by>(&reason)) {
        return std::find(sent.begin(), sent.end(), killed->signal) != sent.end();
    }
    if (std::holds_alternative<process::exited_with>(reason)) {
        return std::any_of(sent.begin(), sent.end(), [](int signal) { return signal != SIGKILL; });
    }
    return true;
}

void blame_memory(exit_story& story, const process::exit_reason& how, const memory_case& found) {
    const auto* killed = std::get_if<process::killed_by>(&how);
    const bool itself = killed != nullptr && killed->signal == SIGKILL;
    if (found.kills == 0 || (!itself && !found.own)) {
        return;
    }
    const bool limited = found.limit_mb != 0;
    const char* const whom = itself ? "it" : "one of its processes";
    core::reason reason =
        process::describe(how).led_to_by(limited ? core::say("service.memory-limit", found.limit_mb, whom)
                                                 : core::say("service.memory-ran-out", whom));
    if (found.kills > 1) {
        reason = reason.led_to_by(core::say("service.memory-ran-out/more", found.kills));
    }
    story = finished(std::move(reason),
                     limited ? core::say("service.memory-limit/do") : core::say("service.memory-ran-out/do"),
                     true);
}

void blame_tasks(exit_story& story, std::uint64_t most) {
    story = finished(story.how.led_to_by(core::say("service.task-limit", most)),
                     core::say("service.task-limit/do"), story.from_outside);
}

void blame_refused_tasks(exit_story& story, const process::exit_reason& how, std::string_view said) {
    const core::reason reason = process::describe(how).led_to_by(core::say("service.tasks-refused/start"));
    story = finished(with_line(reason, said), core::say("service.tasks-refused/do"), story.from_outside);
}

exit_story explain_exit(const catalog::service_template& rules, const process::exit_reason& how,
                        const catalog::log_meaning* printed, const catalog::log_meaning* remarked, bool ready,
                        std::string_view said) {
    core::reason reason = process::describe(how);
    std::string advice;
    const std::optional<int> status = exit_status(how);
    const bool from_outside = was_sent(how) || was_asked_to_end(status, ready);
    if (ready) {
        said = {};
    }
    // A line that is known to end a start says more than a status; a harmless notice says less.
    if (!ready && printed != nullptr && printed->fatal_at_start) {
        exit_story out = finished(with_line(reason.led_to_by(core::reason::unlisted(printed->cause)), said),
                                  printed->advice, from_outside);
        out.blames = printed->blames;
        return out;
    }
    const catalog::exit_meaning* const meaning = status ? meaning_of(rules, *status, ready) : nullptr;
    if (meaning != nullptr) {
        reason = reason.led_to_by(core::reason::unlisted(meaning->cause));
        advice = meaning->advice;
    } else if (!ready && printed != nullptr) {
        reason = reason.led_to_by(
            core::say("service.said-before").led_to_by(core::reason::unlisted(printed->cause)));
    } else {
        reason = reason.led_to_by(plain_words(how));
    }
    reason = with_line(reason, said);
    if (remarked != nullptr) {
        reason = reason.led_to_by(core::say("service.printed/before", remarked->cause));
    }
    exit_story out = finished(std::move(reason), std::move(advice), from_outside);
    if (!ready && printed != nullptr && !printed->blames.empty()) {
        out.blames = printed->blames;
    } else if (meaning != nullptr) {
        out.blames = meaning->blames;
    } else if (!from_outside) {
        out.blames.reset();
    }
    return out;
}

}  // namespace corral::supervisor
