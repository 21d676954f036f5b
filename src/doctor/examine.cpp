#include <algorithm>
#include <exception>
#include <string>

#include "corral/telemetry/log.hpp"
#include "doctor/checks.hpp"

namespace corral::doctor {

namespace {

constexpr std::size_t most_findings = 500;
constexpr std::size_t longest_text = 1000;

// Names of files and what programs say of themselves are hostile.
void make_printable(catalog::finding& found) {
    for (std::string* text : {&found.id, &found.subject, &found.what, &found.why, &found.fix}) {
        *text = telemetry::printable(*text, longest_text);
    }
}

// True when one before `at` says the same: two checks, or two services, may meet the same fault.
bool is_told(const findings& all, std::size_t at) {
    const auto end = all.begin() + static_cast<std::ptrdiff_t>(at);
    return std::any_of(all.begin(), end, [&](const catalog::finding& other) {
        return other.what == all[at].what && other.subject == all[at].subject;
    });
}

// A check sees what those before it have found.
void run(const check& one, const examination& of, findings& out) {
    std::size_t at = out.size();
    try {
        one.run(of, out);
    } catch (const std::exception& error) {
        catalog::finding failed;
        failed.id = "doctor.check-failed";
        failed.level = catalog::severity::warning;
        failed.what = "the check '" + std::string(one.id) + "' could not be done: " + error.what();
        failed.fix = "look at that part of the box by hand";
        out.push_back(std::move(failed));
    }
    while (at < out.size()) {
        make_printable(out[at]);
        if (is_told(out, at)) {
            out.erase(out.begin() + static_cast<std::ptrdiff_t>(at));
        } else {
            ++at;
        }
    }
    out.resize(std::min(out.size(), most_findings));
}

template <typename Wanted>
findings run_those(const examination& of, Wanted wanted) {
    findings out;
    for (const check* one : checks()) {
        if (wanted(*one)) {
            run(*one, of, out);
        }
    }
    std::stable_sort(out.begin(), out.end(), [](const catalog::finding& a, const catalog::finding& b) {
        return static_cast<int>(a.level) > static_cast<int>(b.level);
    });
    return out;
}

}  // namespace

findings examine(const examination& of) {
    return run_those(of, [](const check&) { return true; });
}

findings examine_before_start(const examination& of, start_part part) {
    return run_those(of, [part](const check& one) { return one.before_start == part; });
}

}  // namespace corral::doctor
