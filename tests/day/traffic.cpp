#include "day/traffic.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <string_view>

#include <fmt/format.h>

#include "year/timeline.hpp"

namespace corral::day {

using core::seconds;
using std::chrono::hours;
using std::chrono::minutes;
using year::dice;

namespace {

constexpr std::array<std::string_view, 48> vocabulary{
    "the",     "a",       "and",     "we",        "of",       "harbour", "letter", "Friday",
    "to",      "table",   "please",  "summary",   "contract", "in",      "it",     "garden",
    "recipe",  "short",   "for",     "customer",  "is",       "meeting", "plan",   "with",
    "report",  "school",  "on",      "translate", "lamp",     "number",  "why",    "difference",
    "between", "invoice", "because", "tomorrow",  "question", "price",   "should", "second",
    "house",   "train",   "explain", "water",     "quarter",  "result",  "each",   "example"};

std::string words(dice& by, double count) {
    std::string out;
    for (double i = 0; i < count; ++i) {
        out += (i > 0 ? " " : "") + std::string(vocabulary.at(static_cast<std::size_t>(by.unit() * 48)));
    }
    return out + ".";
}

double between(dice& by, double least, double most) {
    return least + (most - least) * by.unit();
}

// About `middle`, twice or half of it as often as not.
core::nanoseconds reading(dice& by, seconds middle) {
    const double normal =
        std::sqrt(-2 * std::log(1 - by.unit())) * std::cos(2 * std::numbers::pi * by.unit());
    return std::clamp<core::nanoseconds>(year::times(middle, std::exp(normal)), seconds{4}, minutes{15});
}

struct span {
    double from, to;  // hours of the day
    double share;
};

template <std::size_t Count>
core::nanoseconds time_of_day(dice& by, const std::array<span, Count>& when) {
    double left = by.unit();
    for (const span& each : when) {
        if (left < each.share || &each == &when.back()) {
            return year::times(hours{1}, between(by, each.from, each.to));
        }
        left -= each.share;
    }
    return {};
}

talk chat(dice& by, core::nanoseconds begins, double more_turns, seconds pause) {
    talk out;
    out.begins = begins;
    out.client = "open-webui";
    out.page = true;
    do {
        const bool pasted = by.chance(0.1);
        const double length = pasted ? between(by, 250, 700) : between(by, 6, 50);
        out.turns.push_back({reading(by, pause), words(by, length), words(by, between(by, 30, 130))});
    } while (by.chance(more_turns) && out.turns.size() < 24);
    return out;
}

void add_commands(traffic& to, dice& by, bool lives) {
    constexpr std::array<span, 3> when{{{6.5, 8.5, 0.3}, {16, 23, 0.6}, {9, 16, 0.1}}};
    for (int i = 0; i < 70; ++i) {
        talk out;
        out.begins = time_of_day(by, when);
        out.client = "home-assistant";
        core::nanoseconds at = out.begins;
        do {
            const auto lamp = static_cast<std::size_t>(by.unit() * house::lamps);
            out.turns.push_back({year::times(seconds{1}, between(by, 5, 20)),
                                 fmt::format("Switch lamp {} please, {}", lamp + 1, words(by, 3)),
                                 words(by, between(by, 4, 14))});
            at += seconds{15};
            if (lives) {
                to.home.toggle(lamp, at);
            }
        } while (by.chance(0.25));
        to.talks.push_back(std::move(out));
    }
}

void add_office(traffic& to, dice& by) {
    constexpr std::array<span, 4> when{{{8.5, 10, 0.35}, {10, 12, 0.2}, {13, 14.5, 0.3}, {14.5, 17, 0.15}}};
    for (int i = 0; i < 45; ++i) {
        to.talks.push_back(chat(by, time_of_day(by, when), 0.7, seconds{60}));
    }
    talk job;  // document by document, each a conversation of its own
    job.client = "nightly";
    job.job = true;
    job.begins = hours{6};
    job.system = "You file documents. " + words(by, 60);
    for (int i = 0; i < 320; ++i) {
        job.turns.push_back({seconds{1}, words(by, between(by, 400, 1000)), words(by, between(by, 40, 90))});
    }
    to.talks.push_back(std::move(job));
}

}  // namespace

house::house(std::uint64_t seed, bool lives) {
    dice by(seed, 40);
    constexpr std::size_t sensors = 12;
    for (std::size_t i = 0; i < lamps + sensors; ++i) {
        device one;
        one.name = i < lamps ? fmt::format("lamp {}", i + 1) : fmt::format("temperature {}", i - lamps + 1);
        const core::nanoseconds mean = i < lamps ? hours{6} : minutes{20};
        for (core::nanoseconds at = by.about(mean); lives && at < hours{24}; at += by.about(mean)) {
            one.changes.push_back(at);
        }
        devices_.push_back(std::move(one));
    }
}

void house::toggle(std::size_t lamp, core::nanoseconds at) {
    auto& changes = devices_.at(lamp).changes;
    changes.insert(std::ranges::upper_bound(changes, at), at);
}

std::string house::text(core::nanoseconds at) const {
    const auto second = std::chrono::duration_cast<seconds>(at).count();
    std::string out =
        fmt::format("Current time is {:02}:{:02}:{:02}. Today's date is 2026-11-26.\n", second / 3600,
                    second / 60 % 60, second % 60) +
        "You are a voice assistant for Home Assistant.\nAnswer questions about the world truthfully.\n"
        "Answer in plain text. Keep it simple and to the point.\nWhen controlling Home Assistant always call "
        "the intent tools. Use HassTurnOn to lock and HassTurnOff to unlock a lock.\n"
        "When controlling a device, prefer passing just name and domain. When controlling an area, prefer "
        "passing just area name and domain.\n"
        "When a user asks to turn on all devices of a specific type, ask user to specify an area, unless "
        "there is only one device of that type.\nThis device is not able to start timers.\n"
        "Available devices:\n";
    out += "entity_id,name,state,area\n";
    for (std::size_t i = 0; i < devices_.size(); ++i) {
        const device& each = devices_[i];
        const auto changed = std::ranges::upper_bound(each.changes, at) - each.changes.begin();
        const std::string state = i >= lamps
                                      ? fmt::format("{:.1f}", 20 + 0.1 * static_cast<double>(changed % 17))
                                  : changed % 2 != 0 ? "on"
                                                     : "off";
        out += fmt::format("{}.room_{},{},{},Room {}\n", i < lamps ? "light" : "sensor", i, each.name, state,
                           i / 2);
    }
    return out;
}

traffic traffic_of(kind what, std::uint64_t seed) {
    const bool at_home = what == kind::home || what == kind::quiet_home;
    const bool in_family = what == kind::family || what == kind::quiet_family;
    dice by(seed, at_home ? 60 : in_family ? 61 : 62);
    traffic out{{}, house(seed, what == kind::home), at_home};
    constexpr std::array<span, 3> evenings{{{7, 8.5, 0.15}, {13, 16, 0.2}, {17, 22.5, 0.65}}};
    if (at_home) {
        add_commands(out, by, what == kind::home);
    } else if (in_family) {
        for (int i = 0; i < 24; ++i) {
            out.talks.push_back(chat(by, time_of_day(by, evenings), 0.75, seconds{35}));
            out.talks.back().page = what == kind::family;
        }
    } else if (what == kind::office) {
        add_office(out, by);
    } else {
        for (int i = 0; i < 24; ++i) {
            out.talks.push_back(chat(by, minutes{30} * i, 0.9, seconds{30}));
            out.talks.back().page = false;
            out.talks.back().echoed = true;
        }
    }
    return out;
}

std::string task_beside(const std::string& what, const std::string& last_words,
                        const std::string& last_answer) {
    return "### Task:\nGenerate " + what +
           " for the chat below.\n### Guidelines:\n- Use the chat's primary language.\n- Respect the user's "
           "corrections, constraints, and preferences. Later corrections take precedence.\n- Consider what "
           "the "
           "assistant has already completed and what remains unresolved.\n- Keep each concise. Avoid generic "
           "filler.\n- Response must be a JSON object, no extra text or formatting.\n### Chat History:\n"
           "<chat_history>\nUSER: " +
           last_words + "\nASSISTANT: " + last_answer + "\n</chat_history>";
}

}  // namespace corral::day
