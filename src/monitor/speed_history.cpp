#include "corral/monitor/speed_history.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "corral/core/json.hpp"
#include "corral/core/json_members.hpp"
#include "corral/core/state_format.hpp"

namespace corral::monitor {

namespace {

using json = nlohmann::ordered_json;

constexpr std::uint32_t fewest_tokens = 16;   // of an answer
constexpr std::uint64_t fewest_answers = 10;  // of a stretch of days
constexpr std::size_t recent_days = 7;
constexpr double worth_telling = 0.1;
constexpr double much_longer = 1.5;
constexpr std::size_t most_letters = 64;  // of a circumstance

// Days taken together.
struct stretch {
    std::string since;
    speed_day all;
    void add(const speed_day& one) {
        since = since.empty() ? one.day : since;
        all.answers += one.answers;
        all.tokens += one.tokens;
        all.prompt_tokens += one.prompt_tokens;
        all.seconds += one.seconds;
    }
    [[nodiscard]] double prompt() const {
        return static_cast<double>(all.prompt_tokens) /
               static_cast<double>(std::max<std::uint64_t>(1, all.answers));
    }
};

// Nothing that both know is another; a tool that did not answer says nothing.
bool agree(const circumstances& a, const circumstances& b) {
    return std::ranges::all_of(a, [&](const auto& one) {
        const auto other = b.find(one.first);
        return other == b.end() || other->second == one.second;
    });
}

std::string changes_between(const circumstances& before, const circumstances& now) {
    std::string out;
    for (const auto& [what, value] : now) {
        const auto old = before.find(what);
        if (old != before.end() && old->second != value) {
            out += fmt::format("{}{} {} → {}", out.empty() ? "" : ", ", what, old->second, value);
        }
    }
    return out;
}

std::optional<speed_change> change_between(const stretch& before, const stretch& now, std::string changed) {
    if (before.all.answers < fewest_answers || now.all.answers < fewest_answers || before.all.rate() <= 0 ||
        std::abs(now.all.rate() / before.all.rate() - 1.0) < worth_telling) {
        return std::nullopt;
    }
    const double longer = before.prompt() > 0 ? now.prompt() / before.prompt() : 1.0;
    return speed_change{now.since, before.all.rate(), now.all.rate(), std::move(changed), longer};
}

json day_json(const speed_day& of) {
    return {{"day", of.day},
            {"answers", of.answers},
            {"tokens", of.tokens},
            {"prompt_tokens", of.prompt_tokens},
            {"seconds", std::round(of.seconds * 1000.0) / 1000.0},
            {"with", of.with}};
}

std::optional<speed_day> day_of(const nlohmann::json& object) {
    speed_day out;
    out.day = core::text_at(object, "day");
    const auto count = [&](const char* name) {
        const auto found = object.find(name);
        return found != object.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
    };
    const auto seconds = object.find("seconds");
    const auto with = object.find("with");
    if (out.day.empty() || seconds == object.end() || !seconds->is_number() || with == object.end() ||
        !with->is_object()) {
        return std::nullopt;
    }
    out.answers = count("answers");
    out.tokens = count("tokens");
    out.prompt_tokens = count("prompt_tokens");
    out.seconds = seconds->get<double>();
    for (const auto& [what, value] : with->items()) {
        if (value.is_string()) {
            out.with[what] = value.get<std::string>();
        }
    }
    return out;
}

}  // namespace

std::string speed_change::text() const {
    const double share = now / before - 1.0;
    const std::string prompts =
        longer >= much_longer         ? fmt::format("; its prompts are {:.1f} times as long", longer)
        : longer <= 1.0 / much_longer ? fmt::format("; its prompts are {:.1f} times as short", 1.0 / longer)
                                      : std::string();
    return fmt::format("{:.0f} % {} since {} ({:.1f}, before {:.1f} tokens/s): {}{}", std::abs(share) * 100.0,
                       share < 0 ? "slower" : "faster", since, now, before,
                       changed.empty() ? "nothing that Corral knows has changed" : changed, prompts);
}

std::optional<speed_change> last_change(const std::vector<speed_day>& days) {
    stretch now;
    stretch before;
    std::size_t at = days.size();
    for (; at > 0 && agree(days[at - 1].with, days.back().with); --at) {
    }
    for (std::size_t i = at; i < days.size(); ++i) {
        now.add(days[i]);
    }
    for (std::size_t i = at; i > 0 && agree(days[i - 1].with, days[at - 1].with); --i) {
        before.add(days[i - 1]);
    }
    if (at > 0) {
        auto changed = change_between(before, now, changes_between(days[at - 1].with, days.back().with));
        if (changed) {
            return changed;
        }
    }
    // Under the same circumstances: the last days against those before.
    if (days.size() - at <= recent_days) {
        return std::nullopt;
    }
    now = {};
    before = {};
    for (std::size_t i = at; i < days.size(); ++i) {
        (i + recent_days < days.size() ? before : now).add(days[i]);
    }
    return change_between(before, now, {});
}

void speed_history::note(const std::string& model, const std::string& day, circumstances with,
                         const written_answer& what) {
    if (what.tokens < fewest_tokens || what.decode <= core::nanoseconds{0}) {
        return;
    }
    for (auto& [name, value] : with) {
        value = value.substr(0, most_letters);
    }
    std::vector<speed_day>& days = models_[model];
    const bool goes_on = !days.empty() && days.back().day == day && agree(days.back().with, with);
    if (!days.empty()) {
        with.insert(days.back().with.begin(), days.back().with.end());  // what is not given now is as it was
    }
    if (!goes_on) {
        days.push_back({day, {}, 0, 0, 0, 0.0});
    }
    speed_day& of = days.back();
    of.with = std::move(with);
    ++of.answers;
    of.tokens += what.tokens;
    of.prompt_tokens += what.prompt_tokens;
    of.seconds += core::as_seconds(what.decode);
    keep_bounds();
}

void speed_history::keep_bounds() {
    std::size_t all = 0;
    for (auto& [name, days] : models_) {
        if (days.size() > most_days) {
            days.erase(days.begin(), days.end() - static_cast<std::ptrdiff_t>(most_days));
        }
        all += days.size();
    }
    for (; all > most; --all) {
        const auto longest =
            std::max_element(models_.begin(), models_.end(),
                             [](const auto& a, const auto& b) { return a.second.size() < b.second.size(); });
        longest->second.erase(longest->second.begin());
        if (longest->second.empty()) {
            models_.erase(longest);
        }
    }
}

std::string speed_history::text() const {
    json out{{"format", format}, {"models", json::object()}};
    for (const auto& [name, days] : models_) {
        json& to = out["models"][name] = json::array();
        for (const speed_day& one : days) {
            to.push_back(day_json(one));
        }
    }
    return out.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

speed_history speed_history::of_text(std::string_view text) {
    speed_history out;
    const nlohmann::json kept = core::parse_json(text);
    const auto models = kept.is_object() ? kept.find("models") : kept.end();
    if (!kept.is_object() || core::is_newer_format(kept, "format", format) || models == kept.end() ||
        !models->is_object()) {
        return out;
    }
    for (const auto& [name, days] : models->items()) {
        for (const nlohmann::json& one : days) {
            if (auto day = one.is_object() ? day_of(one) : std::nullopt) {
                out.models_[name].push_back(*std::move(day));
            }
        }
    }
    out.keep_bounds();
    return out;
}

void speed_history::go_on_behind(speed_history kept) {
    for (auto& [name, days] : models_) {
        std::vector<speed_day>& to = kept.models_[name];
        std::ranges::move(days, std::back_inserter(to));
    }
    models_ = std::move(kept.models_);
    keep_bounds();
}

json speed_history::report() const {
    json out{{"models", json::array()}};
    for (const auto& [name, days] : models_) {
        const std::optional<speed_change> change = last_change(days);
        json model{
            {"name", name}, {"change", change ? change->text() : std::string()}, {"days", json::array()}};
        for (const speed_day& one : days) {
            model["days"].push_back(day_json(one));
        }
        out["models"].push_back(std::move(model));
    }
    return out;
}

}  // namespace corral::monitor
