#include "cli/packages/pull_report.hpp"

#include <algorithm>
#include <charconv>
#include <iostream>

#include <fmt/format.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "corral/catalog/toml_section.hpp"

namespace corral::cli {

namespace {

using phase = pull::pull_progress::phase;
using json = nlohmann::ordered_json;

constexpr std::size_t short_digest = 12;

// "123 456" of the process that fetches the same.
pull::pull_progress seen_of_other(const pull::pull_progress& progress) {
    pull::pull_progress out = progress;
    std::uint64_t done = 0;
    const char* const end = progress.other.data() + progress.other.size();
    const auto [stop, error] = std::from_chars(progress.other.data(), end, done);
    if (error == std::errc{} && stop != end && *stop == ' ') {
        out.completed = std::min(done, progress.total);
    }
    return out;
}

std::string figures(const pull::pull_progress& progress, const pull::rate_meter& rate) {
    std::string out = pull::bytes_text(progress.completed) + " of " + pull::bytes_text(progress.total);
    if (const auto now = rate.rate()) {
        out += ", " + pull::bytes_text(static_cast<std::uint64_t>(*now)) + "/s";
    }
    if (const auto left = rate.left(progress.total); left && progress.completed < progress.total) {
        out += ", " + catalog::duration_text(*left) + " left";
    }
    return out;
}

std::string words_of(phase at) {
    switch (at) {
        case phase::listing:
            return "asking the source for its files";
        case phase::waiting:
            return "another process fetches the same package; waiting for it";
        case phase::checking:
            return "looking at what is there";
        case phase::fetching:
            return "fetching";
        case phase::verifying:
            return "all checksums are right";
        case phase::placing:
            return "putting the package in place";
    }
    return {};
}

}  // namespace

std::string pull_bar(const pull::pull_progress& progress, const pull::rate_meter& rate, unsigned columns) {
    constexpr unsigned least = 60;
    const std::size_t width = columns < least ? 10 : 20;
    const double share = progress.total == 0
                             ? 0.0
                             : static_cast<double>(progress.completed) / static_cast<double>(progress.total);
    const std::size_t full = std::min(width, static_cast<std::size_t>(share * static_cast<double>(width)));
    return fmt::format("[{}{}] {:.0f}%  {}", std::string(full, '#'), std::string(width - full, '.'),
                       share * 100, figures(progress, rate));
}

std::string pull_line(const pull::pull_progress& progress) {
    switch (progress.at) {
        case phase::listing:
            return R"({"status":"pulling manifest"})";
        case phase::waiting:
        case phase::checking:
        case phase::fetching: {
            json out{{"status", "pulling " + progress.digest.substr(0, short_digest)},
                     {"digest", "sha256:" + progress.digest},
                     {"total", progress.total}};
            if (progress.completed > 0) {
                out["completed"] = progress.completed;
            }
            return out.dump();
        }
        case phase::verifying:
            return R"({"status":"verifying sha256 digest"})";
        case phase::placing:
            return R"({"status":"writing manifest"})";
    }
    return {};
}

pull_report::pull_report(bool json, text_style style)
    : json_(json), style_(style), lines_(STDOUT_FILENO, style) {}

void pull_report::tell(const pull::pull_progress& progress, core::steady_time now) {
    const pull::pull_progress seen = progress.at == phase::waiting ? seen_of_other(progress) : progress;
    rate_.tell(now, seen.completed);
    if (json_) {
        tell_json(seen, now);
    } else {
        tell_plain(seen, now);
    }
}

void pull_report::tell_json(const pull::pull_progress& progress, core::steady_time now) {
    constexpr core::seconds sign_of_life{20};
    std::string line = pull_line(progress);
    if (line != last_line_ || now - last_at_ > sign_of_life) {
        std::cout << line << '\n' << std::flush;
        last_line_ = std::move(line);
        last_at_ = now;
    }
}

void pull_report::tell_plain(const pull::pull_progress& progress, core::steady_time now) {
    constexpr core::seconds between{10};
    const bool fresh = phase_ != progress.at;
    phase_ = progress.at;
    fetched_ = fetched_ || progress.at == phase::fetching;
    const bool moves =
        progress.at == phase::checking || progress.at == phase::fetching || progress.at == phase::waiting;
    // Of a package that is there the end alone is told.
    const bool idle = progress.at == phase::checking ||
                      (!fetched_ && (progress.at == phase::verifying || progress.at == phase::placing));
    if (style_.live) {
        lines_.draw(words_of(progress.at) + "\n" +
                    (moves ? pull_bar(progress, rate_, style_.columns) + "\n" : ""));
    } else if (!idle && (fresh || (moves && now - last_at_ > between))) {
        std::cout << words_of(progress.at) << (moves ? ": " + figures(progress, rate_) : std::string())
                  << '\n'
                  << std::flush;
        last_at_ = now;
    }
}

void pull_report::status(const std::string& text) {
    if (json_) {
        std::cout << json{{"status", text}}.dump() << '\n' << std::flush;
    }
}

void pull_report::clear() {
    lines_.clear();
}

}  // namespace corral::cli
