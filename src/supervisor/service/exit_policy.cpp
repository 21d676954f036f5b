#include "supervisor/service/exit_policy.hpp"

#include <csignal>
#include <cstring>

#include <algorithm>
#include <variant>

#include "corral/telemetry/log.hpp"

namespace corral::supervisor {

namespace {

bool was_sent(const process::exit_reason& how) {
    const auto* killed = std::get_if<process::killed_by>(&how);
    return killed != nullptr && (killed->signal == SIGKILL || killed->signal == SIGTERM ||
                                 killed->signal == SIGINT || killed->signal == SIGHUP);
}

// "Illegal instruction", for a fault that a profile says nothing about; "Killed" would add nothing.
std::string plain_words(const process::exit_reason& how) {
    const auto* killed = std::get_if<process::killed_by>(&how);
    const char* words = killed == nullptr || was_sent(how) ? nullptr : ::sigdescr_np(killed->signal);
    return words == nullptr ? std::string() : std::string(words);
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

void tell(exit_story& story, const std::string& cause, const std::string& advice) {
    story.how += ": " + cause;
    story.advice = advice;
}

exit_story finished(exit_story story) {
    story.reason = "ended by itself: " + story.how;
    return story;
}

}  // namespace

std::string with_line(std::string text, std::string_view said) {
    constexpr std::size_t longest = 240;
    if (said.empty()) {
        return text;
    }
    return text + (text.ends_with('.') ? " It said: " : "; it said: ") + telemetry::printable(said, longest);
}

std::optional<int> exit_status(const process::exit_reason& how) {
    if (const auto* exited = std::get_if<process::exited_with>(&how)) {
        return exited->code;
    }
    if (const auto* killed = std::get_if<process::killed_by>(&how)) {
        return 128 + killed->signal;
    }
    return std::nullopt;
}

bool explained_by(const process::exit_reason& how, const std::vector<int>& sent) {
    if (const auto* killed = std::get_if<process::killed_by>(&how)) {
        return std::find(sent.begin(), sent.end(), killed->signal) != sent.end();
    }
    if (std::holds_alternative<process::exited_with>(how)) {
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
    const std::string cause = limited ? "The model reached its memory limit of " +
                                            std::to_string(found.limit_mb) + " MiB, and the kernel killed "
                                      : std::string("Memory ran out, and the kernel killed ");
    const std::string before = process::describe(how);
    story = {};
    tell(story, cause + (itself ? "it." : "one of its processes."),
         limited
             ? "Raise 'memory_mb' in [limits] of its manifest, or serve it with a shorter context."
             : "Serve a smaller model, or stop what else needs memory here; dmesg has the kernel's figures.");
    story.how = before + story.how;
    if (found.kills > 1) {
        story.how +=
            " It has killed " + std::to_string(found.kills) + " processes for that since this one began.";
    }
    story = finished(std::move(story));
    story.from_outside = true;
}

void blame_tasks(exit_story& story, std::uint64_t most) {
    story.how += (story.how.ends_with('.') ? " " : ". ") +
                 std::string("While it loaded, the model met its limit of ") + std::to_string(most) +
                 " processes and threads, and the kernel refused another.";
    story.advice = "Raise 'tasks' in [limits] of its manifest.";
    story = finished(std::move(story));
}

exit_story explain_exit(const catalog::service_template& rules, const process::exit_reason& how,
                        const catalog::log_meaning* printed, const catalog::log_meaning* remarked, bool ready,
                        std::string_view said) {
    exit_story story;
    story.how = process::describe(how);
    story.from_outside = was_sent(how);
    if (ready) {
        said = {};
    }
    // A line that is known to end a start says more than a status; a harmless notice says less.
    if (!ready && printed != nullptr && printed->fatal_at_start) {
        tell(story, printed->cause, printed->advice);
        story.how = with_line(std::move(story.how), said);
        return finished(std::move(story));
    }
    const std::optional<int> status = exit_status(how);
    const catalog::exit_meaning* const meaning = status ? meaning_of(rules, *status, ready) : nullptr;
    if (meaning != nullptr) {
        tell(story, meaning->cause, meaning->advice);
    } else if (!ready && printed != nullptr) {
        story.how += "; while loading it had said: " + printed->cause;
    } else if (const std::string words = plain_words(how); !words.empty()) {
        story.how += ": " + words;
    }
    story.how = with_line(std::move(story.how), said);
    if (remarked != nullptr) {
        story.how += (story.how.ends_with('.') ? " Before, it" : "; before, it");
        story.how += " printed what may mean: " + remarked->cause;
    }
    return finished(std::move(story));
}

}  // namespace corral::supervisor
